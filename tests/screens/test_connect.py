"""The connect dialog: checked by the options themselves, with no secret on the screen."""

from __future__ import annotations

from typing import Any

import pytest
from textual.app import App

from natstui.app import STYLES
from natstui.connection.options import ConnectOptions
from natstui.screens.connect import ConnectDialog, Connecting
from natstui.widgets.choice import Choice
from natstui.widgets.field import Field
from natstui.widgets.notice import Notice
from tests.dashboards import screen_text

SIZE = (100, 40)


class DialogApp(App[None]):
    """Shows the dialog and keeps what it answers."""

    CSS_PATH = [STYLES / "dashboard.tcss", STYLES / "screens.tcss"]  # noqa: RUF012

    def __init__(self, options: ConnectOptions) -> None:
        super().__init__()
        self.options = options
        self.answers: list[Connecting | None] = []

    def on_mount(self) -> None:
        self.push_screen(ConnectDialog(self.options, "Connect", offers_all=True), self.answers.append)


def set_field(app: App[None], name: str, value: str) -> None:
    app.screen.query_one(f"#{name}", Field).value = value


async def test_what_is_entered_becomes_options() -> None:
    app = DialogApp(ConnectOptions())
    async with app.run_test(size=SIZE) as pilot:
        for name, value in {
            "servers": "nats://a:1, tls://b:2",
            "name": "mine",
            "user": "ann",
            "password": "s3cret",
            "ping_interval": "1m30s",
            "max_outstanding_pings": "5",
            "idle_timeout": "0",
            "root_certificates": "/tmp/ca.pem",
        }.items():
            set_field(app, name, value)
        app.screen.query_one("#tls", Choice).value = "required"
        app.screen.query_one("#idle_policy", Choice).value = "close"
        await pilot.pause()
        assert "s3cret" not in screen_text(app)  # type: ignore[arg-type]
        await pilot.press("f8")
    (answer,) = app.answers
    assert answer is not None and not answer.is_for_all
    options = answer.options
    assert options.servers == ("nats://a:1", "tls://b:2") and options.name == "mine"
    assert options.user == "ann" and options.password.get_secret_value() == "s3cret"  # type: ignore[union-attr]
    assert (options.ping_interval, options.max_outstanding_pings, options.idle_timeout) == (90.0, 5, 0.0)
    assert options.require_tls and options.idle_policy == "close" and str(options.root_certificates) == "/tmp/ca.pem"


async def test_untouched_options_come_back_as_they_were() -> None:
    options = ConnectOptions(
        servers="nats://ann:pw@a:1", tls_first=True, idle_timeout=5400, ping_interval=0.25, connection_timeout=1.5
    )
    app = DialogApp(options)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f8")
    (answer,) = app.answers
    assert answer is not None and answer.options == options


async def test_stored_secrets_are_never_put_into_a_field() -> None:
    app = DialogApp(ConnectOptions(user="ann", password="s3cret"))
    async with app.run_test(size=SIZE) as pilot:
        assert all("s3cret" not in field.value for field in app.screen.query(Field))
        assert app.screen.query_one("#password", Field).placeholder == "set; - removes it"
        await pilot.press("f8")
    (answer,) = app.answers
    assert answer is not None and answer.options.password.get_secret_value() == "s3cret"  # type: ignore[union-attr]


async def test_a_stored_secret_can_be_removed() -> None:
    app = DialogApp(ConnectOptions(token="t0ken"))
    async with app.run_test(size=SIZE) as pilot:
        set_field(app, "token", "-")
        await pilot.press("f8")
    (answer,) = app.answers
    assert answer is not None and answer.options.token is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"servers": "http://a"}, "servers"),
        ({"servers": ""}, "servers"),
        ({"servers": "ws://a, nats://b"}, "servers"),
        ({"ping_interval": "soon"}, "ping_interval"),
        ({"ping_interval": "0"}, "ping_interval"),
        ({"max_outstanding_pings": "0"}, "max_outstanding_pings"),
        ({"max_outstanding_pings": "two"}, "max_outstanding_pings"),
        ({"user": "ann"}, "user"),
        ({"user": "ann", "password": "x", "nkey_seed": "SUA"}, "nkey_seed"),
        ({"client_key": "key.pem"}, "client_key"),
    ],
)
async def test_what_cannot_work_is_one_sentence_and_stays(changes: dict[str, Any], said: str) -> None:
    app = DialogApp(ConnectOptions())
    async with app.run_test(size=SIZE) as pilot:
        for name, value in changes.items():
            set_field(app, name, value)
        await pilot.press("f5")
        await pilot.pause()
        assert isinstance(app.screen, ConnectDialog) and app.answers == []
        assert said in app.screen.query_one(Notice).sentence
        for name, value in changes.items():
            assert app.screen.query_one(f"#{name}", Field).value == value
        await pilot.press("escape")
    assert app.answers == [None]


async def test_it_fits_a_small_screen() -> None:
    app = DialogApp(ConnectOptions())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        text = screen_text(app)  # type: ignore[arg-type]
        assert "servers" in text and "F5 connect" in text and "esc cancel" in text

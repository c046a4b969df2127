"""The contexts screen over real servers: panels on different contexts, side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.content import Content

from natstui.app import NatstuiApp
from natstui.connection.options import ConnectOptions
from natstui.context_labels import COLOURS, ContextLabel
from natstui.context_options import authentication_words, options_on
from natstui.contexts import context_directory, load_context
from natstui.screens.choose_panel import ChoosePanel
from natstui.screens.contexts import ContextsScreen
from natstui.widgets.header_line import HeaderLine
from natstui.widgets.notice import Notice
from tests.dashboards import make_app, screen_text, until_connected
from tests.scenes import write_contexts
from tests.servers import NatsServer
from tests.waiting import until

SIZE = (120, 40)


def titles(app: NatstuiApp) -> list[str]:
    return [Content.from_markup(str(panel.border_title)).plain for panel in app.dashboard.panels]


def header(app: NatstuiApp) -> str:
    return app.dashboard.query_one(HeaderLine).text


def tree(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


async def test_a_panel_is_opened_on_a_context_beside_others(nats_server_factory: Callable[..., NatsServer]) -> None:
    here, there = nats_server_factory(), nats_server_factory(config="authorization { user: ann, password: s3cret }")
    write_contexts({"prod": {"url": there.url, "user": "ann", "password": "s3cret", "color_scheme": "red"}})
    before = tree(context_directory().parent)
    app = make_app(here.url, "publish:a", options={"ping_interval": 7})
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        assert titles(app) == ["1 publish a"]
        await pilot.press("ctrl+t")
        assert isinstance(app.screen, ContextsScreen)
        await pilot.pause()
        text = screen_text(app)
        assert there.url in text and "user ann with password" in text and "s3cret" not in text
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ChoosePanel))
        await pilot.press("r")
        await until(lambda: len(app.dashboard.panels) == 2)
        await until_connected(app)
        assert [one["name"] for one in there.connections()] == ["natstui request-2"]
        assert [one["name"] for one in here.connections()] == ["natstui publish-1"]
        assert app.dashboard.panels[1].options.ping_interval == 7
        assert titles(app) == ["1 publish  no context  a", "2 request  PRODUCTION prod "]
        assert "PRODUCTION prod" in header(app) and "and  no context" in header(app)
    assert tree(context_directory().parent) == before


async def test_this_panel_and_all_panels_are_connected_to_a_context(
    nats_server_factory: Callable[..., NatsServer],
) -> None:
    here, there = nats_server_factory(), nats_server_factory()
    write_contexts({"dev": {"url": here.url}, "prod": {"url": there.url}}, "prod")
    app = make_app(here.url, "publish:a", "publish:b")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("alt+2", "f12")
        await until(lambda: "c connects panel 2, publish" in screen_text(app))
        await pilot.press("c")
        await until(lambda: [one["name"] for one in there.connections()] == ["natstui publish-2"])
        assert "prod" in titles(app)[1] and "prod" not in titles(app)[0]
        await pilot.press("ctrl+t", "a")
        await until(lambda: len(there.connections()) == 2)
        await until_connected(app)
        assert titles(app) == ["1 publish  PRODUCTION prod  a", "2 publish  PRODUCTION prod  b"]
        assert "PRODUCTION prod" in header(app) and "and" not in header(app)
        await pilot.press("ctrl+t", "escape")
        assert app.screen is app.dashboard


async def test_a_context_that_cannot_be_used_says_why(nats_server: NatsServer) -> None:
    write_contexts({"typo": {"url": "http://ann:s3cret@a"}})
    (context_directory() / "worse.json").write_text("{ no JSON", encoding="utf-8")
    app = make_app(nats_server.url, "publish:a")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("ctrl+t")
        for said in ("servers", "is not JSON"):
            await pilot.press("enter")
            assert isinstance(app.screen, ContextsScreen) and said in app.screen.query_one(Notice).sentence
            assert "s3cret" not in screen_text(app)
            await pilot.press("down")


async def test_contexts_made_meanwhile_are_found_when_read_again(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:a")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("ctrl+t")
        await until(lambda: "There is no nats context." in screen_text(app))
        assert "~/config/nats/context" in screen_text(app)
        write_contexts({"evil": {"url": nats_server.url, "description": "a\x1b[31mb [/x]"}})
        await pilot.press("r")
        await until(lambda: "1 context" in screen_text(app) and "[/x]" in screen_text(app))
        assert "\x1b" not in screen_text(app)


async def test_a_hosted_session_is_offered_none(nats_server: NatsServer) -> None:
    write_contexts({"prod": {"url": "nats://prod:4222"}})
    app = make_app(nats_server.url, "publish:a", hosted=True)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("ctrl+t", "f12")
        assert app.screen is app.dashboard
        assert not any("ontexts" in command.title for command in app.get_system_commands(app.screen))


def test_the_colour_is_the_schemes_or_else_the_names() -> None:
    assert ContextLabel("a", "red").colour == COLOURS["red"] == ContextLabel("b", "bright-red").colour
    assert ContextLabel("prod").colour == ContextLabel("prod", "rounded").colour
    assert len({ContextLabel(f"context-{number}").colour for number in range(40)}) == len(COLOURS)


def test_credentials_of_one_place_never_travel_to_another(tmp_path: Path) -> None:
    write_contexts({"plain": {"url": "nats://b:4222"}, "token": {"url": "nats://t0ken@b:4222"}})
    base = ConnectOptions(
        servers="nats://a:4222", user="ann", password="s3cret", client_certificate=tmp_path, require_tls=True,
        custom_inbox_prefix="_MINE", idle_timeout=60, name="me",
    )  # fmt: skip
    options = options_on(load_context("plain"), base)
    assert options == ConnectOptions(servers="nats://b:4222", idle_timeout=60, name="me")
    assert authentication_words(options) == "none"
    assert authentication_words(options_on(load_context("token"), base)) == "token"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"user": "ann", "password": "s3cret"}, "user ann with password"),
        ({"token": "s3cret"}, "token"),
        ({"nkey_seed": "s3cret"}, "nkey seed"),
        ({"jwt": "s3cret", "nkey_seed": "s3cret"}, "user JWT with nkey seed"),
        ({"credentials": "s3cret"}, "credentials"),
        (
            {"credentials_file": "/a.creds", "client_certificate": "/a.pem"},
            "credentials file /a.creds, certificate /a.pem",
        ),
    ],
)
def test_how_one_authenticates_is_told_without_secrets(options: dict[str, str], words: str) -> None:
    assert authentication_words(ConnectOptions(**options)) == words  # type: ignore[arg-type]

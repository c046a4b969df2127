"""The connect dialog as a form: its sections, its secrets, and what it keeps though it does not show it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from textual import events
from textual.pilot import Pilot
from textual.widget import Widget

from natstui.connection.options import ConnectOptions
from natstui.context_keys import unsigned
from natstui.screens.connect import ConnectDialog
from natstui.screens.connect_rows import ROWS
from natstui.settings import CONNECT_FIELDS
from natstui.widgets.choice import Choice
from natstui.widgets.field import Field
from natstui.widgets.form_section import FormSection, SectionHeading
from natstui.widgets.notice import Notice
from natstui.widgets.pasted_field import PastedField
from tests.credentials import Operator
from tests.dashboards import screen_text
from tests.screens.test_connect import SIZE, DialogApp, set_field
from tests.waiting import until

SMALL = (80, 24)
KEPT = {"read_buffer_capacity", "read_only", "fault_drill"}
"""Options that are text and that the dialog leaves as they are."""


async def answer(app: DialogApp, pilot: Pilot[Any], **entered: str) -> ConnectOptions:
    """Enter these, take them untried, and return what comes of it."""
    for name, value in entered.items():
        widget = app.screen.query_one(f"#{name}")
        assert isinstance(widget, Field | Choice)
        widget.value = value
    await pilot.press("f8")
    assert app.answers, app.screen.query_one(Notice).sentence
    found = app.answers[0]
    assert found is not None
    return found.options


async def paste(app: DialogApp, pilot: Pilot[Any], name: str, text: str) -> PastedField:
    """Paste a text into a field, as a terminal does."""
    field = app.screen.query_one(f"#{name}", PastedField)
    field.focus()
    await pilot.pause()
    app.post_message(events.Paste(text))
    await pilot.pause()
    return field


def section(app: DialogApp, title: str) -> FormSection:
    return next(one for one in app.screen.query(FormSection) if one.title == title)


def shown(app: DialogApp) -> str:
    return screen_text(app)  # type: ignore[arg-type]


def focused(app: DialogApp) -> Widget:
    assert app.screen.focused is not None
    return app.screen.focused


def is_in_view(widget: Widget) -> bool:
    return widget.query_ancestor("VerticalScroll").region.contains_region(widget.region)


# What is there


def test_every_option_that_is_text_has_a_row() -> None:
    rows = (set(ROWS) - {"tls"}) | {"require_tls", "tls_first"}
    assert rows == set(CONNECT_FIELDS) - KEPT


async def test_what_the_dialog_does_not_show_is_kept() -> None:
    def delay(_attempts: int) -> float:
        return 1.0

    options = ConnectOptions(
        servers="nats://ann:pw@a:1, nats://bob:secret@b:2",
        read_buffer_capacity=100_000,
        reconnect_delay_callback=delay,
        event_callback=print,
        max_reconnects=7,
        retry_on_initial_connect=True,
        ignore_discovered_servers=True,
        retain_servers_order=True,
        skip_subject_validation=True,
        subscription_capacity=5,
        client_capacity=6,
        custom_inbox_prefix="mine",
        local_address="127.0.0.1",
        no_echo=True,
    )
    app = DialogApp(options)
    async with app.run_test(size=SIZE) as pilot:
        changed = await answer(app, pilot, name="other")
    assert changed == options.replace(name="other") and changed.pool == options.pool


@pytest.mark.parametrize(
    "stored",
    [
        {"credentials": Operator().user().text},
        {"jwt": "a.b.c", "nkey_seed": Operator().user().key.seed},
        {"jwt": "a.b.c", "sign_callback": unsigned},
        {"jwt": "a.b.c", "sign_callback": bytes},
        {"nkey_seed": Operator().user().key.seed},
        {"credentials_file": "~/user.creds"},
        {"token": "t0ken"},
    ],
    ids=lambda stored: "+".join(stored),
)
async def test_stored_ways_of_authentication_come_back_untouched(stored: dict[str, Any]) -> None:
    options = ConnectOptions(**stored)
    app = DialogApp(options)
    async with app.run_test(size=SIZE) as pilot:
        assert await answer(app, pilot, ping_interval="5s") == options.replace(ping_interval=5)


async def test_every_other_option_can_be_entered() -> None:
    app = DialogApp(ConnectOptions())
    entered = {
        "max_reconnects": "3",
        "retry_on_initial_connect": "yes",
        "ignore_discovered_servers": "yes",
        "retain_servers_order": "yes",
        "skip_subject_validation": "yes",
        "subscription_capacity": "10",
        "client_capacity": "11",
        "custom_inbox_prefix": "_INBOX_ann",
        "local_address": "127.0.0.1",
        "no_echo": "yes",
    }
    async with app.run_test(size=SIZE) as pilot:
        changed = await answer(app, pilot, **entered)
    values: dict[str, Any] = {name: True if value == "yes" else value for name, value in entered.items()}
    values |= {"max_reconnects": 3, "subscription_capacity": 10, "client_capacity": 11}
    assert changed == ConnectOptions(**values)


async def test_no_limit_of_reconnects_is_a_word_and_zero_a_limit() -> None:
    app = DialogApp(ConnectOptions(max_reconnects=4))
    async with app.run_test(size=SIZE) as pilot:
        assert (await answer(app, pilot, max_reconnects="unlimited")).max_reconnects is None
    app = DialogApp(ConnectOptions())
    async with app.run_test(size=SIZE) as pilot:
        assert app.screen.query_one("#max_reconnects", Field).value == "unlimited"
        assert (await answer(app, pilot, max_reconnects="0")).max_reconnects == 0


# Credentials in URLs


async def test_credentials_entered_count_over_those_of_the_urls() -> None:
    app = DialogApp(ConnectOptions(servers="nats://ann:pw@a:1, nats://bob:secret@b:2"))
    async with app.run_test(size=SIZE) as pilot:
        options = await answer(app, pilot, user="eve", password="x")
    assert [userinfo for _, userinfo in options.pool] == [None, None]
    assert options.user == "eve" and options.servers == ("nats://a:1", "nats://b:2")


async def test_credentials_of_a_url_can_be_removed() -> None:
    app = DialogApp(ConnectOptions(servers="nats://ann:pw@a:1"))
    async with app.run_test(size=SIZE) as pilot:
        options = await answer(app, pilot, user="")
    assert options.user is None and options.password is None and options.pool[0][1] is None


async def test_a_server_added_leaves_the_others_their_credentials() -> None:
    app = DialogApp(ConnectOptions(servers="nats://ann:pw@a:1, nats://bob:secret@b:2"))
    async with app.run_test(size=SIZE) as pilot:
        options = await answer(app, pilot, servers="nats://b:2, nats://c:3, nats://a:1")
    assert [userinfo and userinfo.user for _, userinfo in options.pool] == ["bob", None, "ann"]


# Secrets


async def test_a_secret_pasted_with_its_line_breaks_is_taken_whole_and_never_shown() -> None:
    user = Operator().user()
    app = DialogApp(ConnectOptions())
    async with app.run_test(size=SIZE) as pilot:
        field = await paste(app, pilot, "credentials", user.text.replace("\n", "\r\n"))
        assert f"{len(user.text.strip().splitlines())} lines, " in shown(app) and "pasted; backspace removes" in shown(
            app
        )
        assert user.key.seed not in shown(app) and field.value == ""
        options = await answer(app, pilot)
    assert options.credentials is not None
    assert options.credentials == SecretStr(user.text.strip())


async def test_what_was_pasted_can_be_taken_back() -> None:
    app = DialogApp(ConnectOptions())
    async with app.run_test(size=SIZE) as pilot:
        field = await paste(app, pilot, "credentials", Operator().user().text)
        await pilot.press("backspace")
        assert field.secret == "" and "pasted;" not in shown(app)
        assert (await answer(app, pilot)).credentials is None


async def test_typing_takes_the_place_of_what_was_pasted() -> None:
    app = DialogApp(ConnectOptions(jwt="a.b.c", sign_callback=unsigned))
    async with app.run_test(size=SIZE) as pilot:
        await paste(app, pilot, "jwt", Operator().user().jwt)
        await pilot.press("minus")
        options = await answer(app, pilot)
    assert options.jwt is None and options.sign_callback is None


async def test_the_apps_own_clipboard_keeps_line_breaks_too() -> None:
    user = Operator().user()
    app = DialogApp(ConnectOptions())
    async with app.run_test(size=SIZE) as pilot:
        app.copy_to_clipboard(user.text)
        app.screen.query_one("#credentials", Field).focus()
        await pilot.press("ctrl+v")
        assert (await answer(app, pilot)).credentials == SecretStr(user.text.strip())


async def test_a_jwt_without_a_seed_is_a_bearer_and_with_one_is_signed() -> None:
    user = Operator().user()
    wrapped = (
        "-----BEGIN NATS USER JWT-----\n" + user.jwt[:64] + "\n" + user.jwt[64:] + "\n------END NATS USER JWT------"
    )
    app = DialogApp(ConnectOptions())
    async with app.run_test(size=SIZE) as pilot:
        await paste(app, pilot, "jwt", wrapped)
        options = await answer(app, pilot)
    assert options.jwt == SecretStr(user.jwt) and options.sign_callback is unsigned
    app = DialogApp(options)
    async with app.run_test(size=SIZE) as pilot:
        await paste(app, pilot, "nkey_seed", user.key.seed)
        options = await answer(app, pilot)
    assert options.sign_callback is None and options.nkey_seed == SecretStr(user.key.seed)


async def test_a_secret_may_be_a_file_whose_path_is_shown(tmp_path: Path) -> None:
    user = Operator().user()
    (tmp_path / "ann.nk").write_text(f"{user.key.seed}\n")
    app = DialogApp(ConnectOptions())
    async with app.run_test(size=SIZE) as pilot:
        set_field(app, "nkey_seed", str(tmp_path / "ann.nk"))
        await pilot.pause()
        assert not app.screen.query_one("#nkey_seed", Field).password
        options = await answer(app, pilot)
    assert options.nkey_seed == SecretStr(user.key.seed)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("jwt", "/no/such/file", "/no/such/file, which is no file"),
        ("jwt", "/dev/zero", "is no file"),
        ("jwt", "S3cretNoJwt", "is no JWT"),
        pytest.param("jwt", Operator().user().text, "whole credentials file", id="jwt-credentials"),
        ("nkey_seed", "S3cretNoSeed", "is no nkey seed"),
        ("credentials", "S3cretNoCreds", "is no credentials file"),
    ],
)
async def test_a_secret_that_is_none_is_told_without_repeating_it(name: str, text: str, said: str) -> None:
    app = DialogApp(ConnectOptions())
    async with app.run_test(size=SIZE) as pilot:
        await paste(app, pilot, name, text)
        await pilot.press("f5")
        await pilot.pause()
        sentence = app.screen.query_one(Notice).sentence
        assert said in sentence and "S3cret" not in sentence and "BEGIN" not in sentence
        assert focused(app).id == name and app.answers == []


async def test_a_path_is_shown_sanitised() -> None:
    app = DialogApp(ConnectOptions())
    async with app.run_test(size=SIZE) as pilot:
        await paste(app, pilot, "jwt", "/tmp/\x1b[31mred\x07")
        assert app.screen.query_one("#jwt", Field).value.isprintable()


# Sections


async def test_the_first_screenful_is_what_most_people_need() -> None:
    app = DialogApp(ConnectOptions())
    async with app.run_test(size=SMALL) as pilot:
        await pilot.pause()
        text = shown(app)
        for words in ("servers", "user", "password", "token", "creds file", "JWT", "+ TLS", "+ messages", "for"):
            assert words in text
        assert "F5 connect" in text and "esc cancel" in text and "ping every  " in text


async def test_where_there_is_room_all_is_open() -> None:
    app = DialogApp(ConnectOptions())
    async with app.run_test(size=(120, 50)) as pilot:
        await pilot.pause()
        assert all(one.is_open for one in app.screen.query(FormSection))
        assert "unchecked subjects" in shown(app) and "F5 connect" in shown(app)


async def test_a_section_is_opened_and_folded_with_the_keyboard_and_tells_what_it_holds() -> None:
    app = DialogApp(ConnectOptions())
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("pagedown", "pagedown")
        heading = focused(app)
        assert isinstance(heading, SectionHeading) and heading is section(app, "TLS").heading
        await pilot.press("enter")
        await until(lambda: section(app, "TLS").is_open)
        await pilot.press("tab", "tab")
        await until(lambda: focused(app).id == "root_certificates")
        await pilot.press(*"ca")
        await pilot.press("pageup")
        assert focused(app) is heading
        await pilot.press("left")
        await pilot.pause()
        assert not section(app, "TLS").is_open and "CA file ca" in shown(app)
        await pilot.press("tab")
        assert focused(app) is section(app, "liveness and sleep").heading


async def test_a_folded_section_tells_that_a_secret_is_set_and_no_more() -> None:
    app = DialogApp(ConnectOptions(token="s3cret"))
    async with app.run_test(size=SMALL) as pilot:
        set_field(app, "password", "pw0rd")
        await pilot.press("pagedown", "left")
        await pilot.pause()
        text = shown(app)
        assert "token set" in text and "password set" in text and "s3cret" not in text and "pw0rd" not in text


async def test_everything_open_can_be_reached_on_a_small_screen() -> None:
    app = DialogApp(ConnectOptions())
    async with app.run_test(size=SMALL) as pilot:
        for one in app.screen.query(FormSection):
            one.heading.focus()
            await pilot.press("right")
        await pilot.pause()
        for option in ROWS:
            widget = app.screen.query_one(f"#{option}")
            widget.focus()
            await until(lambda: is_in_view(widget), what=option)  # noqa: B023
            assert "F5 connect" in shown(app)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_reconnects", "-1"),
        ("max_reconnects", "many"),
        ("subscription_capacity", "0"),
        ("client_capacity", "1.5"),
        ("custom_inbox_prefix", "a.>"),
        ("local_address", "somewhere"),
        ("ping_interval", "soon"),
        ("client_key", "key.pem"),
    ],
)
async def test_a_wrong_field_in_a_folded_section_is_opened_and_focused(name: str, value: str) -> None:
    app = DialogApp(ConnectOptions())
    async with app.run_test(size=SMALL) as pilot:
        set_field(app, name, value)
        await pilot.press("f5")
        await pilot.pause()
        assert name in app.screen.query_one(Notice).sentence and isinstance(app.screen, ConnectDialog)
        widget = app.screen.query_one(f"#{name}", Field)
        assert focused(app) is widget and widget.value == value
        await until(lambda: is_in_view(widget))
        assert "F5 connect" in shown(app)


async def test_the_field_under_the_cursor_is_explained() -> None:
    app = DialogApp(ConnectOptions())
    async with app.run_test(size=SIZE) as pilot:
        app.screen.query_one("#max_outstanding_pings").focus()
        await pilot.pause()
        assert "counts as lost" in shown(app) and "max_outstanding_pings" in shown(app)

"""Keys: none acts by accident, each is found in the palette and in the help, all can be changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.command import CommandPalette
from textual.widgets import Input

from natstui.app import NatstuiApp
from natstui.keys import KEYS, check_keymap
from natstui.screens.connections import ConnectionsScreen
from natstui.screens.events import EventsScreen
from natstui.screens.help import HelpScreen, key_groups
from natstui.widgets.field import Field
from natstui.widgets.key_line import KeyLine
from tests.dashboards import SIZE, fill, make_app, publish_panel, screen_text, subscribe_panel, until_connected
from tests.servers import NatsServer
from tests.waiting import until

NOWHERE = "nats://127.0.0.1:1"


def notifications(app: NatstuiApp) -> str:
    return " ".join(notification.message for notification in app._notifications)


async def test_single_letters_are_text_in_a_field(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", "publish:orders.new")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = subscribe_panel(app)
        await fill(pilot, panel, "subjects", "zrsxeiq?/123")
        assert panel.query_one("#subjects", Field).value == "zrsxeiq?/123"
        editor = publish_panel(app, 2).composer.payload_editor
        editor.focus()
        await pilot.press(*"zrsxei123", "question_mark", "slash", "space")
        assert editor.text == "zrsxei123?/ "
        assert app.screen is app.dashboard and app.dashboard.grid.zoomed is None
        assert panel.connection.stats().is_connected


async def test_escape_leaves_the_field_and_letters_act_again(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", "publish:orders.new")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await fill(pilot, publish_panel(app, 2), "subject", "x")
        await pilot.press("escape", "z")
        assert app.dashboard.grid.zoomed is publish_panel(app, 2)
        await pilot.press("escape")
        assert app.dashboard.grid.zoomed is None


async def test_function_keys_act_in_a_field_too(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:orders.new")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        for key, screen in (("f1", HelpScreen), ("f2", ConnectionsScreen), ("f3", EventsScreen)):
            publish_panel(app).query_one("#subject", Field).focus()
            await pilot.press(key)
            assert isinstance(app.screen, screen), key
            await pilot.press("escape")
            assert app.screen is app.dashboard


async def test_f2_and_f3_lead_from_one_to_the_other_and_back() -> None:
    app = make_app(NOWHERE)
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: app.screen is not app.dashboard)
        await pilot.press("escape", "f2", "f3")
        assert isinstance(app.screen, EventsScreen)
        await pilot.press("f2")
        assert isinstance(app.screen, ConnectionsScreen)
        await pilot.press("f2")
        assert app.screen is app.dashboard


async def test_keys_of_other_consoles_lead_there_too(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("colon")
        assert isinstance(app.screen, CommandPalette)
        await pilot.press("escape")
        for key, screen in (("f2", ConnectionsScreen), ("f3", EventsScreen), ("question_mark", HelpScreen)):
            await pilot.press(key)
            assert isinstance(app.screen, screen)
            await pilot.press("q")
            assert app.screen is app.dashboard


async def test_a_screenshot_is_saved_where_there_is_no_place_for_downloads(
    nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(nats_server.url, "publish:orders.new")
    monkeypatch.chdir(tmp_path)
    async with app.run_test(size=SIZE, notifications=True):
        await until_connected(app)
        (take,) = (command for command in app.get_system_commands(app.screen) if command.title == "Screenshot")
        take.callback()
        saved = await until(lambda: list(tmp_path.glob("natstui *.svg")), 10)
        await until(lambda: saved[0].name in notifications(app))
        assert "</svg>" in saved[0].read_text()
        tmp_path.joinpath("gone").mkdir()
        monkeypatch.chdir(tmp_path / "gone")
        tmp_path.joinpath("gone").rmdir()
        take.callback()
        await until(lambda: "cannot be saved" in notifications(app))


async def test_every_action_is_in_the_palette_with_its_key(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", "publish:orders.new")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        titles = [command.title for command in app.get_system_commands(app.screen)]
        for title in (
            "Zoom  (F4)",
            "New panel  (^n)",
            "Close panel  (^w)",
            "Reconnect  (r)",
            "Sleep  (s)",
            "Help  (F1)",
        ):
            assert title in titles
        assert "Theme" in titles
        actions = {active.binding.action for active in app.screen.active_bindings.values()}
        assert len(titles) >= len(actions) - 10
        await pilot.press("ctrl+p")
        assert isinstance(app.screen, CommandPalette)
        await pilot.press(*"zoom")
        await until(lambda: "Zoom" in screen_text(app))
        await pilot.press("enter")
        if isinstance(app.screen, CommandPalette):
            await pilot.press("enter")
        await until(lambda: app.dashboard.grid.zoomed is not None)


async def test_the_help_is_made_from_the_bindings(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:orders.new")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        groups = {group.title: group.entries for group in key_groups(app.screen, {})}
        assert {"publish panel", "dashboard", "everywhere"} <= set(groups)
        shown = {entry.id for entries in groups.values() for entry in entries}
        assert {"publish.send", "panel.sleep", "dashboard.zoom", "app.quit", "dashboard.panel_1"} <= shown
        assert not {name for name in shown if name.startswith("dashboard.panel_")} - {"dashboard.panel_1"}
        await pilot.press("f1")
        assert "publish panel" in screen_text(app)
        await pilot.press("f1")
        assert app.screen is app.dashboard


async def test_every_binding_of_the_registry_is_explained() -> None:
    for name, key in KEYS.items():
        assert key.words and key.tooltip and key.keys, name


async def test_the_line_of_keys_follows_the_focus(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", "publish:orders.new")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        line = app.dashboard.query_one(KeyLine)
        await until(lambda: "space pause" in line.text and "F5 send" not in line.text)
        assert "F1 help" in line.text and "^p palette" in line.text
        await pilot.press("alt+2")
        await until(lambda: "F5 send" in line.text and "space pause" not in line.text)


async def test_a_keymap_changes_keys(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:a", "publish:b", keymap={"dashboard.zoom": "f11", "panel.sleep": "S"})
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("f4")
        assert app.dashboard.grid.zoomed is None
        await pilot.press("f11")
        assert app.dashboard.grid.zoomed is app.dashboard.panels[0]
        titles = [command.title for command in app.get_system_commands(app.screen)]
        assert "Zoom  (F11)" in titles


async def test_a_wrong_keymap_is_told_and_keeps_nothing_from_starting(nats_server: NatsServer) -> None:
    keymap = {"dashboard.zoom": "f11", "dashboard.fly": "f12", "panel.sleep": " , "}
    app = make_app(nats_server.url, "subscribe:a", keymap=keymap)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until_connected(app)
        assert "'dashboard.fly'" in notifications(app) and "panel.sleep" in notifications(app)
        await pilot.press("f11")
        assert app.dashboard.grid.zoomed is not None


async def test_an_unknown_theme_is_told(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:a", theme="[/mauve]")
    async with app.run_test(size=SIZE, notifications=True):
        await until_connected(app)
        assert "[/mauve]" in notifications(app) and "natstui-light" in notifications(app)
        assert app.theme == "natstui"


async def test_every_theme_of_textual_can_be_chosen(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:a", "publish:b", "request:c")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        for name in sorted(app.available_themes):
            app.theme = name
            await pilot.pause()
            assert "● connected" in screen_text(app), name


def test_a_keymap_is_checked_entry_by_entry() -> None:
    keymap: dict[str, Any] = {"a.b": "f1, f2", "a.c": "", "x.y": "f3"}
    valid, problems = check_keymap(keymap, ["a.b", "a.c"])
    assert valid == {"a.b": "f1,f2"}
    assert len(problems) == 2 and "a.c" in problems[0] and "'x.y'" in problems[1]


async def test_fields_show_pasted_control_characters_as_what_they_are() -> None:
    app = make_app(NOWHERE, "publish:a")
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: app.screen is not app.dashboard)
        await pilot.press("escape")
        panel = publish_panel(app)
        field = panel.query_one("#subject", Field)
        field.value = "a\x1b]0;x\x07b"
        panel.composer.load("", "c\x1b[2Jd\x9be[/x]")
        await pilot.pause()
        text = screen_text(app)
        assert "\x1b" not in text and "\x07" not in text and "\x9b" not in text
        assert "c␛[2Jd·e[/x]" in text
        assert panel.draft.payload == "c\x1b[2Jd\x9be[/x]"
        assert isinstance(field, Input)

"""Panels come, go, move and take turns, each with a connection of its own."""

from __future__ import annotations

import pytest

from natstui.screens.choose_panel import ChoosePanel
from natstui.screens.confirm import Confirm
from natstui.widgets.arrangement import Layout
from natstui.widgets.field import Field
from natstui.widgets.tab_line import TabLine
from tests.dashboards import (
    SIZE,
    focused_in,
    make_app,
    press_at_once,
    publish_panel,
    screen_text,
    subscribe_panel,
    until_connected,
)
from tests.servers import NatsServer
from tests.waiting import until

THREE = ("subscribe:orders.>", "publish:orders.new", "request:svc.echo")


async def test_every_panel_has_a_connection_of_its_own(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, *THREE)
    async with app.run_test(size=SIZE):
        await until_connected(app)
        names = {connection["name"] for connection in nats_server.connections()}
        assert names == {"natstui subscribe-1", "natstui publish-2", "natstui request-3"}
    await until(lambda: nats_server.connections() == [])


async def test_a_panel_is_opened_by_key_and_closed_with_its_connection(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("ctrl+n")
        assert isinstance(app.screen, ChoosePanel)
        await pilot.press("p")
        await until(lambda: len(app.dashboard.panels) == 2)
        await until_connected(app)
        assert len(nats_server.connections()) == 2
        assert focused_in(app, app.dashboard.panels[1])
        await pilot.press("ctrl+f4")
        await until(lambda: len(app.dashboard.panels) == 1)
        await until(lambda: len(nats_server.connections()) == 1)
        await until(lambda: focused_in(app, app.dashboard.panels[0]))
        await pilot.press("ctrl+w")
        await until(lambda: not app.dashboard.panels)
        assert "There is no panel" in screen_text(app)
        await pilot.press("ctrl+n", "escape")
        assert app.screen is app.dashboard


async def test_a_closed_panel_keeps_no_messages(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", "publish:orders.new")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        ring = subscribe_panel(app).ring
        ring.extend([(b"orders.new", b"", b"x" * 1000, b"")] * 100)
        assert ring.kept == 100
        await pilot.press("ctrl+f4")
        await until(lambda: len(app.dashboard.panels) == 1)
        await until(lambda: ring.kept == 0)


async def test_closing_asks_where_a_draft_would_be_lost(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, *THREE)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        publish_panel(app, 2).composer.load("", "precious")
        await pilot.press("alt+2")
        await until(lambda: focused_in(app, app.dashboard.panels[1]))
        await pilot.press("ctrl+f4")
        assert isinstance(app.screen, Confirm)
        await pilot.press("escape")
        assert len(app.dashboard.panels) == 3 and publish_panel(app, 2).draft.payload == "precious"
        await pilot.press("ctrl+f4", "enter")
        await until(lambda: len(app.dashboard.panels) == 2)


async def test_in_a_text_field_ctrl_w_deletes_a_word_and_closes_nothing(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:orders.new", "publish:orders.new")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = publish_panel(app, 1)
        for field in (panel.query_one("#count", Field), panel.query_one("#reply", Field)):
            field.focus()
            await pilot.pause()
            field.value = "two words"
            field.cursor_position = len(field.value)
            await pilot.press("ctrl+w")
            assert field.value == "two "
            field.value = ""
        editor = panel.composer.payload_editor
        editor.focus()
        await pilot.press("o", "n", "e", "space", "t", "w", "o", "ctrl+w")
        assert editor.text == "one " and len(app.dashboard.panels) == 2
        editor.text = ""
        await pilot.press("escape", "ctrl+w")
        await until(lambda: app.dashboard.panels[1:] == [])


async def test_there_are_nine_panels_at_most(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, *["publish:a"] * 9)
    async with app.run_test(size=(200, 60)) as pilot:
        await until_connected(app, 20)
        await pilot.press("ctrl+n")
        assert app.screen is app.dashboard
        assert all(panel.display for panel in app.dashboard.panels)
        await pilot.press("alt+9")
        await until(lambda: focused_in(app, app.dashboard.panels[8]))


async def test_the_focus_moves_between_panels_also_out_of_a_field(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, *THREE)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panels = app.dashboard.panels
        for key, place in (("alt+2", 1), ("f6", 2), ("f6", 0), ("shift+f6", 2), ("alt+1", 0)):
            await pilot.press(key)
            await until(lambda place=place: focused_in(app, panels[place]), what=f"{key} to {place + 1}")
        await pilot.press("3")
        await until(lambda: focused_in(app, panels[2]))


async def test_tab_stays_within_the_panel(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, *THREE)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("alt+2")
        panel = app.dashboard.panels[1]
        await until(lambda: focused_in(app, panel))
        seen = set()
        for _ in range(8):
            await pilot.press("tab")
            assert focused_in(app, panel)
            seen.add(app.screen.focused.id)
        assert {"subject", "reply", "headers", "payload", "count", "interval"} <= seen
        await pilot.press("shift+tab")
        assert focused_in(app, panel)


async def test_the_field_that_was_left_has_the_focus_on_return(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, *THREE)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        reply = app.dashboard.panels[1].query_one("#reply", Field)
        reply.focus()
        await pilot.press("f6")
        await until(lambda: focused_in(app, app.dashboard.panels[2]))
        await pilot.press("shift+f6")
        await until(lambda: app.screen.focused is reply)


async def test_a_panel_is_zoomed_and_put_back_also_out_of_a_field(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, *THREE)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("alt+2")
        await until(lambda: focused_in(app, app.dashboard.panels[1]))
        await pilot.press("f4")
        await pilot.pause()
        assert [panel.display for panel in app.dashboard.panels] == [False, True, False]
        assert app.dashboard.panels[1].size.width > 110
        await pilot.press("f6")
        await until(lambda: app.dashboard.panels[2].display)
        await pilot.press("f4")
        await pilot.pause()
        assert all(panel.display for panel in app.dashboard.panels)


async def test_panels_change_places(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, *THREE)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        kinds = lambda: [panel.KIND for panel in app.dashboard.panels]  # noqa: E731
        await pilot.press("f8")
        await until(lambda: kinds() == ["publish", "subscribe", "request"])
        await pilot.press("f7")
        await until(lambda: kinds() == ["subscribe", "publish", "request"])
        await pilot.press("f7")
        await until(lambda: kinds() == ["publish", "request", "subscribe"])
        assert [panel.number for panel in app.dashboard.panels] == [1, 2, 3]
        assert "3 subscribe" in str(app.dashboard.panels[2].border_title)
        assert len(nats_server.connections()) == 3


async def test_layouts_take_turns(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, *THREE)
    async with app.run_test(size=(200, 50)) as pilot:
        await until_connected(app)
        grid = app.dashboard.grid
        for layout in (Layout.COLUMNS, Layout.ROWS, Layout.TABS, Layout.GRID):
            await pilot.press("f9")
            await pilot.pause()
            assert grid.panel_layout is layout
            shown = [panel for panel in app.dashboard.panels if panel.display]
            assert len(shown) == (1 if layout is Layout.TABS else 3)
            if layout is Layout.COLUMNS:
                assert len({panel.region.y for panel in shown}) == 1
            if layout is Layout.ROWS:
                assert len({panel.region.x for panel in shown}) == 1


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_a_small_screen_shows_one_panel_at_a_time(nats_server: NatsServer, size: tuple[int, int]) -> None:
    app = make_app(nats_server.url, *THREE)
    async with app.run_test(size=size) as pilot:
        await until_connected(app)
        assert [panel.display for panel in app.dashboard.panels] == [True, False, False]
        tabs = app.dashboard.query_one(TabLine)
        assert tabs.display and "1 subscribe" in tabs.text and "3 request" in tabs.text
        await pilot.press("alt+3")
        await until(lambda: [panel.display for panel in app.dashboard.panels] == [False, False, True])
        await until(lambda: focused_in(app, app.dashboard.panels[2]))


@pytest.mark.parametrize("size", [(20, 5), (59, 40), (120, 10), (1, 1)])
async def test_a_tiny_screen_says_so_in_words(nats_server: NatsServer, size: tuple[int, int]) -> None:
    app = make_app(nats_server.url, *THREE)
    async with app.run_test(size=size) as pilot:
        await until_connected(app)
        assert app.dashboard.query_one("#too-small").display
        assert not app.dashboard.grid.display
        await pilot.resize_terminal(120, 40)
        await until(lambda: not app.dashboard.query_one("#too-small").display)
        assert "● connected" in screen_text(app)


async def test_the_focus_comes_back_after_the_screen_was_too_small(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, *THREE)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("alt+2")
        await until(lambda: focused_in(app, app.dashboard.panels[1]))
        focused = app.screen.focused
        await pilot.resize_terminal(20, 5)
        await until(lambda: app.dashboard.query_one("#too-small").display and app.screen.focused is None)
        await pilot.resize_terminal(*SIZE)
        await until(lambda: app.screen.focused is focused)
        await until(lambda: "history" in screen_text(app).splitlines()[-1])


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("kind", ["subscribe", "publish", "request"])
async def test_the_end_of_a_long_text_is_in_view_in_every_field(
    nats_server: NatsServer, kind: str, size: tuple[int, int]
) -> None:
    """A field as wide as its row went on below what stands beside it, and hid what was typed."""
    app = make_app(nats_server.url, *[kind] * 9)
    async with app.run_test(size=size) as pilot:
        await until_connected(app)
        for field in app.dashboard.panels[0].query("LabelledField Field").results(Field):
            if not field.is_on_screen:
                continue
            assert field.parent is not None
            field.focus()
            field.value = "x" * 100
            await press_at_once(pilot, "end", *"END")
            await until(lambda: "END" in screen_text(app), what=f"the end of {field.id}")
            field.value = ""
            await pilot.pause()


async def test_a_panel_that_is_being_closed_is_not_moved(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:a", "subscribe:b", "request:c")
    async with app.run_test(size=(120, 40)) as pilot:
        await until_connected(app)
        dashboard = app.dashboard
        dashboard.panels[2].focus_inside()
        await pilot.pause()
        dashboard.panels[2].remove()
        dashboard.action_move_panel(1)
        dashboard.action_step_panel(1)
        await until(lambda: [panel.KIND for panel in dashboard.panels] == ["subscribe", "subscribe"])

"""What a list of messages asks the dashboard for: columns, filters by name, files, a message whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.widgets import OptionList, Static

from natstui.app import NatstuiApp
from natstui.connection.options import ConnectOptions
from natstui.launch import Launch, PanelSpec
from natstui.screens.columns import ColumnsScreen
from natstui.screens.filters import FiltersScreen, NameFilter
from natstui.screens.message_detail import MessageDetail
from natstui.screens.save_messages import SaveMessages
from natstui.settings import Settings
from natstui.stream.filter_history import SavedFilter
from natstui.widgets.field import Field
from natstui.widgets.filter_bar import FilterBar
from natstui.widgets.reply_list import Answer, ReplyRow
from tests.dashboards import SIZE, footer, press_at_once, request_panel, screen_text, subscribe_panel, type_text
from tests.fake_connection import START, FakeManager, HandTickedClock
from tests.waiting import until


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of one's own, for files and for the state."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def dashboard(home: Path, *, kind: str = "subscribe") -> NatstuiApp:
    clock = HandTickedClock()
    return NatstuiApp(
        Launch(Settings(), ConnectOptions(), (PanelSpec(kind, "orders.new" if kind == "request" else "orders.>"),)),
        manager=FakeManager(clock, None),  # type: ignore[arg-type]
        clock=clock.clock,
        ticks=False,
        log_path=home / "state" / "natstui" / "events.log",
    )


def receive(app: NatstuiApp, count: int) -> None:
    panel = subscribe_panel(app)
    for number in range(count):
        payload = b'{"id": %d, "total": %d}' % (number, number * 10)
        panel.ring.extend([(b"orders.created", b"_INBOX.1", payload, b"NATS/1.0\r\nTrace: t%d\r\n\r\n" % number)])
    panel.refresh_body()


async def test_columns_in_any_order_and_width_are_seen_at_once_and_remembered(home: Path) -> None:
    app = dashboard(home)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        receive(app, 3)
        messages = subscribe_panel(app).messages
        await pilot.press("C")
        await until(lambda: isinstance(app.screen, ColumnsScreen))
        await press_at_once(pilot, "space", "down", "K", "down", "down", "right", "right", "left")
        await press_at_once(pilot, "end", "space", "shift+up")
        wanted = [("subject", 0), ("payload", 25), ("headers", 0)]
        await until(lambda: [(column.key, column.width) for column in messages.columns] == wanted)
        await pilot.pause()
        assert "Trace: t2" in screen_text(app)
        await pilot.press("enter")
        await until(lambda: app.screen is app.dashboard)
    again = dashboard(home)
    async with again.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert [column.key for column in subscribe_panel(again).messages.columns] == ["subject", "payload", "headers"]
        await pilot.press("C", "d", "escape")
        await until(lambda: again.screen is again.dashboard)
        assert [column.key for column in subscribe_panel(again).messages.columns] == ["subject", "payload", "headers"]
        await pilot.press("C", "d", "enter")
        await until(lambda: again.screen is again.dashboard)
        assert [column.key for column in subscribe_panel(again).messages.columns] == ["time", "subject", "payload"]


async def test_the_last_column_cannot_be_left_out(home: Path) -> None:
    app = dashboard(home)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("C")
        await until(lambda: isinstance(app.screen, ColumnsScreen))
        for _ in range(3):
            await pilot.press("space", "down")
        assert len(subscribe_panel(app).messages.columns) == 1


@pytest.mark.parametrize("content", ["", "[]", '{"columns": 5}', '{"columns": ["time", "nosuch"]}', "\x00"])
async def test_columns_that_cannot_be_read_are_the_usual_ones(home: Path, content: str) -> None:
    path = home / "state" / "natstui" / "columns.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    app = dashboard(home)
    async with app.run_test(size=SIZE):
        assert [column.key for column in subscribe_panel(app).messages.columns] == ["time", "subject", "payload"]


async def test_a_filter_is_saved_under_a_name_and_comes_back_in_the_next_session(home: Path) -> None:
    app = dashboard(home)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        receive(app, 20)
        await pilot.press("slash")
        subscribe_panel(app).query_one(FilterBar).query_one(Field).value = ".total > 100"
        await pilot.press("ctrl+s")
        await until(lambda: isinstance(app.screen, NameFilter))
        await type_text(pilot, "large orders")
        await pilot.press("enter")
        await until(lambda: app.screen is app.dashboard)
        assert app.session.filters.saved == (SavedFilter(".total > 100", "large orders"),)
    again = dashboard(home)
    async with again.run_test(size=SIZE) as pilot:
        await pilot.pause()
        receive(again, 20)
        await pilot.press("slash", "ctrl+r")
        await until(lambda: isinstance(again.screen, FiltersScreen))
        assert "large orders  .total > 100" in screen_text(again)
        await pilot.press("enter")
        await until(lambda: again.screen is again.dashboard)
        await until(lambda: subscribe_panel(again).messages.found == 9)
        assert subscribe_panel(again).query_one(FilterBar).expression == ".total > 100"
        await pilot.press("ctrl+r")
        await until(lambda: isinstance(again.screen, FiltersScreen))
        await pilot.press("x")
        assert not again.screen.query_one(OptionList).display
        assert again.session.filters.saved == ()
        await pilot.press("escape")
        await until(lambda: again.screen is again.dashboard)
        assert subscribe_panel(again).messages.found == 9


async def test_hostile_filters_and_names_are_only_shown(home: Path) -> None:
    app = dashboard(home)
    app.session.filters.save('"[/nope]"', "[bold]\x1b[31m")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("slash", "ctrl+r")
        await until(lambda: isinstance(app.screen, FiltersScreen))
        assert '[bold]␛[31m  "[/nope]"' in screen_text(app)
        await pilot.press("enter")
        await until(lambda: app.screen is app.dashboard)
        await pilot.press("ctrl+s")
        await until(lambda: isinstance(app.screen, NameFilter))
        assert '"[/nope]"' in screen_text(app)


async def test_what_is_shown_or_selected_is_saved_as_json_lines(home: Path) -> None:
    app = dashboard(home)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        receive(app, 20)
        panel = subscribe_panel(app)
        panel.ring.mark_gap("offline 2 s")
        panel.refresh_body()
        await pilot.press("w")
        await until(lambda: isinstance(app.screen, SaveMessages))
        assert "21 entries" in screen_text(app)
        app.screen.query_one(Field).value = "all.jsonl"
        await pilot.press("enter")
        await until(lambda: app.screen is app.dashboard)
        lines = [json.loads(line) for line in (home / "all.jsonl").read_text().splitlines()]
        assert [line.get("payload") for line in lines[:20]] == [
            f'{{"id": {number}, "total": {number * 10}}}' for number in range(20)
        ]
        assert lines[20]["gap"] == "offline 2 s"
        await pilot.press("up", "shift+up", "shift+up")
        await until(lambda: "3 selected" in footer(panel))
        await pilot.press("w")
        await until(lambda: isinstance(app.screen, SaveMessages))
        app.screen.query_one(Field).value = "all.jsonl"
        await pilot.press("enter")
        await until(lambda: "exists" in str(app.screen.query_one("#outcome", Static).content))
        await pilot.press("enter")
        await until(lambda: app.screen is app.dashboard)
        assert len((home / "all.jsonl").read_text().splitlines()) == 3
        assert panel.messages.selected_count == 0


async def test_leaving_a_message_whole_the_cursor_is_on_the_one_shown_last(home: Path) -> None:
    app = dashboard(home)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        receive(app, 500)
        messages = subscribe_panel(app).messages
        await pilot.press("up", "enter")
        await until(lambda: isinstance(app.screen, MessageDetail))
        await press_at_once(pilot, *"p" * 60)
        await until(lambda: app.screen.index == 438)  # type: ignore[attr-defined]
        await pilot.press("escape")
        await until(lambda: app.screen is app.dashboard)
        assert messages.cursor_index == 438
        assert '"id": 438' in screen_text(app)


async def test_leaving_a_reply_whole_the_cursor_is_on_the_one_shown_last(home: Path) -> None:
    app = dashboard(home, kind="request")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        replies = request_panel(app).replies
        for number in range(50):
            record = (b"_INBOX.1", b"", b"%d" % number, b"")
            replies.add(ReplyRow(START, Answer.REPLY, 0.001, record))
        replies.focus()
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, MessageDetail))
        await press_at_once(pilot, *"p" * 40, "escape")
        await until(lambda: app.screen is app.dashboard)
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, MessageDetail))
        assert app.screen.record[2] == b"9"  # type: ignore[attr-defined]

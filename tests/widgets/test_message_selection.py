"""Several rows selected, one marked, and what is copied of them."""

from __future__ import annotations

from textual.pilot import Pilot

from natstui.stream.filter import parse_filter
from natstui.stream.ring import MessageRing
from natstui.widgets.message_list import MessageList
from natstui.widgets.message_rows import TimeShown
from natstui.widgets.message_selection import CLIPBOARD_BYTES
from tests.widgets.message_rows import ListApp, ids, painted, record, records


async def show(pilot: Pilot[None], messages: MessageList) -> None:
    messages.refresh_from_ring()
    await pilot.pause()


async def test_rows_are_selected_and_copied_by_key_alone() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 4))
        app.ring.mark_gap("offline 2 s")
        app.ring.extend(records(4, 4))
        await show(pilot, app.messages)
        await pilot.press("up", "shift+up", "shift+up", "shift+up")
        assert app.messages.selected_count == 3
        await pilot.press("y")
        assert app.clipboard == '{"id": 4}\n{"id": 5}\n{"id": 6}'
        assert app.messages.selected_count == 0
        await pilot.press("v", "up", "up", "Y")
        assert app.clipboard == "orders.created\norders.created", "a gap marker has nothing to copy"
        await pilot.press("y")
        assert app.clipboard == '{"id": 2}'


async def test_a_selection_begins_at_the_newest_while_following_and_escape_ends_it() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 8))
        await show(pilot, app.messages)
        await pilot.press("shift+up")
        assert app.messages.selected_count == 2 and not app.messages.following
        app.ring.extend(records(8, 50))
        await show(pilot, app.messages)
        assert app.messages.selected_count == 2
        await pilot.press("shift+down", "shift+down")
        assert app.messages.selected_count == 2
        await pilot.press("down", "escape")
        assert app.messages.selected_count == 0 and not app.messages.following
        await pilot.press("v", "G")
        assert app.messages.following and app.messages.selected_count == 0


async def test_selected_rows_look_selected() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 8))
        await show(pilot, app.messages)
        await pilot.press("up", "up", "shift+up", "shift+up")

        def background(row: int) -> object:
            style = next(iter(app.messages.render_line(row))).style
            return style.bgcolor if style else None

        assert background(4) == background(5) != background(6) == background(2)
        assert background(3) not in (background(4), background(6))


async def test_only_what_a_filter_shows_is_selected() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend([record(number, subject=b"even" if number % 2 == 0 else b"odd") for number in range(20)])
        await show(pilot, app.messages)
        app.messages.look_for(parse_filter("subject:odd"))
        await pilot.pause()
        await pilot.press("up", "shift+up", "shift+up")
        await pilot.press("y")
        assert app.clipboard == '{"id": 13}\n{"id": 15}\n{"id": 17}'
        await pilot.press("v", "escape")
        assert app.messages.filter is not None, "the first escape ends the selection only"
        await pilot.press("escape")
        assert app.messages.filter is None


async def test_rows_too_large_to_copy_say_what_to_do() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10), notifications=True) as pilot:
        app.ring.extend([record(1, b"x" * (CLIPBOARD_BYTES // 2)), record(2, b"y" * (CLIPBOARD_BYTES // 2))])
        await show(pilot, app.messages)
        await pilot.press("up", "shift+down", "y")
        assert app.clipboard == ""
        assert "save them to a file (w)" in [toast.message for toast in app._notifications][-1]


async def test_what_is_selected_survives_a_ring_that_rolls_over() -> None:
    app = ListApp(MessageRing(10))
    async with app.run_test(size=(80, 12)) as pilot:
        app.ring.extend(records(0, 10))
        await show(pilot, app.messages)
        await pilot.press("up", "shift+up", "shift+up")
        app.ring.extend(records(10, 100))
        await show(pilot, app.messages)
        await pilot.press("y")
        assert app.clipboard == '{"id": 6}\n{"id": 7}\n{"id": 8}'


async def test_shift_and_a_click_select_up_to_there() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 8))
        await show(pilot, app.messages)
        await pilot.click(MessageList, offset=(5, 2))
        await pilot.click(MessageList, offset=(5, 4), shift=True)
        assert app.messages.selected_count == 3


async def test_time_since_a_marked_message() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        for number, at in enumerate((100.0, 101.5, 103.0, 5_000.0)):
            app.ring.extend(records(number, 1), at=1_000_000 + at)
        await show(pilot, app.messages)
        await pilot.press("up", "up", "m")
        rows = painted(app.messages)
        assert [row[:15] for row in rows[:4]] == [
            "    −1.500 s  o",
            "    +0.000 s◆ o",
            "    +1.500 s  o",
            "   +1h21m38s  o",
        ]
        assert app.messages.time_shown is TimeShown.SINCE_MARK
        await pilot.press("t")
        assert app.messages.time_shown is TimeShown.CLOCK
        assert "◆" in painted(app.messages)[1], "the mark stays in view"
        await pilot.press("t", "t")
        assert app.messages.time_shown is TimeShown.SINCE_MARK
        await pilot.press("m")
        assert app.messages.time_shown is TimeShown.CLOCK and "◆" not in "".join(painted(app.messages))
        await pilot.press("t", "t")
        assert app.messages.time_shown is TimeShown.CLOCK, "without a mark there is no time since it"


async def test_the_mark_keeps_its_time_when_the_ring_drops_its_message() -> None:
    app = ListApp(MessageRing(5))
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 1), at=1_000_000.0)
        await show(pilot, app.messages)
        await pilot.press("m", "G")
        app.ring.extend(records(1, 20), at=1_000_002.0)
        await show(pilot, app.messages)
        assert ids(app.messages) == [16, 17, 18, 19, 20]
        assert painted(app.messages)[2].startswith("    +2.000 s")


async def test_choosing_by_index_moves_the_cursor_to_what_is_shown() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 100))
        await show(pilot, app.messages)
        app.messages.choose(40)
        await pilot.pause()
        assert app.messages.cursor_index == 40 and 40 in ids(app.messages)
        app.messages.choose(4_000)
        assert app.messages.cursor_index == 40

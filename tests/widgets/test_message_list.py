from __future__ import annotations

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from natstui.stream.ring import MessageRing
from natstui.widgets import message_scroll
from natstui.widgets.message_list import MessageList
from tests.waiting import until
from tests.widgets.message_rows import ListApp, ids, painted, record, records


async def show(pilot: Pilot[None], messages: MessageList) -> None:
    messages.refresh_from_ring()
    await pilot.pause()


async def test_follows_the_newest_message() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 5))
        await show(pilot, app.messages)
        assert ids(app.messages) == [0, 1, 2, 3, 4]
        app.ring.extend(records(5, 100))
        await show(pilot, app.messages)
        assert ids(app.messages) == list(range(95, 105))
        assert app.messages.following
        assert app.messages.cursor_index == 104


async def test_nothing_new_costs_nothing() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 5))
        assert app.messages.refresh_from_ring()
        await pilot.pause()
        formatted = app.messages.rows_formatted
        assert not app.messages.refresh_from_ring()
        await pilot.pause()
        assert app.messages.rows_formatted == formatted


async def test_only_painted_rows_are_decoded() -> None:
    app = ListApp(MessageRing(10_000))
    async with app.run_test(size=(80, 10)) as pilot:
        for start in range(0, 100_000, 1_000):
            app.ring.extend(records(start, 1_000))
            if start % 10_000 == 9_000:
                await show(pilot, app.messages)
        await show(pilot, app.messages)
        assert ids(app.messages) == list(range(99_990, 100_000))
        assert app.messages.rows_formatted <= 10 * 11


def colors(messages: MessageList) -> int:
    """How many styles the last row has."""
    return len({style for _, style, _ in messages.render_line(messages.size.height - 1)})


async def test_rows_that_fly_by_are_painted_less_often_and_plainly_until_it_is_quiet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        for start in range(0, 3_000, 1_000):
            app.ring.extend(records(start, 1_000))
            await until(app.messages.refresh_from_ring)
            await pilot.pause()
        flying = colors(app.messages)
        app.ring.extend(records(3_000, 1_000))
        with monkeypatch.context() as patch:
            # The interval itself may pass between two lines on a busy machine.
            patch.setattr(message_scroll, "STEADY_INTERVAL", 60.0)
            assert not app.messages.refresh_from_ring()
        await until(app.messages.refresh_from_ring)
        await until(lambda: not app.messages.refresh_from_ring() and colors(app.messages) > flying)
        assert ids(app.messages)[-1] == 3_999


async def test_a_burst_on_an_empty_list_is_painted_in_full() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 1))
        await show(pilot, app.messages)
        app.ring.extend(records(1, 500))
        await show(pilot, app.messages)
        assert ids(app.messages)[-1] == 500
        assert colors(app.messages) == 4


async def test_another_theme_paints_every_row_anew() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 20))
        await show(pilot, app.messages)
        before = [style for _, style, _ in app.messages.render_line(0)]
        app.theme = "textual-light"
        await pilot.pause()
        after = [style for _, style, _ in app.messages.render_line(0)]
        assert all(one.color != other.color for one, other in zip(before, after, strict=True))
        assert {style.bgcolor for style in after} == {app.messages.rich_style.bgcolor}


async def test_pausing_keeps_the_view_while_the_ring_rolls_over() -> None:
    app = ListApp(MessageRing(50))
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 60))
        await show(pilot, app.messages)
        await pilot.press("space")
        before = painted(app.messages)
        assert (app.messages.paused, app.messages.new_count) == (True, 0)
        app.ring.extend(records(60, 500))
        await show(pilot, app.messages)
        assert painted(app.messages) == before
        assert app.messages.new_count == 500
        await pilot.press("home")
        assert ids(app.messages)[0] == 10
        await pilot.press("space")
        await pilot.pause()
        assert ids(app.messages) == list(range(550, 560))
        assert (app.messages.new_count, app.messages.following) == (0, True)
        assert app.follow_changes == [(False, True), (True, False)]


async def test_above_the_oldest_message_kept_stands_how_many_are_not() -> None:
    app = ListApp(MessageRing(100))
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 100))
        await show(pilot, app.messages)
        await pilot.press("home")
        assert ids(app.messages)[0] == 0 and "not kept" not in painted(app.messages)[0]
        await pilot.press("end")
        app.ring.extend(records(100, 49_900))
        await show(pilot, app.messages)
        assert ids(app.messages) == list(range(49_990, 50_000))
        await pilot.press("home")
        await pilot.pause()
        assert " 49,900 older messages are not kept (ring of 100) " in painted(app.messages)[0]
        assert ids(app.messages) == list(range(49_900, 49_909))
        assert app.messages.cursor_index == 49_900
        await pilot.press("up", "down")
        assert app.messages.cursor_index == 49_901
        await pilot.press("up", "up", "pagedown", "pageup", "pageup")
        assert app.messages.cursor_index == 49_900 and "not kept" in painted(app.messages)[0]
        app.messages.clear()
        app.ring.extend(records(50_000, 3))
        await show(pilot, app.messages)
        assert not any("not kept" in row for row in painted(app.messages))


async def test_messages_that_make_room_for_large_ones_are_told_by_the_bytes_kept() -> None:
    app = ListApp(MessageRing(100, max_bytes=4 * 1024 * 1024))
    async with app.run_test(size=(80, 10)) as pilot:
        for number in range(5):
            app.ring.extend([record(number, b"x" * 2_000_000)])
        await show(pilot, app.messages)
        assert " 3 older messages are not kept (ring of 4 MiB) " in painted(app.messages)[0]


async def test_scrolling_up_holds_the_rows_and_more_appear_below() -> None:
    app = ListApp(MessageRing(1_000))
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 60))
        await show(pilot, app.messages)
        await pilot.press("pageup", "pageup")
        before = painted(app.messages)
        app.ring.extend(records(60, 3))
        await show(pilot, app.messages)
        assert painted(app.messages) == before
        assert app.messages.new_count == 3
        assert app.messages.row_count == 63
        await pilot.press("pagedown", "pagedown", "pagedown")
        assert ids(app.messages)[-1] == 62
        assert not app.messages.following
        await pilot.press("down")
        assert app.messages.following


async def test_scrolled_up_in_a_flood_nothing_moves() -> None:
    app = ListApp(MessageRing(100))
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 100))
        await show(pilot, app.messages)
        await pilot.press("up", "up", "pageup")
        before = painted(app.messages)
        cursor = app.messages.cursor_index
        for start in range(100, 20_000, 1_000):
            app.ring.extend(records(start, 1_000))
            await show(pilot, app.messages)
        assert painted(app.messages) == before
        assert app.messages.cursor_index == cursor
        await pilot.press("end")
        await pilot.pause()
        assert ids(app.messages)[-1] == 20_099


async def test_the_wheel_leaves_following_and_comes_back_to_it() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 60))
        await show(pilot, app.messages)
        app.messages.scroll_relative(y=-5, animate=False, immediate=True)
        await pilot.pause()
        assert not app.messages.following
        assert ids(app.messages)[0] == 45
        app.messages.scroll_end(animate=False, immediate=True)
        await pilot.pause()
        assert app.messages.following


async def test_a_taller_or_wider_screen_still_follows() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 60))
        await show(pilot, app.messages)
        for size in ((100, 20), (40, 5), (200, 50), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert app.messages.following
            assert ids(app.messages)[-1] == 59
            assert len(ids(app.messages)) == size[1]


async def test_moving_the_cursor_by_every_key() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 100))
        await show(pilot, app.messages)
        for key, expected in (
            ("k", 98),
            ("up", 97),
            ("j", 98),
            ("pageup", 89),
            ("g", 0),
            ("up", 0),
            ("down", 1),
            ("home", 0),
            ("pagedown", 9),
            ("G", 99),
        ):
            await pilot.press(key)
            assert app.messages.cursor_index == expected, key
        assert app.messages.following


async def test_down_below_the_newest_follows_but_not_out_of_a_pause() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 5))
        await show(pilot, app.messages)
        await pilot.press("up", "down")
        assert not app.messages.following
        await pilot.press("down")
        assert app.messages.following
        await pilot.press("space", "up", "down", "down", "down")
        assert app.messages.paused


@pytest.mark.parametrize("key", ["end", "G"])
async def test_to_the_newest_message_ends_a_pause_and_follows(key: str) -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 50))
        await show(pilot, app.messages)
        await pilot.press("space")
        app.ring.extend(records(50, 50))
        await pilot.press(key)
        await pilot.pause()
        assert app.messages.following and not app.messages.paused
        assert ids(app.messages)[-1] == 99


async def test_opening_hands_over_the_message_and_its_neighbours() -> None:
    app = ListApp(MessageRing(20, clock=lambda: 9.5))
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 10))
        app.ring.mark_gap("offline")
        app.ring.extend(records(10, 2))
        await show(pilot, app.messages)
        await pilot.press("up", "enter")
        app.ring.extend(records(12, 500))
        [opened] = app.opened
        assert (opened.index, opened.record, opened.at) == (11, record(10), 9.5)
        assert opened.control is app.messages
        older = opened.source.older(opened.index)
        assert older is not None
        assert opened.source[older] == record(9)


async def test_a_gap_marker_is_drawn_and_cannot_be_opened() -> None:
    app = ListApp()
    async with app.run_test(size=(60, 10)) as pilot:
        app.ring.extend(records(0, 2))
        app.ring.mark_gap("offline 4.2 s: messages may be \x1b[31mmissing")
        await show(pilot, app.messages)
        row = painted(app.messages)[2]
        assert "╌ offline 4.2 s: messages may be ␛[31mmissing ╌" in row
        assert cell_len(row) == app.messages.scrollable_content_region.width
        await pilot.press("enter", "y", "Y")
        assert app.opened == []
        assert app.clipboard == ""


async def test_copying_payload_and_subject() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10), notifications=True) as pilot:
        app.ring.extend([record(0, b"caf\xc3\xa9 [/x] \xff", b"orders.[/x]")])
        await show(pilot, app.messages)
        await pilot.press("y")
        assert app.clipboard == "café [/x] \N{REPLACEMENT CHARACTER}"
        await pilot.press("Y")
        assert app.clipboard == "orders.[/x]"
        await pilot.pause()


async def test_a_payload_too_large_to_copy_says_what_to_do() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10), notifications=True) as pilot:
        app.ring.extend([record(0, b"x" * 1_000_000)])
        await show(pilot, app.messages)
        await pilot.press("y")
        await pilot.pause()
        assert app.clipboard == ""
        [notification] = app._notifications
        assert notification.message == (
            "1,000,000 bytes are too many for the clipboard: open the message (enter) and save it (s)."
        )


async def test_the_empty_list_says_what_it_waits_for() -> None:
    app = ListApp(empty_text="waiting for messages on [orders].>")
    async with app.run_test(size=(80, 10)) as pilot:
        assert painted(app.messages)[5].strip() == "waiting for messages on [orders].>"
        app.messages.empty_text = "waiting for messages on metrics.>"
        assert painted(app.messages)[5].strip() == "waiting for messages on metrics.>"
        await pilot.press("up", "down", "enter", "y", "Y", "home", "end", "pageup", "space", "space", "c", "t")
        assert app.opened == []


async def test_clearing_empties_the_list_and_follows_again() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 100))
        await show(pilot, app.messages)
        await pilot.press("space", "home")
        app.messages.clear()
        await pilot.pause()
        assert ids(app.messages) == []
        assert app.messages.following
        app.ring.extend(records(100, 2))
        await show(pilot, app.messages)
        assert ids(app.messages) == [100, 101]


async def test_time_and_time_since_the_message_before() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(records(0, 1), at=1_000_000.25)
        app.ring.mark_gap("offline", at=1_000_001.0)
        app.ring.extend(records(1, 1), at=1_000_003.5)
        app.ring.extend(records(2, 1), at=1_007_264.5)
        await show(pilot, app.messages)
        assert painted(app.messages)[0].split()[0].endswith(".250")
        await pilot.press("t")
        rows = painted(app.messages)
        assert rows[0].split()[0] == "orders.created"
        assert rows[2].startswith("    +3.250 s  orders.created")
        assert rows[3].split()[0] == "+2h01m01s"
        await pilot.press("t")
        assert painted(app.messages)[0].split()[0].endswith(".250")


async def test_columns_by_key_and_by_name() -> None:
    app = ListApp()
    headers = b"NATS/1.0\r\nNats-Msg-Id: 7\r\n\r\n"
    async with app.run_test(size=(120, 10)) as pilot:
        app.ring.extend([(b"orders.created", b"_INBOX.reply", b'{"id": 1}', headers)], at=0.0)
        await show(pilot, app.messages)
        seen = []
        for _ in range(4):
            seen.append(tuple(column.key for column in app.messages.columns))
            row = painted(app.messages)[0]
            assert ("_INBOX.reply" in row) == ("reply" in seen[-1])
            assert ("Nats-Msg-Id: 7" in row) == ("headers" in seen[-1])
            assert ("9 B" in row) == ("size" in seen[-1])
            await pilot.press("c")
        assert len(set(seen)) == 4
        app.messages.columns = ("payload:20", "time")
        own = app.messages.columns
        for _ in range(4):
            await pilot.press("c")
            assert app.messages.columns != own
        await pilot.press("c")
        assert app.messages.columns == own, "what was arranged by hand comes round again"
        app.messages.columns = ("payload:12", "subject")
        assert painted(app.messages)[0].startswith('{"id": 1}     orders.created')
        with pytest.raises(ValueError, match="There is no column 'sise': choose from time, subject"):
            app.messages.columns = ("sise",)
        assert painted(app.messages)[0].startswith('{"id": 1}     orders.created')


HOSTILE = {
    "nothing": b"",
    "markup": b"[/x] [red]no[/red] [@click=app.quit]q[/]",
    "title": b"\x1b]0;x\x07\x1b[2J\x1bc",
    "c1": "\x9b31m\x85\x90q".encode(),
    "raw c1": b"\x9b31m\x9d0;x\x9c",
    "not utf-8": b"\xff\xfe\xc3\x28",
    "right to left": "שלום \u202eevil\u2069 مرحبا".encode(),
    "wide": ("日本語のペイロード" * 30).encode(),
    "combining": ("e\u0301\u0302" * 400).encode(),
    "emoji": "👩‍👩‍👧‍👦 ❤️ 🇩🇪".encode() * 20,
    "lines": b"one\ntwo\r\nthree\ttabs\x00nul",
    "one line": b"x" * 1_000_000,
    "one json line": b'{"a":"' + b"x" * 1_000_000 + b'"}',
    "hangul parts": "\u1100\u1161\u11a8\u3164".encode() * 50,
}


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark"])
@pytest.mark.parametrize("width", [150, 80, 33, 7, 1])
async def test_hostile_messages_are_rows_like_any_other(theme: str, width: int) -> None:
    app = ListApp(columns=("time", "subject", "size", "reply", "headers", "payload"))
    app.theme = theme
    many = b"NATS/1.0\r\n" + b"".join(b"K%d: \x1b[31m[/x]\r\n" % number for number in range(10_000)) + b"\r\n"
    for payload in HOSTILE.values():
        app.ring.extend([(payload[:4_000] or b"s", payload[:500], payload, many)])
    async with app.run_test(size=(width, 20)) as pilot:
        await show(pilot, app.messages)
        for y in range(len(HOSTILE)):
            strip = app.messages.render_line(y)
            assert strip.text.isprintable()
            assert cell_len(strip.text) == strip.cell_length == app.messages.scrollable_content_region.width
        await pilot.press("up", "enter", "y", "Y", "t", "c", "c")
        assert len(app.opened) == 1


async def test_columns_stay_aligned_beside_wide_characters() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.ring.extend(
            [record(0), record(1, subject="orders.日本語".encode()), record(2, subject="e\u0301e".encode())]
        )
        await show(pilot, app.messages)
        starts = {cell_len(row[: row.index("{")]) for row in painted(app.messages)[:3]}
        assert len(starts) == 1


async def test_selected_text_is_copied_as_shown_and_stays_put() -> None:
    app = ListApp(columns=("subject:14", "payload"))
    async with app.run_test(size=(60, 10)) as pilot:
        app.ring.extend(records(0, 40))
        await show(pilot, app.messages)
        await pilot.mouse_down(MessageList, offset=(0, 5))
        await pilot.hover(MessageList, offset=(25, 6))
        await pilot.mouse_up(MessageList, offset=(25, 6))
        await pilot.pause()
        selected = app.screen.get_selected_text()
        assert selected is not None
        assert selected.splitlines()[0] == 'orders.created  {"id": 35}'
        assert selected.splitlines()[1].startswith('orders.created  {"id": 3')
        assert not app.messages.following
        app.ring.extend(records(40, 20_000))
        await show(pilot, app.messages)
        assert app.screen.get_selected_text() == selected


async def test_every_key_has_a_stable_id_and_a_tooltip() -> None:
    for binding in MessageList.BINDINGS:
        assert binding.id is not None and binding.id.startswith("messages.")  # type: ignore[union-attr]
        assert binding.tooltip  # type: ignore[union-attr]

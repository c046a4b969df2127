from __future__ import annotations

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input, Static

from natstui.stream.filter import parse_filter
from natstui.stream.filter_history import FilterHistory
from natstui.stream.ring import MessageRing
from natstui.widgets.filter_bar import FilterBar
from natstui.widgets.message_list import MessageList
from tests.waiting import until
from tests.widgets.message_rows import ids, painted, record, records


class FilterApp(App[None]):
    """A message list with its filter."""

    def __init__(self, ring: MessageRing | None = None, history: FilterHistory | None = None) -> None:
        super().__init__()
        self.ring = MessageRing() if ring is None else ring
        self.history = FilterHistory() if history is None else history

    def compose(self) -> ComposeResult:
        messages = MessageList(self.ring)
        yield messages
        yield FilterBar(messages, history=self.history)

    def on_mount(self) -> None:
        self.messages.focus()

    @property
    def messages(self) -> MessageList:
        return self.query_one(MessageList)

    @property
    def bar(self) -> FilterBar:
        return self.query_one(FilterBar)

    @property
    def status(self) -> str:
        return str(self.query_one(".filter-status", Static).content)

    @property
    def problem(self) -> str:
        return str(self.query_one(".filter-problem", Static).content)


async def write(pilot: Pilot[None], app: FilterApp, expression: str) -> None:
    """Opens the field, puts an expression in it and waits until everything kept was looked at."""
    if not isinstance(app.focused, Input):
        await pilot.press("slash")
    app.query_one(Input).value = expression
    await pilot.pause()
    await until(lambda: not app.messages.view.pending, timeout=30)
    await pilot.pause()


async def fill(pilot: Pilot[None], app: FilterApp, count: int = 100) -> None:
    app.ring.extend(records(0, count))
    app.messages.refresh_from_ring()
    await pilot.pause()


async def test_what_is_typed_takes_effect_at_once_and_nothing_is_lost() -> None:
    app = FilterApp()
    async with app.run_test(size=(100, 12)) as pilot:
        await fill(pilot, app)
        await pilot.press("slash", *"99")
        await until(lambda: app.status == "1 of 100")
        assert ids(app.messages) == [99]
        await pilot.press("backspace")
        await until(lambda: app.status == "19 of 100")
        assert ids(app.messages)[-1] == 99
        await pilot.press("escape")
        await pilot.pause()
        assert app.focused is app.messages
        assert not app.bar.has_class("-shown")
        assert ids(app.messages)[-3:] == [97, 98, 99]
        assert app.ring.kept == 100


async def test_new_messages_that_match_appear_and_others_do_not() -> None:
    app = FilterApp()
    async with app.run_test(size=(100, 12)) as pilot:
        await fill(pilot, app)
        await write(pilot, app, ".id > 97")
        await pilot.press("enter")
        assert app.focused is app.messages
        assert app.messages.following
        app.ring.extend([record(5), record(200), record(6), record(201)])
        app.ring.mark_gap("offline 4.2 s")
        app.messages.refresh_from_ring()
        await until(lambda: app.status == "4 of 104")
        await pilot.pause()
        assert ids(app.messages) == [98, 99, 200, 201]
        assert "offline 4.2 s" in painted(app.messages)[4]


async def test_a_wrong_expression_leaves_the_last_right_one_in_effect() -> None:
    app = FilterApp()
    async with app.run_test(size=(100, 12)) as pilot:
        await fill(pilot, app)
        await write(pilot, app, "99")
        await write(pilot, app, "99 or")
        assert app.problem == "Something to look for is missing: 99 or▶"
        assert ids(app.messages) == [99]
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.focused, Input)
        assert app.history.entries == ()
        await write(pilot, app, "99 or 98")
        assert app.problem == ""
        assert ids(app.messages) == [98, 99]


async def test_finding_marks_among_all_and_goes_from_one_to_the_next() -> None:
    app = FilterApp()
    async with app.run_test(size=(100, 12)) as pilot:
        await fill(pilot, app)
        await write(pilot, app, "/: .5}/")
        await pilot.press("tab", "enter")
        await pilot.pause()
        assert app.messages.row_count == 100
        assert app.status == "9 of 100"
        for key, expected in (("N", 95), ("N", 85), ("n", 95), ("n", 15), ("N", 95)):
            await pilot.press(key)
            assert app.messages.cursor_index == expected, key
        strip = app.messages.render_line(95 - app.messages.scroll_offset.y)
        assert '"id": 95' in strip.text
        marked = app.messages.get_component_rich_style("message-list--match").bgcolor
        assert "".join(text for text, style, _ in strip if style and style.bgcolor == marked) == ": 95}"
        await pilot.press("escape")
        assert app.messages.filter is None
        await pilot.press("n")
        assert app.messages.cursor_index == 95


async def test_the_cursor_stays_while_older_matches_are_found() -> None:
    app = FilterApp(MessageRing(100_000))
    async with app.run_test(size=(100, 12)) as pilot:
        await fill(pilot, app, 100_000)
        await pilot.press("up", "up", "up")
        before = app.messages.cursor_index
        await write(pilot, app, ".id >= 0")
        await until(lambda: app.status == "100,000 of 100,000", timeout=30)
        await pilot.pause()
        assert app.messages.cursor_index == before
        assert before in ids(app.messages)


async def test_keys_still_act_while_a_hundred_thousand_messages_are_looked_at() -> None:
    app = FilterApp(MessageRing(100_000))
    async with app.run_test(size=(100, 12)) as pilot:
        await fill(pilot, app, 100_000)
        wanted = parse_filter(".id = 3")
        app.messages.look_for(wanted)
        assert app.messages.view.pending > 0
        app.messages.look_for(parse_filter("99999"))
        assert ids(app.messages) == [99_999]
        assert app.messages.rows_formatted <= 40
        await until(lambda: not app.messages.view.pending, timeout=30)


async def test_nothing_found_is_said() -> None:
    app = FilterApp()
    async with app.run_test(size=(100, 12)) as pilot:
        await fill(pilot, app)
        await write(pilot, app, "nowhere")
        assert "none of 100 match" in "".join(painted(app.messages))


async def test_a_pattern_that_never_ends_is_given_up_and_said() -> None:
    app = FilterApp()
    async with app.run_test(size=(100, 12)) as pilot:
        app.ring.extend([record(0, b"x" * 50_000)] * 20)
        app.messages.refresh_from_ring()
        await write(pilot, app, "/(?:x+x+)+y/")
        assert app.problem == "The pattern took over 20 ms on 3 messages and was stopped: make it simpler."


async def test_filters_used_before_come_back_by_key() -> None:
    history = FilterHistory()
    history.add("98")
    history.add("97")
    app = FilterApp(history=history)
    async with app.run_test(size=(100, 12)) as pilot:
        await fill(pilot, app)
        await pilot.press("slash", *"9")
        for key, expected in (("up", "97"), ("up", "98"), ("up", "98"), ("down", "97"), ("down", "9"), ("up", "97")):
            await pilot.press(key)
            assert app.bar.expression == expected, key
        await until(lambda: ids(app.messages) == [97])
        await pilot.press("enter")
        assert history.entries == ("97", "98")


async def test_the_field_goes_away_when_left_empty() -> None:
    app = FilterApp()
    async with app.run_test(size=(100, 12)) as pilot:
        await fill(pilot, app)
        await pilot.press("slash")
        assert app.bar.has_class("-shown")
        await pilot.press("enter")
        await pilot.pause()
        assert not app.bar.has_class("-shown")
        assert app.focused is app.messages


async def test_typing_does_not_act_on_the_list() -> None:
    app = FilterApp()
    async with app.run_test(size=(100, 12)) as pilot:
        await fill(pilot, app)
        await pilot.press("slash", "space", "n", "y", "g", "t", "c")
        assert app.bar.expression == " nygtc"
        assert app.messages.following
        assert app.clipboard == ""


async def test_a_filtered_flood_shows_the_newest_matches() -> None:
    app = FilterApp(MessageRing(1_000))
    async with app.run_test(size=(100, 12)) as pilot:
        await fill(pilot, app)
        await write(pilot, app, "/7}$/")
        await pilot.press("enter")
        for start in range(100, 50_100, 5_000):
            app.ring.extend(records(start, 5_000))
            app.messages.refresh_from_ring()
            await pilot.pause()

        def newest() -> int | None:
            app.messages.refresh_from_ring()
            return next(reversed(ids(app.messages)), None)

        await until(lambda: newest() == 50_097)
        await until(lambda: app.status == "100 of 1,000")


async def test_without_a_field_the_key_does_nothing() -> None:
    class Bare(App[None]):
        def compose(self) -> ComposeResult:
            yield MessageList(MessageRing())

    app = Bare()
    async with app.run_test() as pilot:
        await pilot.press("tab", "slash", "n", "N", "escape")
        assert app.query_one(MessageList).filter is None


async def test_every_key_has_a_stable_id_and_a_tooltip() -> None:
    for binding in FilterBar.BINDINGS:
        assert binding.id is not None and binding.id.startswith("filter.")  # type: ignore[union-attr]
        assert binding.tooltip  # type: ignore[union-attr]

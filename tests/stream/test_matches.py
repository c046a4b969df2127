from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from natstui.stream.filter import Filter, parse_filter
from natstui.stream.matches import Matches
from natstui.stream.ring import Entry, Gap, MessageRing, Record
from natstui.stream.view import MessageView


class StepClock:
    """Moves on by one each time it is read, so that a budget is a number of looks."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def even(message: Record) -> bool:
    return int(message[2]) % 2 == 0


EVEN = Filter("even", even)


def records(start: int, count: int) -> list[Record]:
    return [(b"s", b"", b"%d" % number, b"") for number in range(start, start + count)]


def expected(ring: MessageRing, gaps: bool) -> list[int]:
    def let_through(entry: Entry) -> bool:
        return gaps if isinstance(entry, Gap) else even(entry)

    return [index for index in range(ring.first, ring.end) if let_through(ring[index])]


def found(matches: Matches) -> list[int]:
    return [matches[row] for row in range(len(matches))]


def test_the_newest_are_found_first() -> None:
    ring = MessageRing(100_000)
    ring.extend(records(0, 100_000))
    matches = Matches(EVEN, clock=StepClock())
    assert matches.scan(ring, 1.5)
    assert 20 <= len(matches) <= 500
    assert matches[len(matches) - 1] == 99_998
    assert matches.pending(ring) == 100_000 - matches.examined
    while matches.pending(ring):
        matches.scan(ring, 100.0)
    assert found(matches) == list(range(0, 100_000, 2))
    assert matches.examined == 100_000
    assert not matches.scan(ring, 1.0)


def test_one_step_looks_at_little_even_of_large_messages() -> None:
    ring = MessageRing()
    ring.extend([(b"s", b"", b"1" + b" " * 100_000, b"")] * 1_000)
    matches = Matches(EVEN, clock=StepClock())
    matches.scan(ring, 3.0)
    assert matches.examined <= 5


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(["extend", "gap", "clear", "scan", "shrink"]), st.integers(0, 60)), max_size=40),
    st.booleans(),
)
def test_whatever_happens_the_findings_are_those_of_a_full_search(steps: list[tuple[str, int]], gaps: bool) -> None:
    ring = MessageRing(50)
    matches = Matches(EVEN, gaps=gaps, clock=StepClock())
    for step, number in steps:
        if step == "extend":
            ring.extend(records(ring.end, number))
        elif step == "gap":
            ring.mark_gap("gap")
        elif step == "clear":
            ring.clear()
        elif step == "shrink":
            ring.capacity = max(1, number)
        else:
            matches.scan(ring, number / 10)
            assert set(found(matches)) <= set(expected(ring, gaps))
    while matches.pending(ring):
        matches.scan(ring, 5.0)
    matches.scan(ring, 5.0)
    everything = expected(ring, gaps)
    assert found(matches) == everything
    assert matches.count == sum(isinstance(ring[index], tuple) for index in everything)
    for index in range(ring.first - 1, ring.end + 1):
        assert matches.row_of(index) == sum(one < index for one in everything)
        messages = [one for one in everything if isinstance(ring[one], tuple)]
        assert matches.newer(index) == next((one for one in messages if one > index), None)
        assert matches.older(index) == next((one for one in reversed(messages) if one < index), None)


def test_a_pattern_that_is_too_slow_is_given_up_with_a_sentence() -> None:
    wanted = parse_filter(r"/(?:x+x+)+y/")
    assert wanted is not None
    ring = MessageRing()
    ring.extend([(b"s", b"", b"x" * 20_000, b"")] * 50)
    matches = Matches(wanted)
    while matches.pending(ring):
        matches.scan(ring, 1.0)
    assert matches.problem == "The pattern took over 20 ms on 3 messages and was stopped: make it simpler."
    assert matches.examined == 3


def view_of(count: int, capacity: int = 100) -> MessageView:
    view = MessageView(MessageRing(capacity))
    view.ring.extend(records(0, count))
    view.refresh()
    return view


def shown(view: MessageView) -> list[int | None]:
    return [view.index_at(row) for row in range(view.lead, len(view))]


def test_a_filtered_view_shows_matches_and_gaps_and_loses_nothing() -> None:
    view = view_of(10)
    view.ring.mark_gap("offline")
    view.ring.extend(records(11, 3))
    view.look_for(EVEN, filtering=True)
    view.scan(1.0)
    assert shown(view) == [0, 2, 4, 6, 8, 10, 12]
    assert view.cursor == 12
    assert view.matches is not None and view.matches.count == 6
    view.look_for(None, filtering=True)
    assert len(view) == 14
    assert view.ring.kept == 13


def test_searching_leaves_every_row_and_goes_round() -> None:
    view = view_of(6)
    view.look_for(EVEN, filtering=False)
    view.scan(1.0)
    assert len(view) == 6
    view.hold()
    visited = []
    for step in (-1, -1, -1, 1, 1):
        index = view.next_found(step)
        assert index is not None
        view.choose(index)
        visited.append(index)
    assert visited == [4, 2, 0, 2, 4]
    assert view.next_found(1) == 0
    view.choose(0)
    assert view.next_found(-1) == 4


def test_a_filtered_view_that_is_held_stays_while_the_ring_rolls_over() -> None:
    view = view_of(100)
    view.look_for(EVEN, filtering=True)
    view.scan(1.0)
    view.hold(paused=True)
    before = shown(view)
    view.ring.extend(records(100, 1_000))
    view.refresh()
    view.scan(1.0)
    assert shown(view) == before
    view.follow()
    view.scan(1.0)
    assert shown(view) == list(range(1_000, 1_100, 2))


def test_the_cursor_moves_to_the_nearest_match() -> None:
    view = view_of(20)
    view.hold()
    view.choose(7)
    view.look_for(EVEN, filtering=True)
    view.scan(1.0)
    assert view.cursor == 8
    view.look_for(None, filtering=True)
    assert view.cursor == 8


def test_walking_through_a_filtered_view_passes_over_the_rest() -> None:
    view = view_of(5)
    view.ring.mark_gap("offline")
    view.ring.extend(records(6, 3))
    view.look_for(EVEN, filtering=True)
    view.scan(1.0)
    source = view.walk()
    assert (source.newer(4), source.older(6), source.older(0)) == (6, 4, None)
    assert source[4] == records(4, 1)[0]
    assert source.time_of(4) == view.ring.time_of(4)


@given(
    st.lists(st.sampled_from(["yes", "no", "gap"]), max_size=40), st.integers(0, 45), st.integers(0, 45), st.booleans()
)
def test_messages_between_two_rows_are_those_shown_there(
    kinds: list[str], one: int, other: int, filtering: bool
) -> None:
    ring = MessageRing(30)
    view = MessageView(ring)
    for kind in kinds:
        if kind == "gap":
            ring.mark_gap("away")
        else:
            ring.extend([(kind.encode(), b"", b"", b"")])
    view.hold()
    if filtering:
        view.look_for(parse_filter("subject:yes"), filtering=True)
        while view.pending:
            view.scan(1.0)
    first, last = sorted((one, other))
    wanted = ("yes",) if filtering else ("yes", "no")
    expected = [index for index, kind in enumerate(kinds) if kind in wanted and first <= index <= last]
    kept = [index for index in expected if index >= len(kinds) - 30]
    assert [index for index, _ in view.messages(first, last)] == kept
    rows = [view.index_at(row) for row in range(view.lead, len(view))]
    assert list(view.shown()) == rows

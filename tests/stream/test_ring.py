from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from natstui.stream.rate import RateMeter
from natstui.stream.ring import Entry, Gap, MessageRing, Record, RingSnapshot


def record(number: int, payload: bytes = b"x") -> Record:
    return (b"s.%d" % number, b"", payload, b"")


def records(start: int, count: int) -> list[Record]:
    return [record(number) for number in range(start, start + count)]


def test_keeps_the_newest_and_counts_the_rest() -> None:
    ring = MessageRing(5, clock=lambda: 7.0)
    ring.extend(records(0, 3))
    ring.extend(records(3, 4))
    assert (ring.received, ring.kept, ring.dropped) == (7, 5, 2)
    assert (ring.first, ring.end, len(ring)) == (2, 7, 5)
    assert [entry[0] for entry in ring if isinstance(entry, tuple)] == [b"s.2", b"s.3", b"s.4", b"s.5", b"s.6"]
    assert ring[6] == record(6)
    assert ring.time_of(2) == 7.0


@pytest.mark.parametrize("index", [-1, 0, 1, 7, 99])
def test_an_entry_that_is_not_kept_is_refused_by_index(index: int) -> None:
    ring = MessageRing(5)
    ring.extend(records(0, 7))
    with pytest.raises(IndexError, match="is not kept"):
        ring[index]
    with pytest.raises(IndexError, match="is not kept"):
        ring.time_of(index)
    assert index not in ring


def test_one_time_per_chunk() -> None:
    ring = MessageRing()
    ring.extend(records(0, 3), at=1.0)
    ring.mark_gap("offline", at=2.0)
    ring.extend(records(3, 2), at=3.0)
    assert [ring.time_of(index) for index in range(6)] == [1.0, 1.0, 1.0, 2.0, 3.0, 3.0]


def test_the_caller_may_go_on_with_its_list() -> None:
    ring = MessageRing()
    chunk = records(0, 3)
    ring.extend(chunk)
    chunk.clear()
    assert ring.kept == 3


def test_a_gap_is_an_entry_but_no_message() -> None:
    ring = MessageRing(4)
    ring.extend(records(0, 2))
    ring.mark_gap("offline 4.2 s: messages may be missing", at=9.0)
    ring.extend(records(2, 1))
    assert ring[2] == Gap("offline 4.2 s: messages may be missing", 9.0)
    assert (ring.received, ring.kept, ring.dropped, len(ring)) == (3, 3, 0, 4)
    assert (ring.newer(1), ring.older(3), ring.newer(3), ring.older(0)) == (3, 1, None, None)
    ring.extend(records(3, 4))
    assert (ring.received, ring.kept, ring.dropped, len(ring)) == (7, 4, 3, 4)


def test_clearing_forgets_messages_but_not_counts() -> None:
    ring = MessageRing(5)
    ring.extend(records(0, 7))
    ring.mark_gap("asleep 12 m")
    ring.clear()
    assert (ring.received, ring.kept, ring.dropped, ring.cleared, len(ring)) == (7, 0, 3, 4, 0)
    assert ring.held_bytes == 0
    ring.extend(records(7, 1))
    assert ring[8] == record(7)


def test_a_smaller_capacity_drops_at_once_and_a_larger_one_keeps_more() -> None:
    ring = MessageRing(10)
    ring.extend(records(0, 10))
    ring.capacity = 3
    assert (ring.kept, ring.dropped, ring.first) == (3, 7, 7)
    ring.capacity = 20
    ring.extend(records(10, 15))
    assert (ring.kept, ring.dropped) == (18, 7)


@pytest.mark.parametrize("value", [0, -1])
def test_a_ring_of_nothing_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match="capacity must be at least 1"):
        MessageRing(value)
    with pytest.raises(ValueError, match="max_bytes must be at least 1"):
        MessageRing(max_bytes=value)
    ring = MessageRing()
    with pytest.raises(ValueError, match="capacity"):
        ring.capacity = value
    assert ring.capacity == 10_000


def test_large_payloads_do_not_eat_the_memory() -> None:
    ring = MessageRing(10_000, max_bytes=10_000_000)
    for number in range(100):
        ring.extend([record(number, b"x" * 1_000_000)])
    assert ring.kept == 9
    assert (ring.received, ring.dropped) == (100, 91)
    assert ring.held_bytes <= ring.max_bytes
    assert ring.received_bytes == 100_000_000


def test_large_headers_count_wherever_in_the_chunk_they_are() -> None:
    ring = MessageRing(max_bytes=100_000)
    ring.extend([record(0), (b"s", b"", b"", b"h" * 1_000_000), record(1)])
    assert ring.kept == 1
    assert ring.held_bytes <= 100_000


def test_one_chunk_larger_than_the_budget_is_trimmed_within() -> None:
    ring = MessageRing(max_bytes=3_000)
    ring.extend([record(number, b"x" * 800) for number in range(10)])
    assert 1 <= ring.kept <= 3
    assert ring[ring.end - 1] == record(9, b"x" * 800)
    assert ring.held_bytes <= 3_000


def test_the_newest_message_is_kept_whatever_its_size() -> None:
    ring = MessageRing(max_bytes=1_000)
    ring.extend([record(0), record(1, b"x" * 5_000)])
    assert (ring.kept, ring[1][2]) == (1, b"x" * 5_000)  # type: ignore[index]
    ring.extend([record(2)])
    assert (ring.kept, ring.dropped) == (1, 2)


def test_what_is_dropped_is_freed_at_once() -> None:
    freed: list[int] = []

    class Payload(bytes):
        def __del__(self) -> None:
            freed.append(len(self))

    ring = MessageRing(100)
    ring.extend([record(0, Payload(b"x" * 77))])
    ring.extend(records(1, 99))
    assert freed == []
    ring.extend(records(100, 1))
    assert freed == [77]


def test_a_snapshot_stays_while_the_ring_goes_on() -> None:
    ring = MessageRing(5)
    ring.extend(records(0, 7), at=1.0)
    snapshot = ring.snapshot()
    ring.extend(records(7, 100), at=2.0)
    assert list(snapshot) == records(2, 5)
    assert snapshot.time_of(6) == 1.0
    assert not snapshot.extend_from(ring, 1_000)
    assert list(snapshot) == records(2, 5)


def test_a_snapshot_takes_what_follows_without_a_break_up_to_a_limit() -> None:
    ring = MessageRing(5)
    ring.extend(records(0, 5), at=1.0)
    snapshot = ring.snapshot()
    ring.extend(records(5, 2), at=2.0)
    ring.extend(records(7, 2), at=3.0)
    assert snapshot.extend_from(ring, 10)
    assert list(snapshot) == records(0, 9)
    assert [snapshot.time_of(index) for index in (4, 5, 6, 7, 8)] == [1.0, 2.0, 2.0, 3.0, 3.0]
    assert snapshot.extend_from(ring, 10)
    ring.extend(records(9, 2))
    assert not snapshot.extend_from(ring, 10)
    assert snapshot.end == 9


class RingAgainstModel(RuleBasedStateMachine):
    """The ring against a list that keeps everything and says what must be left of it."""

    def __init__(self) -> None:
        super().__init__()
        self.ring = MessageRing(8, clock=lambda: float(self.now))
        self.now = 0
        self.everything: list[tuple[float, Entry]] = []
        self.first = 0
        self.snapshots: list[tuple[RingSnapshot, list[Entry]]] = []

    def keep_newest(self) -> None:
        self.first = max(self.first, len(self.everything) - self.ring.capacity)

    @rule(count=st.integers(0, 30))
    def extend(self, count: int) -> None:
        self.now += 1
        chunk = records(len(self.everything), count)
        self.ring.extend(chunk)
        self.everything += [(self.now, entry) for entry in chunk]
        self.keep_newest()

    @rule(times=st.integers(1, 2000))
    def many_single_messages(self, times: int) -> None:
        for _ in range(times):
            self.extend(1)

    @rule()
    def gap(self) -> None:
        self.now += 1
        self.ring.mark_gap("gap")
        self.everything.append((self.now, Gap("gap", self.now)))
        self.keep_newest()

    @rule()
    def clear(self) -> None:
        self.ring.clear()
        self.first = len(self.everything)

    @rule(capacity=st.integers(1, 40))
    def resize(self, capacity: int) -> None:
        self.ring.capacity = capacity
        self.keep_newest()

    @precondition(lambda self: len(self.snapshots) < 3)
    @rule()
    def snapshot(self) -> None:
        self.snapshots.append((self.ring.snapshot(), [entry for _, entry in self.everything[self.first :]]))

    @invariant()
    def keeps_what_the_model_says(self) -> None:
        ring = self.ring
        kept = self.everything[self.first :]
        assert (ring.first, ring.end) == (self.first, len(self.everything))
        assert list(ring) == [entry for _, entry in kept]
        assert [ring.time_of(index) for index in range(ring.first, ring.end)] == [at for at, _ in kept]
        assert ring.kept == sum(isinstance(entry, tuple) for _, entry in kept)
        assert ring.received == ring.kept + ring.dropped + ring.cleared
        assert ring.received == sum(isinstance(entry, tuple) for _, entry in self.everything)
        assert (ring.held_bytes > 0) == (len(ring) > 0)

    @invariant()
    def snapshots_never_change(self) -> None:
        for snapshot, entries in self.snapshots:
            assert list(snapshot) == entries


TestRingAgainstModel = RingAgainstModel.TestCase
TestRingAgainstModel.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)


@given(st.lists(st.lists(st.integers(0, 3_000), max_size=8), max_size=20), st.integers(1, 8_000))
def test_bytes_held_stay_within_the_budget(chunks: list[list[int]], budget: int) -> None:
    ring = MessageRing(50, max_bytes=budget)
    for chunk in chunks:
        ring.extend([record(size, b"x" * size) for size in chunk])
        assert ring.held_bytes <= budget or ring.kept == 1
        assert ring.received == ring.kept + ring.dropped


class HandClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_rates_over_one_and_ten_seconds() -> None:
    clock = HandClock()
    meter = RateMeter(clock)
    total = 0
    for _ in range(100):
        clock.now += 0.1
        total += 10
        meter.sample(total)
    assert meter.one_second == pytest.approx(100, rel=0.1)
    assert meter.ten_seconds == pytest.approx(100, rel=0.01)
    for _ in range(11):
        clock.now += 0.1
        meter.sample(total)
    assert meter.one_second == 0
    assert meter.ten_seconds == pytest.approx(90, rel=0.05)
    for _ in range(20):
        clock.now += 0.5
        meter.sample(total)
    assert meter.ten_seconds == 0


def test_the_rate_of_a_young_meter_is_not_blown_up() -> None:
    clock = HandClock()
    meter = RateMeter(clock)
    assert meter.one_second == 0
    clock.now += 0.01
    meter.sample(5)
    assert meter.one_second == pytest.approx(5)


def test_rates_from_a_slow_ticker_and_after_a_pause() -> None:
    clock = HandClock()
    meter = RateMeter(clock)
    for second in range(1, 31):
        clock.now += 1.0
        meter.sample(20 * second)
    assert (meter.one_second, meter.ten_seconds) == (pytest.approx(20), pytest.approx(20))
    clock.now += 100.0
    meter.sample(700)
    assert meter.one_second == pytest.approx(1)

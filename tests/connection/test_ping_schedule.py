"""The schedule of keep-alive pings, at every phase of the interval and with every lateness of the event loop."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from natstui.connection.ping_schedule import PingSchedule, Tick

MICROSECOND = 1e-6


def _play(interval: float, allowed: int, frozen_at: float, lateness: list[float], limit: float = 1e4) -> float:
    """A server that answers at once until it freezes; return when it is given up."""
    schedule, outstanding, ticks = PingSchedule(interval, allowed, 0.0), 0, 0
    now = 0.0
    while now < limit:
        now = schedule.next_tick + (lateness[ticks % len(lateness)] if lateness else 0.0)
        ticks += 1
        todo = schedule.tick(now, outstanding)
        if todo is Tick.STALE:
            return now
        if todo is Tick.PING:
            outstanding = outstanding + 1 if now >= frozen_at else 0
        assert schedule.next_tick > now - interval, "the schedule falls behind"
    raise AssertionError("never given up")


@given(
    interval=st.sampled_from([0.1, 0.5, 1.0, 20.0]),
    allowed=st.integers(1, 6),
    percent=st.integers(0, 2_000),
)
def test_silence_is_noticed_within_the_bound(interval: float, allowed: int, percent: int) -> None:
    frozen_at = percent / 100 * interval
    taken = _play(interval, allowed, frozen_at, []) - frozen_at
    assert allowed * interval - MICROSECOND <= taken <= (allowed + 1) * interval + MICROSECOND


@given(
    interval=st.sampled_from([0.1, 1.0, 20.0]),
    allowed=st.integers(1, 6),
    percent=st.integers(0, 2_000),
    lateness=st.lists(st.integers(0, 49), min_size=1, max_size=20),
)
def test_a_loop_that_lags_never_makes_it_too_early(
    interval: float, allowed: int, percent: int, lateness: list[int]
) -> None:
    frozen_at = percent / 100 * interval
    late = [percent / 100 * interval for percent in lateness]
    taken = _play(interval, allowed, frozen_at, late) - frozen_at
    assert allowed * interval - MICROSECOND <= taken
    assert taken <= (allowed + 1) * interval + 2 * max(late) + MICROSECOND


def test_after_a_standstill_answers_are_read_before_the_server_is_judged() -> None:
    schedule = PingSchedule(1.0, 1, 0.0)
    assert schedule.tick(1.0, outstanding=0) is Tick.PING
    assert schedule.tick(50.0, outstanding=1) is Tick.WAIT
    assert 50.0 < schedule.next_tick <= 51.0
    assert schedule.tick(schedule.next_tick, outstanding=0) is Tick.PING


def test_after_a_standstill_a_silent_server_is_judged_all_the_same() -> None:
    schedule = PingSchedule(1.0, 1, 0.0)
    assert schedule.tick(1.0, outstanding=0) is Tick.PING
    assert schedule.tick(50.0, outstanding=1) is Tick.WAIT
    assert schedule.tick(schedule.next_tick, outstanding=1) is Tick.STALE

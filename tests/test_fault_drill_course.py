"""A fault drill's promise, course and verdict, from the events of a connection."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from natstui.connection import events as kinds
from natstui.connection.errors import Stage, TcpError
from natstui.connection.state import ConnectionState
from natstui.fault_drill import Bound, DrillRun, Fault, expected, promise
from natstui.widgets.drill_timeline import scale, timeline

START = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)
BOUND = Bound(20.0, 2)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def stalled(seconds: float = 65.0, bound: Bound = BOUND) -> DrillRun:
    run = DrillRun("orders", Fault.STALL, seconds, bound)
    run.read(kinds.PongReceived(0.001, 0, at=at(-1)))
    run.read(kinds.FaultInjected("stall", seconds, at=START))
    return run


def lose(run: DrillRun, after: float) -> None:
    run.read(kinds.StaleConnection(2, 2, silent_for=after, ping_interval=20.0, at=at(after)))
    run.read(kinds.Disconnected("nats://n1:4222", "no pong", at=at(after)))


def mend(run: DrillRun, after: float, subscriptions: int = 0, in_force: int = 0, problem: str = "") -> None:
    run.read(kinds.Reconnected("nats://n2:4222", 0.3, at=at(after)))
    run.confirm(at(after + 0.1), problem, subscriptions, in_force)


def words(run: DrillRun) -> list[str]:
    return [step.words for step in run.steps]


def test_the_promise_says_when_a_stall_is_noticed() -> None:
    assert BOUND.usual_stall == 65.0 and Bound(0.2, 2).usual_stall == 2.0
    told = promise(Fault.STALL, BOUND, 65)
    assert "Silence is noticed between N·I and (N+1)·I = 40 to 60 s with a ping every 20 s × 2." in told
    assert "65 s are more: natstui gives the connection up" in told
    assert "the connection is kept" in promise(Fault.STALL, BOUND, 40)
    assert "depends on when the last ping went out" in promise(Fault.STALL, BOUND, 41)
    assert "at once" in promise(Fault.DROP, BOUND, 0) and "leaves by itself" in promise(Fault.RECONNECT, BOUND, 0)
    assert expected(Fault.STALL, BOUND, 65) == "noticed after 40 to 60 s, with a ping every 20 s × 2"


def test_a_stall_noticed_in_time_is_told_step_by_step() -> None:
    run = stalled()
    run.read(kinds.PingSent(1, at=at(7.2)))
    run.read(kinds.PingSent(2, at=at(27.2)))
    assert not run.is_over and run.elapsed(at(30)) == 30.0
    lose(run, 47.2)
    run.read(kinds.Attempt("nats://n1:4222", 1, at=at(47.2)))
    error = TcpError("nats://n1:4222", "nothing listens there")
    run.read(kinds.AttemptFailed("nats://n1:4222", 1, Stage.TCP, error, at=at(47.3)))
    run.read(kinds.Attempt("nats://n2:4222", 2, 0.1, at=at(47.3)))
    assert not run.is_over
    mend(run, 47.5, 2, 2)
    assert run.is_over and run.is_well
    assert run.verdict == ("Noticed after 47.2 s, within the promised 40 to 60 s; back 0.30 s later on nats://n2:4222.")
    assert words(run) == [
        "stalled: no byte in or out for 65 s",
        "ping 1/2 sent, no answer",
        "ping 2/2 sent, no answer",
        "noticed: 2 of 2 pings unanswered; within the promised 40 to 60 s",
        "attempt 1 on nats://n1:4222",
        "attempt 1 failed at TCP: nats://n1:4222: nothing listens there",
        "attempt 2 on nats://n2:4222 in 0.10 s",
        "back on nats://n2:4222, 0.30 s later",
        "2 of 2 subscriptions restored",
        "what was missed meanwhile is marked in the list of messages",
    ]
    run.read(kinds.PingSent(1, at=at(70)))
    assert len(run.steps) == 10, "what comes after the end is none of the drill"


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (60.9, "within the promised 40 to 60 s"),
        (61.1, "later than the promised 40 to 60 s: natstui itself stood still"),
        (39.999, "within the promised 40 to 60 s"),
        (30.0, "sooner than the promised 40 to 60 s"),
    ],
)
def test_the_bound_is_judged(after: float, told: str) -> None:
    run = stalled()
    lose(run, after)
    mend(run, after + 1)
    assert told in run.verdict
    assert run.is_well == told.startswith("within")


@pytest.mark.parametrize(
    ("seconds", "told", "is_well"),
    [
        (30.0, "Not noticed, as promised: 30 s are less than 40 s; the connection was kept", True),
        (50.0, "Not noticed: the stall of 50 s ended before that (40 to 60 s)", True),
        (65.0, "Not noticed, though 65 s are more than the promised 60 s", False),
    ],
)
def test_a_stall_that_passes(seconds: float, told: str, is_well: bool) -> None:
    run = stalled(seconds)
    run.read(kinds.PongReceived(0.001, 0, at=at(0.01)))
    assert not run.is_over, "that pong was on its way before"
    run.read(kinds.PongReceived(seconds, 0, at=at(seconds + 0.1)))
    assert run.verdict.startswith(told) and run.is_well == is_well


def test_a_loss_that_the_pings_did_not_notice_is_told_as_such() -> None:
    run = stalled()
    run.read(kinds.Disconnected("nats://n1:4222", "the server closed\x1b[31m the connection", at=at(65)))
    mend(run, 66)
    assert run.verdict.startswith("Lost after 65.0 s, but not by natstui's pings (the server closed")
    assert "\x1b" not in run.verdict and not run.is_well


def test_a_drop_and_a_reconnect_are_over_at_once() -> None:
    drop = DrillRun("orders", Fault.DROP, 0, BOUND)
    drop.read(kinds.FaultInjected("drop", at=START))
    drop.read(kinds.Disconnected("nats://n1:4222", "the connection broke", at=at(0.02)))
    mend(drop, 0.05)
    assert drop.verdict == "Noticed after 0.02 s; back 0.03 s later on nats://n2:4222." and drop.is_well
    asked = DrillRun("orders", Fault.RECONNECT, 0, BOUND)
    asked.read(kinds.FaultInjected("reconnect", at=START))
    asked.read(kinds.Disconnected("nats://n1:4222", "reconnect requested", at=at(0.9)))
    mend(asked, 1.0)
    assert asked.verdict == "Left at once, as asked; back 0.10 s later on nats://n2:4222." and asked.is_well


def test_what_is_not_mended_is_told() -> None:
    for ending, told in (
        (kinds.StateChanged(ConnectionState.RECONNECTING, ConnectionState.FAILED, "gave up", at=at(50)), "not back"),
        (kinds.Closed("closed", at=at(50)), "the connection is closed"),
        (kinds.IdleClosed(at=at(50)), "the connection is asleep"),
    ):
        run = stalled()
        lose(run, 47)
        run.read(ending)
        assert told in run.verdict and run.verdict.startswith("Noticed after 47.0 s") and not run.is_well


def test_subscriptions_that_are_refused_and_a_sick_connection_are_told() -> None:
    run = stalled()
    lose(run, 47)
    mend(run, 48, 3, 2)
    assert run.verdict.endswith("nats://n2:4222, but only 2 of 3 subscriptions restored.") and not run.is_well
    sick = stalled()
    lose(sick, 47)
    mend(sick, 48, 1, 1, "no answer to a ping within 10 s")
    assert "but it is not healthy: no answer to a ping" in sick.verdict and not sick.is_well


@pytest.mark.parametrize("width", [16, 40, 54, 80])
def test_the_course_fits_every_width(width: int) -> None:
    run = stalled()
    for seconds, told in (
        (10, "not to be noticed for another 30 s"),
        (45, "to be noticed within 15 s"),
        (63, "3.0 s later"),
    ):
        course = timeline(run, at(seconds), max(width, 30)).plain
        assert told in " ".join(course.split())
        assert max(len(line) for line in course.splitlines()) <= max(width, 30)
    for after in (None, 47.0, 70.0):
        if after is not None:
            run = stalled()
            lose(run, after)
        bar, below = scale(run, at(20), width).plain.splitlines()
        assert len(bar) == width
        assert "40 s" in below and "60 s" in below
        assert ("✓" in bar, "✕" in bar) == (after == 47.0, after == 70.0)

"""One fault drill: what is promised before it, what happens in it, and how it came out.

Pure: events in, sentences out; `natstui.connection` makes the fault. The bound is that of stale_advice.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from natstui.connection import events as kinds
from natstui.connection.errors import ManagedConnectionError
from natstui.connection.events import Event
from natstui.connection.options import ConnectOptions
from natstui.connection.state import ConnectionState
from natstui.stale_advice import LATE_BY, detection_bounds
from natstui.stream.sanitise import sanitise


class Fault(StrEnum):
    """What can be done to a connection."""

    STALL = "stall"
    DROP = "drop"
    RECONNECT = "reconnect"


EXPLAINED = {
    Fault.STALL: "no byte in or out for a while, and nobody is told: a forgotten NAT entry, a pulled cable",
    Fault.DROP: "the TCP connection is cut with a reset: a server that restarts, a firewall that rejects",
    Fault.RECONNECT: "natstui leaves the server for the next one of the pool",
}


GAP_TOLD = "what was missed meanwhile is marked in the list of messages"


class Mark(StrEnum):
    """How a step is to be read at a glance; the names of widgets.stage_list.MARKS."""

    PLAIN = "skipped"
    GOOD = "ok"
    WARNING = "warning"
    BAD = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened in a drill."""

    after: float
    """Seconds since the fault."""
    mark: Mark
    words: str
    """Sanitised."""


@dataclass(frozen=True, slots=True)
class Bound:
    """When silence is noticed: after more than `least` seconds and at most `most`."""

    ping_interval: float
    allowed: int

    @property
    def least(self) -> float:
        """N·I."""
        return detection_bounds(self.ping_interval, self.allowed)[0]

    @property
    def most(self) -> float:
        """(N+1)·I."""
        return detection_bounds(self.ping_interval, self.allowed)[1]

    def __str__(self) -> str:
        return f"{self.least:g} to {self.most:g} s"

    @property
    def usual_stall(self) -> float:
        """Whole seconds a little beyond the bound: the stall that is noticed for certain."""
        return float(math.ceil(self.most + max(1.0, self.ping_interval / 4)))


def bound_of(options: ConnectOptions) -> Bound:
    """Return the bound that a connection promises."""
    return Bound(options.ping_interval, options.max_outstanding_pings)


def promise(fault: Fault, bound: Bound, seconds: float) -> str:
    """Return what is to be expected of a drill, before it begins. `seconds` are those of a stall."""
    if fault is Fault.DROP:
        return "A cut connection is noticed at once, without any ping; then the next server of the pool is tried."
    if fault is Fault.RECONNECT:
        return "There is nothing to notice: natstui leaves by itself and connects to the next server of the pool."
    told = (
        f"Silence is noticed between N·I and (N+1)·I = {bound} with a ping every {bound.ping_interval:g} s × "
        f"{bound.allowed}. "
    )
    if seconds <= bound.least:
        return f"{told}{seconds:g} s are less: the connection is kept, and what is held meanwhile goes on in order."
    if seconds <= bound.most:
        return f"{told}{seconds:g} s lie between: whether it is noticed depends on when the last ping went out."
    return f"{told}{seconds:g} s are more: natstui gives the connection up, and goes to the next server of the pool."


def expected(fault: Fault, bound: Bound, seconds: float) -> str:
    """Return the promise in a few words."""
    if fault is Fault.DROP:
        return "noticed at once"
    if fault is Fault.RECONNECT:
        return "left at once, as asked"
    if seconds <= bound.least:
        return f"a silence below {bound.least:g} s passes unnoticed"
    told = f"noticed after {bound}, with a ping every {bound.ping_interval:g} s × {bound.allowed}"
    return told if seconds > bound.most else f"{told}, unless it passes before"


def took(seconds: float) -> str:
    """A length of time as a drill tells it: "0.03 s", "47.2 s"."""
    return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"


class DrillRun:
    """A drill under way or over. Hand it every event of the connection, from before the fault on.

    Args:
        seconds: of a stall.
    """

    def __init__(self, connection_id: str, fault: Fault, seconds: float, bound: Bound) -> None:
        self.connection_id = connection_id
        self.fault = fault
        self.seconds = seconds
        self.bound = bound
        self.steps: list[Step] = []
        """What happened so far, oldest first."""
        self.began: datetime | None = None
        """When the fault was made; None before."""
        self.noticed: float | None = None
        """Seconds from the fault to the loss of the connection."""
        self.server = ""
        """Where it is connected again; empty before."""
        self.verdict = ""
        """How it came out, in one sentence; empty while it is under way."""
        self.is_well = False
        """Whether it came out as promised."""
        self._is_stale = False
        self._reason = ""
        self._back_after = 0.0

    @property
    def is_over(self) -> bool:
        """Whether the outcome is known."""
        return bool(self.verdict)

    def elapsed(self, now: datetime) -> float:
        """Seconds since the fault, until the outcome was known."""
        if self.is_over and self.steps:
            return self.steps[-1].after
        return 0.0 if self.began is None else max(0.0, (now - self.began).total_seconds())

    def read(self, event: Event) -> None:
        """Take note of an event."""
        if self.is_over:
            return
        if self.began is None:
            if isinstance(event, kinds.FaultInjected):
                self.began = event.at
                self._step(event, Mark.WARNING, self._fault_words())
            return
        match event:
            case kinds.PingSent(outstanding=outstanding) if self.noticed is None:
                self._step(event, Mark.WARNING, f"ping {outstanding}/{self.bound.allowed} sent, no answer")
            case kinds.PongReceived() if self.fault is Fault.STALL and self.noticed is None:
                self._passed(event)
            case kinds.StaleConnection(noticed_by="client"):
                self._is_stale = True
            case kinds.Disconnected(reason=reason):
                self._lost(event, reason)
            case kinds.Attempt(server=server, number=number, delay=delay):
                wait = f" in {took(delay)}" if delay else ""
                self._step(event, Mark.PLAIN, f"attempt {number} on {server}{wait}")
            case kinds.AttemptFailed(number=number, stage=stage, error=error):
                problem = error.problem if isinstance(error, ManagedConnectionError) else str(error)
                self._step(event, Mark.BAD, f"attempt {number} failed at {stage}: {problem}")
            case kinds.Reconnected(server=server):
                self._back(event, server)
            case kinds.StateChanged(new=ConnectionState.FAILED, reason=reason):
                self._ended(event, f"not back: {reason}")
            case kinds.Closed() | kinds.IdleClosed():
                self._ended(event, f"the connection is {'closed' if isinstance(event, kinds.Closed) else 'asleep'}")
            case _:
                pass

    def fail(self, sentence: str) -> None:
        """The fault could not be made."""
        self.verdict = sanitise(sentence)

    def _fault_words(self) -> str:
        if self.fault is Fault.STALL:
            return f"stalled: no byte in or out for {self.seconds:g} s"
        return "dropped: the connection is cut" if self.fault is Fault.DROP else "reconnecting: leaving the server"

    def _after(self, event: Event) -> float:
        return 0.0 if self.began is None else max(0.0, (event.at - self.began).total_seconds())

    def _step(self, event: Event, mark: Mark, words: str) -> None:
        self.steps.append(Step(self._after(event), mark, sanitise(words)))

    def _passed(self, event: Event) -> None:
        if self._after(event) < self.seconds * 0.9:
            # It was on its way before the fault.
            return
        self._step(event, Mark.GOOD, "the stall is over: the server answers on the same connection")
        self.is_well = self.seconds <= self.bound.most
        kept = "the connection was kept, and what was held went on in order"
        if self.seconds <= self.bound.least:
            self.verdict = f"Not noticed, as promised: {self.seconds:g} s are less than {self.bound.least:g} s; {kept}."
        elif self.is_well:
            self.verdict = f"Not noticed: the stall of {self.seconds:g} s ended before that ({self.bound}); {kept}."
        else:
            self.verdict = f"Not noticed, though {self.seconds:g} s are more than the promised {self.bound.most:g} s."

    def _lost(self, event: Event, reason: str) -> None:
        self.noticed = after = self._after(event)
        if self.fault is Fault.RECONNECT:
            self._step(event, Mark.PLAIN, "left the server, as asked")
            self._reason = "Left at once, as asked"
            self.is_well = True
        elif self.fault is Fault.DROP:
            self.is_well = after <= LATE_BY
            self._step(event, Mark.BAD, f"noticed: {reason}")
            self._reason = f"Noticed after {took(after)}" + ("" if self.is_well else ", not at once")
        elif not self._is_stale:
            self._step(event, Mark.BAD, f"lost: {reason}")
            self._reason = f"Lost after {took(after)}, but not by natstui's pings ({sanitise(reason)})"
        else:
            judged = self._judge(after)
            allowed = self.bound.allowed
            self._step(event, Mark.BAD, f"noticed: {allowed} of {allowed} pings unanswered; {judged}")
            self._reason = f"Noticed after {took(after)}, {judged}"

    def _judge(self, after: float) -> str:
        # A pong on its way when the stall began shortens the count by less than this.
        early = min(LATE_BY, self.bound.ping_interval / 4)
        if after > self.bound.most + LATE_BY:
            return f"later than the promised {self.bound}: natstui itself stood still"
        if after < self.bound.least - early:
            return f"sooner than the promised {self.bound}"
        self.is_well = True
        return f"within the promised {self.bound}"

    def _back(self, event: Event, server: str) -> None:
        self.server = sanitise(server)
        self._back_after = self._after(event) - (self.noticed or 0.0)
        self._step(event, Mark.GOOD, f"back on {server}, {took(self._back_after)} later")

    def confirm(self, now: datetime, problem: str, subscriptions: int, in_force: int) -> None:
        """The new connection was asked: what is wrong with it (empty for nothing), and what of its subscriptions."""
        if self.is_over or not self.server:
            return
        after = self.elapsed(now)
        self.verdict = f"{self._reason}; back {took(self._back_after)} later on {self.server}"
        if problem:
            self.is_well = False
            self.steps.append(Step(after, Mark.BAD, sanitise(problem)))
            self.verdict += f", but it is not healthy: {sanitise(problem)}"
        elif subscriptions:
            words = f"{in_force} of {subscriptions} subscription{'' if subscriptions == 1 else 's'} restored"
            if in_force < subscriptions:
                self.is_well = False
                self.verdict += f", but only {words}"
            self.steps.append(Step(after, Mark.GOOD if in_force == subscriptions else Mark.BAD, words))
            self.steps.append(Step(after, Mark.PLAIN, GAP_TOLD))
        self.verdict += "."

    def _ended(self, event: Event, words: str) -> None:
        self._step(event, Mark.BAD, words)
        self.is_well = False
        self.verdict = f"{self._reason or 'Not noticed yet'}; {sanitise(words)}."

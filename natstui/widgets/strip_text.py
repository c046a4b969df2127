"""What the two lines of a connection strip say, for every state and width. Pure: a snapshot in, pieces of text out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from natstui.connection.durations import parse_duration
from natstui.connection.state import ConnectionState
from natstui.connection.stats import ConnectionStats
from natstui.stream.sanitise import sanitise
from natstui.widgets.fitting import Part, Piece, fit, line_width, part, shorten, shorten_middle
from natstui.widgets.time_words import (
    AGO_CELLS,
    ago_roughly,
    clock_time,
    countdown,
    milliseconds,
    minutes,
    plural,
    span,
)

SHAPES = {
    ConnectionState.NEW: "○",
    ConnectionState.OPENING: "◌",
    ConnectionState.CONNECTED: "●",
    ConnectionState.RECONNECTING: "◐",
    ConnectionState.IDLE: "☾",
    ConnectionState.FAILED: "✕",
    ConnectionState.DRAINING: "◒",
    ConnectionState.CLOSED: "■",
}
"""The shape of each state, told beside its word."""

HELD = ("◉", "connected, held")
"""The shape and the word of a connection that only its subscriptions keep open."""

SILENT = ("◎", "connected, silent")
"""The shape and the word of a connection whose server leaves pings unanswered."""

STYLES = {
    ConnectionState.NEW: "quiet",
    ConnectionState.OPENING: "busy",
    ConnectionState.CONNECTED: "good",
    ConnectionState.RECONNECTING: "warning",
    ConnectionState.IDLE: "asleep",
    ConnectionState.FAILED: "bad",
    ConnectionState.DRAINING: "busy",
    ConnectionState.CLOSED: "quiet",
}
"""The name of the style of each state."""

WORDS = {ConnectionState.IDLE: "asleep"}
"""States whose word is not the state's own name."""

MOST_PIPS = 5
BAR_CELLS, SHORT_BAR_CELLS, BAR_NEEDS = 8, 4, 64
"""Cells of the idle bar, and the cells of the strip from which on it is long."""

SERVER_CELLS, SHORT_SERVER_CELLS = 28, 14


@dataclass(frozen=True, slots=True)
class StripView:
    """What a strip shows: a snapshot of the connection, the time, and what its events said of its troubles."""

    stats: ConnectionStats
    now: datetime
    cause: str = ""
    """Why the last attempt failed, and why the connection was lost."""
    problem: str = ""
    """What went wrong, where the connection failed."""
    remedy: str = ""
    """What to do about it."""
    trying: str = ""
    """The server that is being tried, or is next."""
    trying_since: datetime | None = None
    """Since when it is being tried."""
    unanswered_since: datetime | None = None
    """When the first ping that is not answered yet was sent."""

    @property
    def silent_for(self) -> float | None:
        """Seconds since the first unanswered ping, once that is too long for a mere delay; None before.

        That is a ping interval, or half of one where no further ping is allowed: before the server is given up.
        """
        stats = self.stats
        if stats.state is not ConnectionState.CONNECTED or not stats.pings_outstanding or not self.unanswered_since:
            return None
        seconds = (self.now - self.unanswered_since).total_seconds()
        is_last = stats.pings_outstanding >= stats.max_outstanding_pings
        return seconds if seconds >= stats.ping_interval * (0.5 if is_last else 1.0) else None

    @property
    def is_held(self) -> bool:
        """Whether live subscriptions keep it open although its idle timeout has passed."""
        stats = self.stats
        timeout, remaining = parse_duration(stats.idle_timeout), parse_duration(stats.time_remaining)
        return stats.state is ConnectionState.CONNECTED and stats.held_by > 0 and timeout > 0 and remaining <= 0


Line = list[Piece]


def strip_lines(view: StripView, width: int) -> tuple[Line, Line]:
    """The two lines of the strip, neither wider than `width` cells."""
    return _TELLERS[view.stats.state](view, width)


def state_word(view: StripView) -> tuple[str, str, str]:
    """The shape, the word and the name of the style of a connection's state."""
    state = view.stats.state
    if view.silent_for is not None:
        return *SILENT, "warning"
    if view.is_held:
        return *HELD, "held"
    return SHAPES[state], WORDS.get(state, str(state)), STYLES[state]


def server_words(server: str | None, width: int = SERVER_CELLS) -> str:
    """A server's address without the scheme that goes without saying."""
    return shorten_middle(sanitise((server or "").removeprefix("nats://")), width)


def _state(view: StripView) -> Part:
    shape, word, style = state_word(view)
    bold = f"{style}!"
    if view.silent_for is not None:
        silence = span(int(view.silent_for)) if view.silent_for >= 10 else f"{int(view.silent_for)} s"
        brief = ((shape, style), (f" silent {silence}", bold))
        return part(100, (shape, style), (f" {word} for {silence}", bold), short=brief)
    return part(100, (shape, style), (f" {word}", bold), short=((shape, style), (f" {word.partition(',')[0]}", bold)))


def _labelled(importance: int, label: str, value: str, cells: int = 0, style: str = "value") -> Part:
    return part(importance, (f"{label} ", "label"), (value, style), cells=len(label) + 1 + cells if cells else 0)


def _pings(stats: ConnectionStats) -> Part:
    outstanding, allowed = stats.pings_outstanding, stats.max_outstanding_pings
    style = "value" if not outstanding else "bad" if outstanding >= allowed else "warning"
    number = (f"{outstanding}/{allowed}", style)
    label = ("pings ", "label")
    if allowed > MOST_PIPS:
        return part(95, label, number)
    lit = min(outstanding, allowed)
    pips = ("●" * lit + "○" * (allowed - lit), "pips" if not lit else style)
    return part(95, label, pips, " ", number, short=(label, pips))


def _connected(view: StripView, width: int) -> tuple[Line, Line]:
    stats = view.stats
    first = [
        _state(view),
        part(
            90,
            (server_words(stats.server), "value"),
            short=((server_words(stats.server, SHORT_SERVER_CELLS), "value"),),
        ),
        _labelled(70, "rtt", milliseconds(stats.rtt_ms), 6),
        _pings(stats),
    ]
    second = [
        _moment(80, "received", "got", stats.last_in, view.now),
        _moment(60, "sent", "sent", stats.last_out, view.now),
        *_idle(view, BAR_CELLS if width >= BAR_NEEDS else SHORT_BAR_CELLS),
        _labelled(50, "reconnects", str(stats.reconnects)),
    ]
    return fit(first, width), fit(second, width)


def _moment(importance: int, label: str, brief: str, moment: datetime | None, now: datetime) -> Part:
    if moment is None:
        return part(importance, (f"{label} nothing", "label"), short=((f"{brief} nothing", "label"),))
    words = (f"{ago_roughly(moment, now):<{AGO_CELLS}}", "value")
    return part(importance, (f"{label} ", "label"), words, short=((f"{brief} ", "label"), words))


def _idle(view: StripView, cells: int) -> list[Part]:
    stats = view.stats
    timeout, remaining = parse_duration(stats.idle_timeout), parse_duration(stats.time_remaining)
    if timeout <= 0:
        return [part(90, ("never sleeps", "label"))]
    if view.is_held:
        return [part(90, (f"held by {plural(stats.held_by, 'subscription')}", "held"))]
    lit = max(0, min(cells, round(cells * remaining / timeout)))
    near = remaining <= 60
    label, left = ("sleeps in ", "label"), (countdown(remaining), "asleep" if near else "value")
    bar = [("━" * lit, "bar-near" if near else "bar"), ("━" * (cells - lit), "bar-spent")]
    parts = [part(90, label, left, " ", *bar, short=(label, left))]
    if stats.held_by:
        parts.append(part(30, (f"then held by {stats.held_by}", "label"), short=(("then held", "label"),)))
    return parts


def _asleep(view: StripView, width: int) -> tuple[Line, Line]:
    stats = view.stats
    first = [_state(view)]
    if stats.down_since is not None:
        slept = span((view.now - stats.down_since).total_seconds())
        first.append(_labelled(90, "since", clock_time(stats.down_since)))
        first.append(_labelled(40, "for", slept, 7))
    if stats.opens > 1:
        first.append(_labelled(60, "woke", f"{stats.opens - 1} time{'' if stats.opens == 2 else 's'}"))
    second = [part(100, ("wakes on the next use", "asleep"))]
    timeout = parse_duration(stats.idle_timeout)
    if timeout:
        second.append(_labelled(50, "idle timeout", minutes(timeout)))
    second.append(_labelled(40, "last on", server_words(stats.server)))
    return fit(first, width), fit(second, width)


def _reconnecting(view: StripView, width: int) -> tuple[Line, Line]:
    stats = view.stats
    number = str(max(1, stats.attempt))
    first = [
        _state(view),
        part(90, ("attempt ", "label"), (number, "value"), short=(("#", "label"), (number, "value"))),
    ]
    target = server_words(view.trying or stats.server)
    wait = (stats.next_attempt - view.now).total_seconds() if stats.next_attempt else 0.0
    if wait >= 0.5:
        tried = (f"in {math.ceil(wait)} s", "warning")
        first.append(part(80, (f"{target} ", "value"), tried, short=(("next ", "label"), tried)))
    else:
        spent = int((view.now - view.trying_since).total_seconds()) if view.trying_since else 0
        tried = (f"trying {span(spent) if spent >= 10 else f'{spent} s'}" if spent > 0 else "trying", "warning")
        first.append(part(80, (f"{target} ", "value"), tried, short=(tried,)))
    if stats.down_since is not None:
        first.append(_labelled(60, "offline", span((view.now - stats.down_since).total_seconds()), 7))
    cause = sanitise(view.cause or stats.last_error or "the connection was lost")
    second: Line = [Piece(shorten(cause, width), "cause")]
    if stats.buffered and (spare := width - line_width(second)) > 16:
        second.append(Piece(shorten(f"   {stats.buffered:,} buffered", spare), "warning"))
    return fit(first, width), second


def _failure(view: StripView) -> tuple[str, str]:
    """What went wrong, and what to do."""
    problem = sanitise(view.problem or view.stats.last_error or "the connection could not be opened")
    return problem.replace("nats://", ""), sanitise(view.remedy) or "r tries again, e edits the connection"


def cut_words(view: StripView, width: int) -> str:
    """What of a failure the strip has no room for, in whole sentences; empty where it shows all."""
    if view.stats.state is not ConnectionState.FAILED:
        return ""
    shown = ["".join(piece.text for piece in line) for line in strip_lines(view, width)]
    return "; ".join(words for words, line in zip(_failure(view), shown, strict=True) if not line.endswith(words))


def _failed(view: StripView, width: int) -> tuple[Line, Line]:
    state = _state(view)
    problem, remedy = _failure(view)
    room = width - state.width() - 2
    first = [*state.pieces, Piece("  "), Piece(shorten(problem, room), "cause")] if room > 8 else fit([state], width)
    return first, [Piece("→ ", "bad"), Piece(shorten(remedy, width - 2), "value")] if width > 8 else []


def _opening(view: StripView, width: int) -> tuple[Line, Line]:
    stats = view.stats
    first = [_state(view), part(90, (server_words(view.trying or stats.server), "value"))]
    if stats.attempt > 1:
        first.append(_labelled(70, "attempt", str(stats.attempt)))
    if stats.opens:
        told = part(100, ("waking: nothing is lost, what you do waits for it", "busy"))
    else:
        told = part(100, ("looking up, connecting, greeting, first ping", "label"))
    second = [told]
    if view.cause:
        second = [part(100, (shorten(sanitise(view.cause), width), "cause"))]
    return fit(first, width), fit(second, width)


def _new(view: StripView, width: int) -> tuple[Line, Line]:
    first = [_state(view), part(90, (server_words(view.trying or view.stats.server), "value"))]
    return fit(first, width), fit([part(100, ("opens on the first use", "label"))], width)


def _draining(view: StripView, width: int) -> tuple[Line, Line]:
    first = [_state(view), part(90, (server_words(view.stats.server), "value"))]
    told = "delivering what arrived, flushing what was published"
    return fit(first, width), fit([part(100, (told, "label"), short=(("finishing", "label"),))], width)


def _closed(view: StripView, width: int) -> tuple[Line, Line]:
    first = [_state(view)]
    if view.cause:
        first.append(part(60, (shorten(sanitise(view.cause), max(8, width - 12)), "label")))
    told = "takes no further use: close the panel or edit its connection"
    return fit(first, width), fit([part(100, (told, "label"), short=(("takes no further use", "label"),))], width)


_TELLERS: dict[ConnectionState, Callable[[StripView, int], tuple[Line, Line]]] = {
    ConnectionState.NEW: _new,
    ConnectionState.OPENING: _opening,
    ConnectionState.CONNECTED: _connected,
    ConnectionState.RECONNECTING: _reconnecting,
    ConnectionState.IDLE: _asleep,
    ConnectionState.FAILED: _failed,
    ConnectionState.DRAINING: _draining,
    ConnectionState.CLOSED: _closed,
}

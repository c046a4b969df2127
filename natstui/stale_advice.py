"""Why a connection was lost as stale, and what to change: the NATS_ERR_STALE_CONNECTION guide, applied.

Pure: one event in, sentences out. The guide is seed 001; the bound is measured in nats-py-2.16.md part 4.
"""

from __future__ import annotations

from dataclasses import dataclass

from natstui.connection.durations import format_duration
from natstui.connection.events import StaleConnection

SHORT_IDLE_LIMIT = 60.0
"""Seconds after which the most forgetful NATs and firewalls drop an idle connection."""
LONG_DETECTION = 300.0
"""Seconds of silence that are too long to learn of a dead server."""
HASTY_INTERVAL = 5.0
"""Seconds between pings below which a pause of the server or of the network is taken for its end."""
LATE_BY = 1.0
"""Seconds beyond the bound from which on natstui itself must have stood still."""


@dataclass(frozen=True, slots=True)
class StaleDiagnosis:
    """A stale connection explained."""

    noticed: str
    """Which side noticed, and after how long."""
    settings: str
    """The settings in force, and the bound that follows from them."""
    changes: tuple[str, ...]
    """What to look at or to change, the likeliest first."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of it, in order."""
        return self.noticed, self.settings, *self.changes


def detection_bounds(ping_interval: float, allowed: int) -> tuple[float, float]:
    """Return the seconds within which a silent server is given up: more than the first, at most the second.

    With ping interval I and N allowed outstanding pings that is (N·I, (N+1)·I] (nats-py-2.16.md part 4).
    """
    return allowed * ping_interval, (allowed + 1) * ping_interval


def explain_stale(event: StaleConnection) -> StaleDiagnosis:
    """Return which side noticed, how long it took, the settings in force, and what to change."""
    return _by_server(event) if event.noticed_by == "server" else _by_client(event)


def _words(seconds: float) -> str:
    """As one says it: "1m", not "1m0s"."""
    text = format_duration(round(seconds, 2 if seconds < 10 else 1))
    text = text.removesuffix("0s") if text.endswith("m0s") else text
    return text.removesuffix("0m") if text.endswith("h0m") else text


def _settings(event: StaleConnection) -> str:
    if event.ping_interval is None:
        return f"{event.allowed} unanswered pings allowed"
    least, most = detection_bounds(event.ping_interval, event.allowed)
    every = _words(event.ping_interval)
    return f"ping every {every} × {event.allowed} allowed → noticed within {_words(least)} to {_words(most)}"


def _by_client(event: StaleConnection) -> StaleDiagnosis:
    after = "" if event.silent_for is None else f" after {_words(event.silent_for)} of silence"
    noticed = f"natstui noticed{after}: {event.outstanding} pings in a row went unanswered"
    return StaleDiagnosis(noticed, _settings(event), tuple(_client_changes(event)))


def _client_changes(event: StaleConnection) -> list[str]:
    changes = []
    interval = event.ping_interval
    if interval is not None:
        _, most = detection_bounds(interval, event.allowed)
        if event.silent_for is not None and event.silent_for > most + LATE_BY:
            changes.append(
                f"It took longer than the {_words(most)} that it should: natstui itself stood still. Was the machine "
                "suspended, the process stopped, or the CPU starved?"
            )
    changes.append("Is the server frozen, overloaded or gone? Look at its log and CPU, and run natstui check.")
    if interval is None:
        return changes
    every = _words(interval)
    if interval > SHORT_IDLE_LIMIT:
        changes.append(
            "Does it happen while idle? NATs, firewalls and load balancers forget idle connections, often after one "
            f"to six minutes, and a ping every {every} is too seldom for them: set ping_interval to 20s."
        )
    elif interval >= HASTY_INTERVAL:
        changes.append(
            f"Does it happen while idle? Then the idle limit of a NAT, firewall or load balancer on the way must be "
            f"shorter than {every}: shorten ping_interval, or raise that limit."
        )
    else:
        changes.append(
            f"A ping every {every} leaves a slow moment of the server or the network little time: "
            "lengthen ping_interval, for example to 20s."
        )
    if event.allowed == 1:
        changes.append("A single late answer costs the connection: set max_outstanding_pings to 2, to forgive one.")
    if most > LONG_DETECTION:
        changes.append(
            f"A dead server goes unnoticed for up to {_words(most)}: shorten ping_interval, or lower "
            "max_outstanding_pings."
        )
    return changes


def _by_server(event: StaleConnection) -> StaleDiagnosis:
    heard = "" if event.silent_for is None else f"; natstui had read nothing for {_words(event.silent_for)} before"
    noticed = f"the server noticed: its own pings went unanswered, and it closed the connection{heard}"
    settings = (
        f"the server's ping_interval and ping_max decide (2m × 2 unless configured); natstui's: {_settings(event)}"
    )
    changes = [
        "natstui did not answer in time: was the machine suspended, the process stopped, or the CPU starved?",
        "Or its answers were lost on the way: look for a path that is blocked in one direction, or a full one.",
    ]
    if event.ping_interval is not None and event.ping_interval > SHORT_IDLE_LIMIT:
        changes.append(
            "A NAT or firewall may have forgotten the idle connection: set natstui's ping_interval to 20s, shorter "
            "than its limit."
        )
    changes.append("If the pauses are to be expected, raise ping_interval or ping_max in the server's configuration.")
    return StaleDiagnosis(noticed, settings, tuple(changes))

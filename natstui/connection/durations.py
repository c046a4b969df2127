"""Durations as people write them: "30m", "1m30s", "250ms", and as the seeds' JSON prints them: "30m0s"."""

from __future__ import annotations

import math
import re

_UNIT_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
_PART = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|ms|s|m|h|d)")


def parse_duration(value: str | float) -> float:
    """Return a duration in seconds.

    Accepts a number of seconds (``20``, ``"20"``, ``"0.5"``) or Go's notation that the nats CLI and the
    HeyNATS seed use (``"30m"``, ``"1m30s"``, ``"250ms"``), with ``d`` for days besides.

    Raises:
        ValueError: the text is no duration, or it is negative or not finite.
    """
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a duration; write for example 30m, 1m30s, 250ms or a number of seconds")
    seconds = float(value) if isinstance(value, int | float) else _parse_text(value.strip())
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"{value!r} is not a duration; it must be finite and not negative")
    return seconds


def _parse_text(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    total, end = 0.0, 0
    for part in _PART.finditer(text):
        if part.start() != end:
            break
        total += float(part[1]) * _UNIT_SECONDS[part[2]]
        end = part.end()
    if not text or end != len(text):
        raise ValueError(f"{text!r} is not a duration; write for example 30m, 1m30s, 250ms or a number of seconds")
    return total


def format_duration(seconds: float) -> str:
    """Return a duration the way Go prints one: "30m0s", "25m30s", "1h0m0s", "1.5s", "250ms", "0s"."""
    if seconds < 0:
        return "-" + format_duration(-seconds)
    if seconds == 0:
        return "0s"
    if seconds < 1:
        return f"{round(seconds * 1000, 3):g}ms"
    whole = round(seconds, 3)
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    tail = f"{round(rest, 3):g}s"
    if hours:
        return f"{int(hours)}h{int(minutes)}m{tail}"
    if minutes:
        return f"{int(minutes)}m{tail}"
    return tail

"""Times and numbers as the dashboard writes them: short, and of a width that does not jump about."""

from __future__ import annotations

from datetime import datetime


def span(seconds: float) -> str:
    """A length of time in at most 7 characters: "0.4 s", "14 s", "2m 05s", "3h 12m", "4d 03h"."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = max(10, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02}m"
    return f"{whole // 86400}d {whole % 86400 // 3600:02}h"


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago: "never", "now", "14 s ago", "2m 05s ago"."""
    if moment is None:
        return "never"
    seconds = (now - moment).total_seconds()
    return "now" if seconds < 1 else f"{span(int(seconds)) if seconds >= 10 else f'{int(seconds)} s'} ago"


AGO_CELLS = 8
"""Most cells that `ago_roughly` takes in the first hundred days."""


def ago_roughly(moment: datetime, now: datetime) -> str:
    """How long ago, in one unit: "now", "14 s ago", "2m ago", "3h ago", "4d ago"."""
    seconds = int((now - moment).total_seconds())
    if seconds < 1:
        return "now"
    if seconds < 60:
        return f"{seconds} s ago"
    if seconds < 3600:
        return f"{seconds // 60}m ago"
    return f"{seconds // 3600}h ago" if seconds < 86400 else f"{seconds // 86400}d ago"


def countdown(seconds: float) -> str:
    """A time that runs out: "29:58", "1:02:03", "3d 04h"."""
    whole = max(0, round(seconds))
    if whole >= 86400:
        return f"{whole // 86400}d {whole % 86400 // 3600:02}h"
    if whole >= 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"
    return f"{whole // 60}:{whole % 60:02}"


def minutes(seconds: float) -> str:
    """A round length of time, as a setting has it: "30m", "1h 30m", "45 s"."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:g} s"
    hours, rest = divmod(whole, 3600)
    parts = [f"{hours}h" if hours else "", f"{rest // 60}m" if rest // 60 else "", f"{rest % 60}s" if rest % 60 else ""]
    return " ".join(part for part in parts if part)


def clock_time(moment: datetime) -> str:
    """Local time of day: "14:02:37"."""
    return moment.astimezone().strftime("%H:%M:%S")


def milliseconds(value: float | None) -> str:
    """A latency in milliseconds: "0.4 ms", "12 ms", "1.2 s"; "–" for none."""
    if value is None:
        return "–"
    if value < 10:
        return f"{value:.1f} ms"
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def count(number: int) -> str:
    """A number with its thousands set apart: "12,345"."""
    return f"{number:,}"


def plural(number: int, word: str, words: str = "") -> str:
    """A number and its noun: "1 panel", "2 panels"; `words` where the plural is no mere s."""
    return f"{number:,} {word if number == 1 else words or word + 's'}"


def bytes_words(size: int) -> str:
    """A number of bytes in three digits and a unit: "512 B", "1.5 KiB"."""
    amount, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{size} B" if unit == "B" else f"{amount:.3g} {unit}"

"""Everything about one connection, in words: its figures, its servers, its pings. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.cells import cell_len
from textual.content import Content

from natstui.connection import events as kinds
from natstui.connection.events import Event
from natstui.connection.stats import ConnectionStats
from natstui.stale_advice import explain_stale
from natstui.stream.sanitise import sanitise
from natstui.widgets.fitting import shorten, wrapped
from natstui.widgets.strip_text import SHAPES, STYLES, server_words
from natstui.widgets.time_words import ago, bytes_words, clock_time, count, milliseconds, plural

BARS = "▁▂▃▄▅▆▇█"
LABEL_CELLS = 22
_STATE_STYLES = {
    "good": "$text-success",
    "busy": "$text-primary",
    "warning": "$text-warning",
    "asleep": "$text-secondary",
    "bad": "$text-error",
}


def figures(stats: ConnectionStats, now: datetime, width: int) -> Content:
    """Every figure of a connection's stats under its own name, in as many columns as there is room for."""
    cells = [(name, _value(name, value, now)) for name, value in stats if name != "server_pool"]
    columns = max(1, width // 46)
    room = width // columns
    rows = -(-len(cells) // columns)
    lines = []
    for row in range(rows):
        pieces: list[str | tuple[str, str]] = []
        for place in range(row, len(cells), rows):
            name, value = cells[place]
            value = shorten(value, max(4, room - LABEL_CELLS - 1))
            pieces.append((f"{name:<{LABEL_CELLS}}", "$text-muted"))
            is_last = place + rows >= len(cells)
            pieces.append(value if is_last else value + " " * max(1, room - LABEL_CELLS - cell_len(value)))
        lines.append(Content.assemble(*pieces))
    return Content("\n").join(lines)


def _value(name: str, value: object, now: datetime) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{clock_time(value)}, {ago(value, now)}" if value <= now else clock_time(value)
    if name.endswith("_bytes") or name == "max_payload":
        return f"{bytes_words(int(str(value)))}" if isinstance(value, int) else str(value)
    if name == "rtt_ms" and isinstance(value, float):
        return milliseconds(value)
    if name == "ping_interval" and isinstance(value, float):
        return f"{value:g} s"
    return count(value) if isinstance(value, int) else sanitise(str(value))


def server_lines(stats: ConnectionStats, width: int) -> Content:
    """A line for each server of the pool; below it, in full, why it failed last."""
    if not stats.server_pool:
        return Content.styled("the pool is known once the connection was opened", "$text-muted")
    lines = []
    for server in stats.server_pool:
        mark, style = "○", "$text-muted"
        if server.is_current:
            mark, style = SHAPES[stats.state], _STATE_STYLES.get(STYLES[stats.state], "$text-muted")
        elif server.last_error:
            mark, style = "✕", "$text-error"
        told = ["discovered"] if server.discovered else []
        if server.is_current:
            told.append("current")
        elif server.did_connect:
            told.append("was used")
        if server.failed_attempts:
            told.append(f"{server.failed_attempts} failed")
        name = server_words(server.url, 34)
        words = shorten(" · ".join(told), max(0, width - cell_len(name) - 5))
        lines.append(Content.assemble((f"{mark} ", style), name, (f"  {words}", "$text-muted")))
        if server.last_error:
            error = wrapped(sanitise(server.last_error), max(8, width - 2))
            lines.extend(Content.styled(f"  {line}", "$text-muted") for line in error)
    return Content("\n").join(lines)


def ping_timeline(events: Iterable[Event], stats: ConnectionStats, width: int) -> Content:
    """Round trips as bars, oldest first, ✕ where a server was given up or lost; below it last, least and most."""
    marks: list[float | None] = []
    for event in events:
        if isinstance(event, kinds.PongReceived):
            marks.append(event.rtt * 1000)
        elif isinstance(event, kinds.StaleConnection | kinds.Disconnected) and (not marks or marks[-1] is not None):
            marks.append(None)
    shown = marks[-max(1, width) :]
    trips = [mark for mark in shown if mark is not None]
    waiting = "●" * min(stats.pings_outstanding, 5)
    if not trips:
        words = f"no pong yet, a ping goes out every {stats.ping_interval:g} s"
        return Content.assemble((shorten(words, width), "$text-muted"), (waiting, "$text-warning"))
    most = max(trips)
    pieces: list[str | tuple[str, str]] = []
    for mark in shown:
        if mark is None:
            pieces.append(("✕", "$text-error"))
        else:
            pieces.append((BARS[min(len(BARS) - 1, int(mark / most * (len(BARS) - 0.01)))], "$text-success"))
    if waiting:
        pieces.append((waiting, "$text-warning"))
    told = (f"{word} {milliseconds(rtt)}" for word, rtt in (("last", trips[-1]), ("least", min(trips)), ("most", most)))
    words = "   ".join((*told, plural(len(trips), "pong")))
    return Content.assemble(*pieces, "\n", (shorten(words, width), "$text-muted"))


def stale_lines(events: Iterable[Event]) -> Content | None:
    """What the newest stale connection was, and what to change; None where none was stale."""
    stale = None
    for event in events:
        if isinstance(event, kinds.StaleConnection):
            stale = event
    if stale is None:
        return None
    told = explain_stale(stale)
    lines = [
        Content.assemble((f"{clock_time(stale.at)} ", "$text-muted"), (sanitise(told.noticed), "$text-error")),
        Content(sanitise(told.settings)),
        *(Content.assemble(("→ ", "$text-primary"), (sanitise(change), "$text-muted")) for change in told.changes),
    ]
    return Content("\n").join(lines)

"""The course of a fault drill, in words and on a scale. Pure."""

from __future__ import annotations

from datetime import datetime

from rich.cells import cell_len
from textual.content import Content

from natstui.fault_drill import DrillRun, Fault, took
from natstui.widgets.fitting import wrapped
from natstui.widgets.stage_list import MARKS, UNDER_WAY

TIME_CELLS = 8
"""Cells of the column of times."""


def timeline(run: DrillRun, now: datetime, width: int) -> Content:
    """A line for each thing that happened, oldest first, and what is waited for, with the time since the fault."""
    room = max(8, width - TIME_CELLS - 3)
    lines: list[Content] = []

    def add(after: float, mark: tuple[str, str], words: str, style: str) -> None:
        first, *rest = wrapped(words, room)
        lines.append(Content.assemble((f"{took(after):>{TIME_CELLS}} ", "$text-muted"), mark, (f" {first}", style)))
        lines.extend(Content.styled(" " * (TIME_CELLS + 3) + line, style) for line in rest)

    for step in run.steps:
        style = "$text-error" if step.mark == "failed" else "$text-muted" if step.mark == "skipped" else ""
        add(step.after, MARKS[step.mark], step.words, style)
    if waiting := _waiting(run, now):
        add(run.elapsed(now), UNDER_WAY, waiting, "$text-muted")
    return Content("\n").join(lines)


def _waiting(run: DrillRun, now: datetime) -> str:
    if run.is_over:
        return ""
    if run.began is None:
        return "making the fault …"
    if run.server:
        return "asking the new connection how it is …"
    if run.noticed is not None:
        return "connecting …"
    if run.fault is not Fault.STALL:
        return "not noticed yet …"
    elapsed, bound = run.elapsed(now), run.bound
    if elapsed > bound.most:
        return f"not noticed yet, {took(elapsed - bound.most)} later than promised"
    if run.seconds <= bound.least:
        left = run.seconds - elapsed
        return f"silent; the stall ends in {left:.0f} s" if left > 0 else "the stall is over; waiting for a pong"
    if elapsed <= bound.least:
        return f"silent; not to be noticed for another {bound.least - elapsed:.0f} s"
    return f"silent; to be noticed within {bound.most - elapsed:.0f} s"


def scale(run: DrillRun, now: datetime, width: int) -> Content:
    """A stall on a scale of time: ━ what has passed, ▒ when it is to be noticed, ✓ or ✕ when it was."""
    bound, elapsed = run.bound, run.noticed if run.noticed is not None else run.elapsed(now)
    whole = max(bound.most * 1.15, elapsed)
    cells = max(16, width)

    def place(seconds: float) -> int:
        return min(cells - 1, int(seconds / whole * cells))

    least, most, here = place(bound.least), place(bound.most), place(elapsed)
    pieces: list[tuple[str, str]] = []
    for cell in range(cells):
        is_promised = least <= cell <= most
        if cell == here:
            mark = ("✓", "$text-success") if is_promised else ("✕", "$text-error")
            pieces.append(("╸", "$text-warning") if run.noticed is None else mark)
        elif cell < here:
            pieces.append(("▓" if is_promised else "━", "$text-warning"))
        else:
            pieces.append(("▒" if is_promised else "─", "$text-primary" if is_promised else "$text-disabled"))
    first, last = f"{bound.least:g} s", f"{bound.most:g} s"
    below = f"0{' ' * max(1, least - 1)}{first}"
    below += " " * max(1, most - cell_len(below)) + last
    return Content.assemble(*pieces, "\n", (below, "$text-muted"))

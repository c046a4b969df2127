"""The stages of connecting to one server, as they are walked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from natstui.stream.sanitise import sanitise
from natstui.widgets.strip_text import server_words
from natstui.widgets.time_words import milliseconds

if TYPE_CHECKING:
    from natstui.headless.diagnosis import StageReport

MARKS = {
    "ok": ("✓", "$text-success"),
    "warning": ("◐", "$text-warning"),
    "failed": ("✕", "$text-error"),
    "skipped": ("·", "$text-muted"),
}
"""How a stage came out, told by shape beside its colour."""
UNDER_WAY = ("◌", "$text-primary")


class StageList(Static):
    """One line for each stage: how it came out, how long it took, what was found. Hidden until a walk begins."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", markup=False, id=id)
        self.stages: tuple[str, ...] = ()
        self.reports: dict[str, StageReport] = {}
        """What is known, by stage."""

    def begin(self, server: str, stages: Sequence[str], place: str = "") -> None:
        """Start anew, with another server; `place` says which of several it is."""
        self.stages, self.reports = tuple(stages), {}
        self.border_title = Content(f"{server_words(server, 50)} {place}".rstrip())
        self.display = True
        self._show()

    def add(self, report: StageReport) -> None:
        """Show a stage; a later report of the same stage takes the earlier one's place."""
        self.reports[report.stage] = report
        self._show()

    def stop(self) -> None:
        """Nothing is under way any more."""
        self.stages = tuple(stage for stage in self.stages if stage in self.reports)
        self._show()

    def _show(self) -> None:
        under_way = next((stage for stage in self.stages if stage not in self.reports), "")
        lines = []
        for stage in self.stages:
            report = self.reports.get(stage)
            if report is not None:
                took = milliseconds(report.seconds * 1000) if report.seconds is not None else ""
                style = "$text-error" if report.status == "failed" else "$text-muted"
                lines.append(_line(stage, MARKS[report.status], took, sanitise(report.detail), style))
            elif stage == under_way:
                lines.append(_line(stage, UNDER_WAY, "", "…", "$text-muted"))
            else:
                lines.append(_line(stage, (" ", ""), "", "", ""))
        self.update(Content("\n").join(lines))


def _line(stage: str, mark: tuple[str, str], took: str, words: str, style: str) -> Content:
    return Content.assemble(mark, f" {stage:<15}", (f"{took:>8}  ", "$text-muted"), (words, style))

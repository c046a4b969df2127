"""A draft on its way out, and the words for how far it is and what became of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from natstui.connection.outcome import Outcome, PublishOutcome
from natstui.drafts import Draft, SentMessage
from natstui.stream.sanitise import sanitise
from natstui.widgets.fitting import Part, part
from natstui.widgets.time_words import count, milliseconds

MARKS = {
    Outcome.CONFIRMED: ("✓", "good"),
    Outcome.BUFFERED: ("◷", "warning"),
    Outcome.UNKNOWN: ("?", "warning"),
    Outcome.REFUSED: ("✕", "bad"),
}
"""The shape and the style of each outcome."""


@dataclass
class Run:
    """A draft on its way out, once or many times."""

    draft: Draft
    payload: bytes
    headers: dict[str, str | list[str]]
    total: int
    """How often; 0 until it is stopped."""
    interval: float
    """Seconds between the beginnings of two sends."""
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    last: PublishOutcome | None = None
    is_waiting_for_server: bool = False
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: bool = False
    is_noted: bool = False
    """Whether its outcome was told."""
    entry: SentMessage | None = None
    """What the history has of it."""

    @property
    def done(self) -> int:
        """Sends whose outcome is known."""
        return self.outcomes.total()

    @property
    def is_repeated(self) -> bool:
        """Whether it was to be sent more than once."""
        return self.total != 1

    @property
    def is_buffered(self) -> bool:
        """Whether a message of it waits for a server."""
        return self.is_waiting_for_server and not self.is_over

    @property
    def holds_the_panel(self) -> bool:
        """Whether nothing else can be sent yet: not where all that is left of it is one buffered message."""
        is_last = not self.is_repeated or self.stop.is_set()
        return not self.is_over and not (self.is_buffered and is_last)


def outcome_parts(run: Run, number: int) -> list[Part]:
    """What became of the latest message; `number` counts the messages of the panel."""
    if run.last is None:
        return [part(90, ("… sending", "busy"), (", waits for the server to confirm", "label"))]
    mark, style = MARKS[run.last.outcome]
    parts = [part(90, (mark, style), (f" {run.last.outcome}", f"{style}!"))]
    if run.last.outcome is Outcome.CONFIRMED:
        parts[0] = part(
            90,
            (mark, style),
            (" confirmed", f"{style}!"),
            (f" #{count(number)} in ", "label"),
            (milliseconds(run.last.elapsed * 1000), "value"),
        )
    elif run.last.reason:
        parts.append(part(80, (sanitise(run.last.reason), "value")))
    return parts


def progress_parts(run: Run) -> list[Part]:
    """How far a repeated run is."""
    if not run.is_repeated:
        return []
    total = count(run.total) if run.total else "∞"
    parts = [part(90, (f"{count(run.done)} of {total}", "value"))]
    if run.is_over and run.done != run.total:
        parts.append(part(70, ("stopped", "warning")))
    for outcome, (mark, style) in MARKS.items():
        if run.outcomes[outcome] and (outcome is not Outcome.CONFIRMED or run.outcomes[outcome] != run.done):
            parts.append(part(60, (mark, style), (f" {count(run.outcomes[outcome])}", f"{style}!")))
    if not run.is_over:
        parts.append(part(40, ("F5", "key"), (" stops", "label")))
    return parts

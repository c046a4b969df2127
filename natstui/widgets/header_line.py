"""The first line of the dashboard: where it is connected, how the connections stand, the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from natstui.context_labels import ContextLabel
from natstui.stream.sanitise import sanitise
from natstui.widgets.fitting import Part, part, shorten_middle
from natstui.widgets.line import Line
from natstui.widgets.strip_text import StripView, state_word
from natstui.widgets.time_words import clock_time, plural

ORDER = (
    "connected",
    "connected, held",
    "connected, silent",
    "reconnecting",
    "opening",
    "failed",
    "asleep",
    "draining",
    "new",
    "closed",
)

SHORT_NAME_CELLS = 14


class HeaderLine(Line):
    """natstui · context or server · panels by state · clock."""

    def tell(
        self,
        place: str,
        contexts: Sequence[ContextLabel],
        panels: int,
        views: Iterable[StripView],
        now: datetime,
        read_only: str = "",
        note: str = "",
    ) -> None:
        """Show where the dashboard is connected and how its connections stand.

        Args:
            place: a server's address, or words such as "demo".
            contexts: the contexts that panels are on, or the one of panels to come.
            read_only: which connections let no message leave, in words; empty for none.
            note: takes the place of everything else but the name and the clock.
        """
        left: list[Part] = [part(100, ("natstui", "brand"))]
        if note:
            left.append(part(90, (note, "warning")))
        else:
            left += _contexts(place, contexts)
            if read_only:
                left.append(part(95, (read_only, "warning!")))
            left.append(part(40, (plural(panels, "panel"), "label")))
            counted = Counter(state_word(view) for view in views)
            for shape, word, style in sorted(counted, key=lambda entry: ORDER.index(entry[1])):
                number = counted[shape, word, style]
                brief = ((shape, style), (f" {number}", f"{style}!"))
                left.append(part(80, (shape, style), (f" {number} {word}", f"{style}!"), short=brief))
        self.show(left, [part(70, (clock_time(now), "label"))])


def _contexts(place: str, contexts: Sequence[ContextLabel]) -> list[Part]:
    production = [sanitise(context.name or "no context") for context in contexts if context.is_production]
    others = [sanitise(context.words) for context in contexts if not context.is_production]
    parts: list[Part] = []
    if production:
        brief = shorten_middle(" + ".join(production), SHORT_NAME_CELLS)
        parts.append(
            part(
                99,
                (f" PRODUCTION {' + '.join(production)} ", "production"),
                short=((f" PRODUCTION {brief} ", "production"),),
            )
        )
    if not production and not any(context.name for context in contexts):
        return [part(50, (shorten_middle(sanitise(place), 30), "value"))]
    if others:
        label = "and " if production else "context "
        parts.append(part(60, (label, "label"), (f" {' + '.join(others)} ", "badge")))
    return parts

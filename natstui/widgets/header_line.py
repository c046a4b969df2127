"""The first line of the dashboard: where it is connected, how the connections stand, the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

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


class HeaderLine(Line):
    """natstui · context or server · panels by state · clock."""

    def tell(
        self, place: str, context: str, panels: int, views: Iterable[StripView], now: datetime, note: str = ""
    ) -> None:
        """Show where the dashboard is connected and how its connections stand.

        Args:
            place: a server's address, or words such as "demo".
            context: the nats context's name; empty for none.
            note: takes the place of everything else but the name and the clock.
        """
        left: list[Part] = [part(100, ("natstui", "brand"))]
        if note:
            left.append(part(90, (note, "warning")))
        else:
            if context:
                left.append(part(60, ("context ", "label"), (f" {sanitise(context)} ", "badge"), cells=0))
            else:
                left.append(part(50, (shorten_middle(sanitise(place), 30), "value")))
            left.append(part(40, (plural(panels, "panel"), "label")))
            counted = Counter(state_word(view) for view in views)
            for shape, word, style in sorted(counted, key=lambda entry: ORDER.index(entry[1])):
                number = counted[shape, word, style]
                brief = ((shape, style), (f" {number}", f"{style}!"))
                left.append(part(80, (shape, style), (f" {number} {word}", f"{style}!"), short=brief))
        self.show(left, [part(70, (clock_time(now), "label"))])

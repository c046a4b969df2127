"""The line of tabs on a screen that shows one panel at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from natstui.stream.sanitise import sanitise
from natstui.widgets.fitting import part, shorten
from natstui.widgets.line import Line


class Tab(NamedTuple):
    """One panel on the line of tabs."""

    title: str
    subject: str
    shape: str
    style: str
    is_current: bool


class TabLine(Line):
    """1 ● subscribe orders.> │ 2 ☾ publish │ 3 ● request."""

    def tell(self, tabs: Sequence[Tab]) -> None:
        """Show these panels."""
        parts = []
        for number, tab in enumerate(tabs, 1):
            title = f" {number} {tab.title} "
            subject = f"{shorten(sanitise(tab.subject), 24)} " if tab.subject else ""
            shape = (tab.shape, tab.style)
            if tab.is_current:
                parts.append(part(100, shape, (title + subject, "current"), short=(shape, (title, "current"))))
            else:
                parts.append(
                    part(
                        90 - number,
                        shape,
                        (title + subject, "label"),
                        short=(shape, (f" {number} {tab.title} ", "label")),
                    )
                )
        self.show(parts)

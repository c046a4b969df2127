"""The line of tabs on a screen that shows one panel at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from natstui.stream.sanitise import sanitise
from natstui.widgets.fitting import Part, Piece, fit, part, shorten
from natstui.widgets.line import Line


class Tab(NamedTuple):
    """One panel on the line of tabs."""

    title: str
    subject: str
    shape: str
    style: str
    is_current: bool


class TabLine(Line):
    """1 ● subscribe orders.> │ 2 ☾ publish │ 3 ● request; every panel stands on it, by its number alone if need be."""

    _numbers: Sequence[Part] = ()

    def tell(self, tabs: Sequence[Tab]) -> None:
        """Show these panels."""
        self._numbers = _parts(tabs, are_many=True)
        self.show(_parts(tabs))

    def pieces(self) -> list[Piece]:
        width, gap = self.content_size.width, self._gaps[-1]
        shortest = sum(one.width(brief=True) + gap for one in self.parts) - gap
        return super().pieces() if shortest <= width else fit(self._numbers, width, self._gaps)


def _parts(tabs: Sequence[Tab], *, are_many: bool = False) -> list[Part]:
    parts = []
    for number, tab in enumerate(tabs, 1):
        importance, style = (100, "current") if tab.is_current else (90 - number, "label")
        name = f" {number} " if are_many and not tab.is_current else f" {number} {tab.title} "
        subject = f"{shorten(sanitise(tab.subject), 24)} " if tab.subject else ""
        shape = (tab.shape, tab.style)
        whole = name if are_many and not tab.is_current else name + subject
        parts.append(part(importance, shape, (whole, style), short=(shape, (name, style))))
    return parts

"""The connection strip: two lines on every panel that show its connection breathing."""

from __future__ import annotations

from typing import ClassVar

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from natstui.widgets.fitting import Piece
from natstui.widgets.strip_text import StripView, strip_lines


class ConnectionStrip(Widget):
    """State, server, round trip, outstanding pings, last in and out, idle countdown and reconnects of one connection.

    Fixed in size: a tick repaints two lines and lays nothing out.
    """

    STYLES: ClassVar[tuple[str, ...]] = (
        *("label", "value", "good", "busy", "warning", "bad", "asleep", "held", "quiet"),
        *("cause", "pips", "bar", "bar-near", "bar-spent"),
    )
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"strip--{name}" for name in STYLES}

    view: reactive[StripView | None] = reactive(None, layout=False)
    """What is shown; None until the panel has a connection."""

    def render(self) -> Content:
        if self.view is None:
            return Content("")
        width = self.content_size.width
        return Content("\n").join(self._content(line) for line in strip_lines(self.view, width))

    def _content(self, line: list[Piece]) -> Content:
        return Content.assemble(
            *((text, self.get_visual_style(f"strip--{style}", partial=True)) if style else text for text, style in line)
        )

    @property
    def text(self) -> tuple[str, str]:
        """The two lines as they are shown, without styles."""
        if self.view is None:
            return "", ""
        first, second = strip_lines(self.view, self.content_size.width)
        return "".join(piece.text for piece in first), "".join(piece.text for piece in second)

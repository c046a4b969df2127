"""A widget of one line, made of parts that are fitted into its width."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual.strip import Strip

from natstui.widgets.component_styles import ComponentStyles
from natstui.widgets.fitting import Part, Piece, fit, line_width

STYLES = (
    *("label", "value", "strong", "good", "busy", "warning", "bad", "asleep", "held", "quiet"),
    *("key", "brand", "badge", "production", "current", "accent"),
)
"""The names of the styles that a line's pieces may have; styles/line.tcss says how each looks."""


class Line(ComponentStyles):
    """One line: parts from the left, parts at the right, the least important ones left out where there is no room."""

    COMPONENT_PREFIX = "line"

    def __init__(
        self,
        parts: Sequence[Part] = (),
        right: Sequence[Part] = (),
        *,
        id: str | None = None,
        classes: str | None = None,
        gaps: tuple[int, ...] = (3, 2),
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.parts: tuple[Part, ...] = tuple(parts)
        self.right: tuple[Part, ...] = tuple(right)
        self._gaps = gaps

    def show(self, parts: Sequence[Part], right: Sequence[Part] = ()) -> None:
        """Show other parts; nothing is laid out or painted where they are the same."""
        if (tuple(parts), tuple(right)) != (self.parts, self.right):
            self.parts, self.right = tuple(parts), tuple(right)
            self.refresh()

    def pieces(self) -> list[Piece]:
        """The line as it is shown at its present width."""
        width = self.content_size.width
        natural = line_width(fit(self.parts, width, self._gaps))
        right = fit(self.right, max(width // 3, width - natural - 2) if self.parts else width, self._gaps)
        left = fit(self.parts, width - line_width(right) - (2 if right else 0), self._gaps)
        if not right:
            return left
        return [*left, Piece(" " * (width - line_width(left) - line_width(right))), *right]

    @property
    def text(self) -> str:
        """The line as it is shown, without styles."""
        return "".join(piece.text for piece in self.pieces())

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        if y:
            return Strip.blank(width, base)
        segments = [Segment(text, self.component_style(style)) for text, style in self.pieces()]
        return Strip(segments).adjust_cell_length(width).apply_style(base)

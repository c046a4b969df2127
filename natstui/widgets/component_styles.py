"""Styles of a widget's component classes, as Rich styles with translucent colours mixed into what is behind them."""

from __future__ import annotations

from rich.style import Style
from textual.dom import DOMNode
from textual.widget import Widget


class ComponentStyles(Widget):
    """A widget that paints its lines itself, with the styles of its component classes.

    They need not be declared: each is read when it is first painted.
    """

    COMPONENT_PREFIX = ""
    """What stands before "--" in the names of its component classes."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._styles_by_name: dict[str, Style] = {}

    def notify_style_update(self) -> None:
        """Read every style anew from now on."""
        self._styles_by_name.clear()
        super().notify_style_update()

    def component_style(self, name: str) -> Style:
        """The style of the component class with this name, bold where "!" follows it; an empty name has none."""
        if not name:
            return Style()
        style = self._styles_by_name.get(name)
        if style is None:
            style = self._read_style(name.removesuffix("!"))
            if name.endswith("!"):
                style += Style(bold=True)
            self._styles_by_name[name] = style
        return style

    def _read_style(self, name: str) -> Style:
        # As Textual does it, but only for what is painted: for all component classes it costs a third of each change of
        # focus or size, and of the start.
        component = DOMNode(classes=f"{self.COMPONENT_PREFIX}--{name}")
        component._attach(self)
        self.app.stylesheet.apply(component, animate=False)
        styles = component.styles
        behind = self.background_colors[1]
        background = behind + styles.background if styles.has_rule("background") else None
        color = (background or behind) + styles.color if styles.has_rule("color") else None
        return styles.text_style + Style(
            color=color.rich_color if color else None, bgcolor=background.rich_color if background else None
        )

"""Styles of a widget's component classes, as Rich styles with translucent colours mixed into what is behind them."""

from __future__ import annotations

from rich.style import Style
from textual.widget import Widget


class ComponentStyles(Widget):
    """A widget that paints its lines itself, with the styles of its component classes."""

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
        styles = self.get_component_styles(f"{self.COMPONENT_PREFIX}--{name}")
        behind = self.background_colors[1]
        background = behind + styles.background if styles.has_rule("background") else None
        color = (background or behind) + styles.color if styles.has_rule("color") else None
        return styles.text_style + Style(
            color=color.rich_color if color else None, bgcolor=background.rich_color if background else None
        )

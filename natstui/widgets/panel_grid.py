"""Where the panels stand: a grid, one at a time as tabs, or one alone over the whole room."""

from __future__ import annotations

from collections.abc import Sequence

from textual.containers import Container
from textual.message import Message
from textual.widget import Widget

from natstui.widgets.arrangement import Arrangement, Layout, arrange


class PanelGrid(Container):
    """Arranges its children anew whenever there are more or fewer of them, and when the screen changes its size."""

    class Arranged(Message):
        """The panels stand differently now."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.panel_layout = Layout.GRID
        """What the user chose; a small screen shows tabs all the same."""
        self.zoomed: Widget | None = None
        """The panel that has the whole room."""
        self.current: Widget | None = None
        """The panel shown where one is shown at a time."""
        self.arrangement = Arrangement(1, 1, ())

    @property
    def panels(self) -> Sequence[Widget]:
        """The panels in their order."""
        return [child for child in self.children if not child._pruning]

    @property
    def shows_one(self) -> bool:
        """Whether only one panel is shown at a time."""
        return self.arrangement.is_tabs or self.zoomed is not None

    def on_mount(self) -> None:
        # Before anything is laid out, so that it need not be laid out twice.
        self.place_panels()

    def on_resize(self) -> None:
        self.place_panels()

    def show_panel(self, panel: Widget) -> None:
        """Bring a panel into view where only one is shown."""
        if panel is not self.current or (self.zoomed is not None and self.zoomed is not panel):
            self.current = panel
            if self.zoomed is not None:
                self.zoomed = panel
            self.place_panels()

    def place_panels(self) -> None:
        """Give every panel its place."""
        panels = self.panels
        if self.current not in panels:
            self.current = panels[0] if panels else None
        if self.zoomed is not None and self.zoomed not in panels:
            self.zoomed = None
        size = self.size or self.container_size or self.app.size
        arrangement = arrange(len(panels), size.width, size.height, self.panel_layout)
        self.arrangement = arrangement
        if self.shows_one:
            alone = self.zoomed or self.current
            self.styles.grid_size_columns = self.styles.grid_size_rows = 1
            for panel in panels:
                panel.display = panel is alone
                panel.styles.column_span = panel.styles.row_span = 1
        else:
            self.styles.grid_size_columns, self.styles.grid_size_rows = arrangement.columns, arrangement.rows
            for panel, (columns, rows) in zip(panels, arrangement.spans, strict=True):
                panel.display = True
                panel.styles.column_span, panel.styles.row_span = columns, rows
        self.set_class(self.arrangement.is_tabs, "-tabs")
        self.post_message(self.Arranged())

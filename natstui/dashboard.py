"""The dashboard: its panels, their places, and the way between them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.message import Message
from textual.reactive import Reactive
from textual.widget import Widget
from textual.widgets import Static

from natstui import screens
from natstui.connection_changes import ConnectionChanges
from natstui.keys import bindings
from natstui.launch import MOST_PANELS, PanelSpec
from natstui.list_screens import ListScreens
from natstui.panels import panel_class
from natstui.panels.base import Panel
from natstui.widgets.arrangement import Layout
from natstui.widgets.header_line import HeaderLine
from natstui.widgets.key_line import KeyLine
from natstui.widgets.panel_grid import PanelGrid
from natstui.widgets.strip_text import StripView, server_words, state_word
from natstui.widgets.tab_line import Tab, TabLine

if TYPE_CHECKING:
    from natstui.panels.publish import PublishPanel
    from natstui.screens.contexts import ContextChoice
    from natstui.screens.history import Recalled
    from natstui.session import Session
    from natstui.workspace import Workspace

NO_PANEL = "There is no panel.\n\n^n opens one.   F1 shows every key.   ^q leaves."

LEAST_WIDTH, LEAST_HEIGHT = 60, 20

DRAINED_BESIDES = 2
"""Panels beside the current one that show at a time what came in."""
"""Cells below which a sentence takes the place of the dashboard."""


class DashboardScreen(ListScreens):
    """Panels on a grid, or one at a time as tabs where there is little room."""

    HORIZONTAL_BREAKPOINTS = []  # noqa: RUF012
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """What has the focus. Textual would repaint the whole screen where it goes from one widget to another."""

    AUTO_FOCUS = ""
    """The app gives the focus to a panel as soon as it is there; giving it twice costs a tenth of the start."""
    BINDINGS = bindings(
        "dashboard.new_panel",
        "dashboard.close_panel",
        "dashboard.zoom",
        "dashboard.zoom_letter",
        "dashboard.unzoom",
        "dashboard.next_panel",
        "dashboard.previous_panel",
        "dashboard.move_left",
        "dashboard.move_right",
        "dashboard.layout",
        *(f"dashboard.panel_{number}{kind}" for number in range(1, MOST_PANELS + 1) for kind in ("", "_digit")),
    )

    class Shown(Message):
        """The panels are painted for the first time, and may connect."""

    def __init__(self, session: Session, specs: Sequence[PanelSpec], workspace: Workspace | None = None) -> None:
        super().__init__()
        self.session = session
        self.connections = ConnectionChanges(self)
        self._specs = specs
        self._made = 0
        self._grid = PanelGrid(id="panels")
        self._workspace = workspace
        self.opened: object = None
        """Its `state` when it was opened."""
        self._drained = 0
        """Whose turn it is to show what came in."""
        self._connects = False
        """Whether panels connect as soon as they are there."""
        self._focused_before_small: Widget | None = None
        """What had the focus when the dashboard became too small to show it."""

    def compose(self) -> ComposeResult:
        yield HeaderLine()
        yield TabLine(gaps=(2, 1))
        with self._grid:
            panels = [self._make(spec) for spec in self._specs[:MOST_PANELS]]
            yield from panels
        self._place(panels, self._workspace)
        yield Static(NO_PANEL, id="no-panels", markup=False)
        yield Static("", id="too-small", markup=False)
        yield KeyLine()

    def _make(self, spec: PanelSpec, choice: ContextChoice | None = None) -> Panel:
        self._made += 1
        panel = panel_class(spec.kind)(spec, self.session, f"{spec.kind}-{self._made}")
        if choice is not None:
            panel.options, panel.context = choice.options, choice.label
        else:
            self.session.put(panel, spec.place)
        return panel

    def _place(self, panels: Sequence[Panel], workspace: Workspace | None) -> None:
        """Let panels share the screen as a workspace says."""
        grid = self.grid
        if workspace is None or not panels:
            return
        grid.panel_layout = Layout(workspace.layout)
        grid.current = panels[min(workspace.focused, len(panels)) - 1]
        grid.zoomed = grid.current if workspace.is_zoomed else None

    def note_opened(self) -> None:
        """Remember what was there before the user did anything."""
        self.opened = self.state()

    def state(self) -> object:
        """What a workspace saves, to be compared."""
        grid = self.grid
        panels = [
            (panel, panel.saved_values(), panel.options, panel.context) for panel in self.panels if panel.is_composed
        ]
        return panels, grid.panel_layout, grid.zoomed, self.current

    async def open_workspace(self, workspace: Workspace) -> None:
        """Put a workspace in place of what is here."""
        grid = self.grid
        self.session.places.use(workspace.connection)
        await grid.remove_children()
        panels = [self._make(spec) for spec in workspace.panels[:MOST_PANELS]]
        self.set_class(not panels, "-empty")
        grid.zoomed = None
        await grid.mount_all(panels)
        self._place(panels, workspace)
        if self._connects:
            for panel in panels:
                panel.attach()
        grid.place_panels()
        if isinstance(grid.current, Panel):
            self.call_after_refresh(grid.current.focus_inside)

    @property
    def grid(self) -> PanelGrid:
        return self._grid

    @property
    def panels(self) -> list[Panel]:
        """The panels in their order."""
        return [panel for panel in self.grid.panels if isinstance(panel, Panel)]

    @property
    def current(self) -> Panel | None:
        """The panel that has the focus, or had it last."""
        focused = self.focused
        if focused is not None:
            for node in focused.ancestors_with_self:
                if isinstance(node, Panel) and node in self.panels:
                    return node
        current = self.grid.current
        return current if isinstance(current, Panel) and current in self.panels else None

    # Time and size

    def attach(self) -> None:
        """Connect the panels."""
        self._connects = True
        for panel in self.panels:
            panel.attach()

    def tick(self, now: datetime) -> None:
        """Show the time that has passed; once a second."""
        for panel in self.panels:
            panel.show_connection(now)
            panel.drain()
        self._show_header(now)

    def drain(self) -> bool:
        """Show what came in, where it can be seen, and tell whether anything had; ten times a second.

        The current panel each time. Of many others so few that a key need not wait for all of them to be painted.
        """
        panels = [panel for panel in self.panels if panel.display]
        if (current := self.current) in panels:
            panels.remove(current)
            panels.insert(0, current)
        first, others = panels[:1], panels[1:]
        self._drained += DRAINED_BESIDES
        turn = [others[(self._drained + step) % len(others)] for step in range(min(DRAINED_BESIDES, len(others)))]
        return any([panel.drain() for panel in (*first, *turn)])

    def on_screen_resume(self) -> None:
        if not self._connects:
            self.post_message(self.Shown())

    def on_screen_suspend(self) -> None:
        # What covers the dashboard may have something to show ten times a second.
        self.session.arrived()

    def on_mount(self) -> None:
        self._arranged()
        # Whatever is settled before the first layout costs no second one.
        if (panel := self.current) is not None:
            panel.focus_inside()
        for toasts in self.query("ToastRack"):
            toasts.display = False

    def on_resize(self, event: events.Resize) -> None:
        width, height = event.size
        is_small = width < LEAST_WIDTH or height < LEAST_HEIGHT
        if is_small != self.has_class("-too-small"):
            if is_small:
                self._focused_before_small = self.focused
            else:
                self.call_after_refresh(self._restore_focus)
        self.set_class(is_small, "-too-small")
        if is_small:
            need = f"natstui needs {LEAST_WIDTH}×{LEAST_HEIGHT} cells"
            self.query_one("#too-small", Static).update(f"{need}, here are {width}×{height}. All goes on behind this.")

    def _restore_focus(self) -> None:
        # What is not displayed loses the focus, and does not get it back by itself.
        before, self._focused_before_small = self._focused_before_small, None
        if self.focused is not None:
            return
        if before is not None and before.is_attached and before.focusable:
            before.focus()
        elif (panel := self.current) is not None:
            panel.focus_inside()

    @on(PanelGrid.Arranged)
    def _arranged(self) -> None:
        grid = self.grid
        self.set_class(grid.shows_one and len(grid.panels) > 1, "-tabs")
        self.set_class(not grid.panels, "-empty")
        for number, panel in enumerate(self.panels, 1):
            panel.number = number
        self.show_contexts()

    def show_contexts(self) -> None:
        """Name each panel's context where they are not all on the session's; production always."""
        contexts = {self.session.context, *(panel.context for panel in self.panels)}
        for panel in self.panels:
            panel.shows_context = len(contexts) > 1 or panel.context.is_production
            panel.show_title()
        self._show_header(self.session.clock.now())

    @on(Panel.Changed)
    def _panel_changed(self) -> None:
        self._show_header(self.session.clock.now())

    def views(self, now: datetime) -> list[tuple[Panel, StripView | None]]:
        """Each panel with its connection as it stands now."""
        return [(panel, panel.view(now)) for panel in self.panels]

    def _show_header(self, now: datetime) -> None:
        views = self.views(now)
        launch = self.session.launch
        self.query_one(HeaderLine).tell(
            "demo" if launch.demo else server_words(self.session.options.servers[0]),
            list(dict.fromkeys([panel.context for panel in self.panels] or [self.session.context])),
            len(views),
            [view for _, view in views if view is not None],
            now,
            self._read_only_words(),
            "closing the connections…" if self.session.is_closing else "",
        )
        if self.has_class("-tabs"):
            self._show_tabs(views)

    def _read_only_words(self) -> str:
        """How many connections let no message leave; empty for none."""
        held = [panel.options.read_only for panel in self.panels] or [self.session.options.read_only]
        return "read-only" if all(held) else f"{sum(held)} read-only" if any(held) else ""

    def _show_tabs(self, views: Sequence[tuple[Panel, StripView | None]]) -> None:
        tabs = []
        for panel, view in views:
            shape, _, style = state_word(view) if view is not None else ("○", "", "quiet")
            where = panel.context.brief if panel.shows_context else ""
            tabs.append(
                Tab(panel.KIND, " ".join(filter(None, (where, panel.subject_words))), shape, style, panel.display)
            )
        self.query_one(TabLine).tell(tabs)

    # Panels come and go

    def action_new_panel(self) -> None:
        self.ask_for_panel()

    def ask_for_panel(self, choice: ContextChoice | None = None) -> None:
        """Ask what kind of panel to open; on a context, where one is chosen."""
        if len(self.panels) >= MOST_PANELS:
            self.notify(f"There is room for {MOST_PANELS} panels: close one first with ^w.", severity="warning")
            return

        async def chosen(spec: PanelSpec | None) -> None:
            if spec is not None:
                await self.open_panel(spec, choice)

        self.app.push_screen(screens.ChoosePanel(), chosen)

    async def open_panel(self, spec: PanelSpec, choice: ContextChoice | None = None) -> Panel:
        """Put a panel behind the others, connect it (to a context, where one is chosen) and give it the focus."""
        panel = self._make(spec, choice)
        grid = self.grid
        self.remove_class("-empty")
        await grid.mount(panel)
        if self._connects:
            panel.attach()
        grid.current = panel
        if grid.zoomed is not None:
            grid.zoomed = panel
        grid.place_panels()
        self.call_after_refresh(panel.focus_inside)
        return panel

    def action_close_panel(self) -> None:
        panel = self.current
        if panel is None:
            return
        if panel.unsent:
            question = f"Close panel {panel.number}, {panel.KIND}? {panel.unsent[:1].upper()}{panel.unsent[1:]}."

            def answered(is_yes: bool | None) -> None:
                if is_yes:
                    self._close(panel)

            self.app.push_screen(screens.Confirm(question, "close it", "keep it"), answered)
        else:
            self._close(panel)

    def _close(self, panel: Panel) -> None:
        panels = self.panels
        place = panels.index(panel)
        rest = panels[:place] + panels[place + 1 :]
        panel.remove()
        grid = self.grid
        grid.current = rest[min(place, len(rest) - 1)] if rest else None
        if grid.zoomed is panel:
            grid.zoomed = None
        grid.place_panels()
        if isinstance(grid.current, Panel):
            self.call_after_refresh(grid.current.focus_inside)

    # Focus and places

    def focus_panel(self, panel: Panel) -> None:
        """Bring a panel into view and give it the focus."""
        self.grid.show_panel(panel)
        self.call_after_refresh(panel.focus_inside)

    def on_descendant_focus(self) -> None:
        current = self.current
        if current is not None and self.grid.current is not current:
            self.grid.current = current

    def action_go_to_panel(self, number: int) -> None:
        if number <= len(self.panels):
            self.focus_panel(self.panels[number - 1])

    def action_step_panel(self, step: int) -> None:
        panels, current = self.panels, self.current
        if panels:
            place = panels.index(current) if current in panels else -1
            self.focus_panel(panels[(place + step) % len(panels)])

    def action_move_panel(self, step: int) -> None:
        panels, current = self.panels, self.current
        if current is None or len(panels) < 2:
            return
        place = panels.index(current)
        target = (place + step) % len(panels)
        grid = self.grid
        if target > place:
            grid.move_child(current, after=panels[target])
        else:
            grid.move_child(current, before=panels[target])
        grid.place_panels()

    def action_zoom(self) -> None:
        grid = self.grid
        grid.zoomed = None if grid.zoomed is not None else self.current
        grid.place_panels()

    def action_unzoom(self) -> None:
        self.action_zoom()

    def action_next_layout(self) -> None:
        grid = self.grid
        layouts = list(Layout)
        grid.zoomed = None
        grid.panel_layout = layouts[(layouts.index(grid.panel_layout) + 1) % len(layouts)]
        grid.place_panels()
        forced = " (tabs: there is too little room for it)" if grid.arrangement.is_tabs else ""
        if grid.panel_layout is Layout.TABS:
            forced = ""
        self.notify(f"{grid.panel_layout}{forced}", title="Layout", timeout=2)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "unzoom":
            return self.grid.zoomed is not None
        if action == "go_to_panel":
            return isinstance(parameters[0], int) and parameters[0] <= len(self.panels)
        if action in ("close_panel", "zoom", "step_panel", "move_panel"):
            return bool(self.panels) and (action in ("close_panel", "zoom") or len(self.panels) > 1)
        return True

    # What panels ask for

    @on(Panel.ConnectionEditWanted)
    def _edit_connection(self, message: Panel.ConnectionEditWanted) -> None:
        message.stop()
        self.connections.edit(message.panel)

    @on(Panel.QuestionAsked)
    def _ask(self, message: Panel.QuestionAsked) -> None:
        message.stop()
        self.app.push_screen(screens.ConfirmTyped(message.question), message.answered)

    def on_publish_panel_history_wanted(self, message: PublishPanel.HistoryWanted) -> None:
        message.stop()
        panel = message.panel

        def recalled(choice: Recalled | None) -> None:
            if choice is not None:
                panel.load(choice.draft)
                if choice.is_sent_again:
                    panel.send(choice.draft, 1)

        self.app.push_screen(screens.HistoryScreen(list(self.session.history.sent)), recalled)

"""The app: wires together screens, themes, keys, time and signals."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rich.segment import Segments
from textual import events, on
from textual.app import App, SystemCommand
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input, TextArea
from textual.worker import Worker, WorkerState

from natstui import garbage, painted_lines, screens, toasts
from natstui.clock import Clock
from natstui.confinement import Confined
from natstui.dashboard import DashboardScreen
from natstui.ending import Ending
from natstui.event_log import EventLog, state_directory
from natstui.first_connection import EMBEDDED, FirstConnection
from natstui.keys import KEYS, bindings, check_keymap, free_alt_digits
from natstui.launch import PanelSpec
from natstui.panels.base import Panel
from natstui.session import Session
from natstui.stream.sanitise import sanitise
from natstui.styles.themes import THEMES, own_theme
from natstui.terminal_driver import terminal_driver
from natstui.typing_order import TypingOrder
from natstui.widgets.key_line import key_words, shown_keys

if TYPE_CHECKING:
    from natstui.connection.manager import ConnectionManager
    from natstui.drills import Drills
    from natstui.launch import Launch
    from natstui.workspace_keeper import WorkspaceKeeper

STYLES = Path(__file__).parent / "styles"
SCREEN_STYLES = STYLES / "screens.tcss"
DEFAULT_PANELS = (PanelSpec("subscribe"), PanelSpec("publish"), PanelSpec("request"))
SETTLED = 2.0
"""Seconds after which the start is over."""
TICK, DRAIN, SSH_DRAIN = 1.0, 0.1, 0.25
"""Seconds between two ticks of the shared clock, and between two looks at what came in, here and over SSH."""

SILENT_DRAINS = 20
"""Looks in a row at which nothing had come in, before natstui waits to be told."""


class NatstuiApp(App[int]):
    """The dashboard.

    Args:
        launch: what to open, on which connection.
        manager: owns the connections; one is made where none is given.
        clock: where the time comes from.
        ticks: whether time goes on by itself; otherwise `tick` is called by hand.
        log_path: where the event log is written; by default where settings say, else in the state directory.
    """

    TITLE = "natstui"
    CSS_PATH = [STYLES / "dashboard.tcss", STYLES / "few_colours.tcss"]  # noqa: RUF012
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]  # noqa: RUF012
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS = bindings(
        "app.help",
        "app.help_letter",
        "app.connections",
        "app.events",
        "app.contexts",
        "app.palette",
        "app.palette_letter",
        "app.quit",
        "app.save_workspace",
        "app.open_workspace",
    )

    def __init__(
        self,
        launch: Launch,
        *,
        manager: ConnectionManager | None = None,
        clock: Clock | None = None,
        ticks: bool = True,
        log_path: Path | None = None,
    ) -> None:
        free_alt_digits()
        painted_lines.let_go()
        # With NO_COLOR not even greys; Textual takes the variable out of the environment.
        super().__init__(driver_class=terminal_driver(), ansi_color=True if "NO_COLOR" in os.environ else None)
        self.launch = launch
        path = log_path or launch.settings.log_file or state_directory() / "events.log"
        self.session = Session(launch, clock or Clock(), EventLog(path.expanduser()), manager)
        self._ticks = ticks
        self._typing = TypingOrder(self, super().on_event)
        self.ending = Ending(self)
        self.first_connection = FirstConnection(self)
        if launch.workspace is not None:
            self.session.places.use(launch.workspace.connection)
        self._changed_keys: dict[str, str] = {}
        self._draining: Timer | None = None
        self._silent_drains = 0
        self._told_of_log = False
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = own_theme(self.console.color_system, self.no_color).name
        self.stylesheet.set_variables(self.get_css_variables())
        self._css_variables = self.get_css_variables()

    def refresh_css(self, animate: bool = True) -> None:
        # At the start Textual parses every rule again for the theme that it parses them for anyway.
        if self.screen_stack or self.get_css_variables() != self._css_variables:
            super().refresh_css(animate)

    def get_default_screen(self) -> Screen[Any]:
        if self.launch.workspace is not None:
            return DashboardScreen(self.session, self.launch.workspace.panels, self.launch.workspace)
        return DashboardScreen(self.session, self.launch.panels or DEFAULT_PANELS)

    @property
    def dashboard(self) -> DashboardScreen:
        """The screen below all others."""
        return cast(DashboardScreen, self.screen_stack[0])

    @cached_property
    def drills(self) -> Drills:
        """The fault drills; made with the first."""
        from natstui.drills import Drills

        return Drills(self, self.session, self.tell)

    @cached_property
    def keeper(self) -> WorkspaceKeeper:
        """Saves the dashboard, and opens another; made once the start is over."""
        from natstui.workspace_keeper import WorkspaceKeeper

        return WorkspaceKeeper(self)

    async def on_event(self, event: events.Event) -> None:
        if TypingOrder.concerns(event):
            await self._typing.take(event)
        else:
            await super().on_event(event)

    def on_load(self) -> None:
        # Before the terminal is taken over, so that none of them can leave it so.
        self.ending.hear_signals()

    def on_mount(self) -> None:
        self._take_settings()
        self.app_resume_signal.subscribe(self, self._show_all)
        # A driver may hear signals itself.
        self.ending.hear_signals()
        self.ending.opened()
        if self._ticks:
            self.set_timer(SETTLED, garbage.settle, name="the end of the start")
            self.set_interval(TICK, self.tick, name="the shared clock")
            drain = SSH_DRAIN if self.launch.settings.ssh_profile else DRAIN
            self._draining = self.set_interval(drain, self.drain, name="what came in")

    def _show_all(self, _: object) -> None:
        """The terminal has forgotten what it showed, or another program wrote on it."""
        self.screen.refresh()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        # Textual has no switch for all cursors at once. With few colours the cursor is all that tells of the focus.
        is_steady = self.launch.settings.ssh_profile or self.native_ansi_color
        if is_steady and isinstance(event.widget, Input | TextArea):
            event.widget.cursor_blink = False

    def _take_settings(self) -> None:
        settings = self.launch.settings
        if settings.theme:
            if settings.theme in self.available_themes:
                self.theme = settings.theme
            else:
                known = ", ".join(sorted(self.available_themes))
                self.tell(f"There is no theme {settings.theme!r}. There are {known}.", "warning")
        ids: list[str] = []
        if settings.keymap:
            from natstui.binding_ids import ids_of_widgets

            ids = [*KEYS, *ids_of_widgets()]
        keymap, problems = check_keymap(settings.keymap, ids)
        self._changed_keys = keymap
        self.set_keymap(keymap)
        for problem in (*problems, *self.launch.warnings):
            self.tell(problem, "warning")

    def tell(self, sentence: str, severity: str = "information") -> None:
        """Show a sentence for a while."""
        title = "" if severity == "information" else severity
        self.notify(sanitise(sentence), title=title, severity=cast(Any, severity), timeout=8, markup=False)

    @on(DashboardScreen.Shown)
    def _connect(self) -> None:
        # The client is loaded after the first paint.
        self.dashboard.attach()
        if (panel := self.dashboard.current) is not None:
            panel.focus_inside()
        self.call_after_refresh(self.dashboard.note_opened)

    # Time

    def tick(self, now: datetime | None = None) -> None:
        """Show the time that has passed. One ticker for every countdown of the dashboard."""
        if not self.is_running:
            return
        moment = now or self.session.clock.now()
        for screen in self.screen_stack:
            if not screen.is_mounted or not (screen.is_current or screen is self.dashboard):
                continue
            toasts.clear_away(screen)
            if callable(tick := getattr(screen, "tick", None)):
                tick(moment)
        self.keeper.tick()
        if self.session.log.problem and not self._told_of_log:
            self._told_of_log = True
            self.tell(self.session.log.problem, "warning")
        if self.session.log.has_unwritten and not self.session.is_closing:
            self.run_worker(
                self.session.log.write,
                thread=True,
                group="event log",
                exclusive=False,
                exit_on_error=False,
                name="event log",
                description="Writing the event log",
            )

    def drain(self) -> None:
        """Show what came in. Where nothing does for a while, nothing is done until something comes."""
        if not self.is_running or not self.screen.is_mounted:
            return
        drain = getattr(self.screen, "drain", None)
        self._silent_drains = self._silent_drains + 1 if callable(drain) and drain() is False else 0
        if self._silent_drains == SILENT_DRAINS and self._draining is not None:
            self._silent_drains = 0
            self._draining.pause()
            self.session.rest(self._draining.resume)

    # Screens

    def push_screen(self, *args: Any, **options: Any) -> Any:
        """Show a screen above the others; their styles are read when the first one comes."""
        if not self.stylesheet.has_source(str(SCREEN_STYLES)):
            self.stylesheet.read(SCREEN_STYLES)
        return super().push_screen(*args, **options)

    def action_command_palette(self) -> None:
        # Not twice, were it below the help.
        if not any(isinstance(screen, screens.Palette) for screen in self.screen_stack):
            self.push_screen(screens.Palette(id="--command-palette"))

    def action_show_help(self) -> None:
        if isinstance(self.screen, screens.HelpScreen):
            self.screen.dismiss(None)
        else:
            self.push_screen(screens.HelpScreen(screens.key_groups(self.screen, self._changed_keys)))

    def action_show_connections(self) -> None:
        if self._go_back_from(screens.ConnectionsScreen):
            log, clock = self.session.log, self.session.clock
            self.push_screen(screens.ConnectionsScreen(self._rows, self._edit, self._drill, log, clock))

    def action_show_events(self) -> None:
        if self._go_back_from(screens.EventsScreen):
            self.push_screen(screens.EventsScreen(self.session.log, self.session.clock))

    def action_show_contexts(self) -> None:
        if self._go_back_from(screens.ContextsScreen):
            panel = self.dashboard.current
            words = f"panel {panel.number}, {panel.KIND}" if panel is not None else ""
            screen = screens.ContextsScreen(self.session.safety, self.session.options, self.session.clock, words)
            self.push_screen(screen, self.dashboard.connections.use_context)

    def action_save_workspace(self) -> None:
        if self.screen is self.dashboard:
            self.keeper.save()

    def action_open_workspace(self) -> None:
        if self.screen is self.dashboard:
            self.keeper.ask_which()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        # A hosted session is given its connection; what its host has of others is none of its business.
        if action == "show_contexts":
            return self.session.confinement is None
        return super().check_action(action, parameters)

    def _go_back_from(self, screen: type[Screen[Any]]) -> bool:
        """Leave what covers the dashboard; whether the screen is to be shown, since it was not there already."""
        was_shown = isinstance(self.screen, screen)
        if isinstance(self.screen, screens.ConnectionsScreen | screens.EventsScreen | screens.ContextsScreen):
            self.pop_screen()
        return not was_shown and self.screen is self.dashboard

    def _rows(self, now: datetime) -> Sequence[screens.ConnectionRow]:
        return [
            screens.ConnectionRow(panel.number, panel.KIND, panel.connection, view, panel.context)
            for panel, view in self.dashboard.views(now)
            if view is not None and panel.connection is not None
        ]

    def _edit(self, connection_id: str) -> None:
        for panel in self.dashboard.panels:
            if panel.connection_id == connection_id:
                self.dashboard.connections.edit(panel)

    def _drill(self, connection_id: str) -> None:
        for panel in self.dashboard.panels:
            if panel.connection_id == connection_id:
                self.drills.show(panel)

    @on(Panel.Changed)
    def _panel_changed(self, message: Panel.Changed) -> None:
        message.stop()
        self.first_connection.note(message.panel)

    @on(Panel.OpenFailed)
    def _open_failed(self, message: Panel.OpenFailed) -> None:
        message.stop()
        self.first_connection.failed(message)

    @on(Panel.FaultDrillWanted)
    def _show_drill(self, message: Panel.FaultDrillWanted) -> None:
        self.drills.show(message.panel)

    @on(Worker.StateChanged)
    def _worker_changed(self, message: Worker.StateChanged) -> None:
        worker = message.worker
        if worker.group == EMBEDDED and message.state is WorkerState.SUCCESS and isinstance(worker.result, str):
            self.dashboard.connections.use_embedded(worker.result)
        elif message.state is WorkerState.ERROR and worker.error is not None:
            self.tell(str(worker.error) or type(worker.error).__name__, "error")

    # The palette and the end

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every action that a key does here, with its key, and what has no key."""
        for key, binding, active in shown_keys(screen):
            if not binding.description or binding.action in ("app.command_palette", "command_palette"):
                continue
            title = f"{binding.description[:1].upper()}{binding.description[1:]}"

            def run(action: str = binding.action, node: Any = active.node) -> None:
                self.call_later(self.run_action, action, node)

            hint = getattr(active.node, "action_hint", None)
            words = (callable(hint) and hint(binding.action)) or active.tooltip or title
            yield SystemCommand(f"{title}  ({key_words(key)})", words, run)
        if screen is self.dashboard:
            yield SystemCommand(
                "Save workspace as", "Save it under another name, and go on there", self.keeper.ask_where
            )
        yield SystemCommand("Theme", "Choose another theme", self.action_change_theme)
        yield SystemCommand(
            "Connect every panel elsewhere", "Enter another server and credentials for all panels", self._connect_all
        )
        yield SystemCommand(
            "Screenshot", "Save an SVG of what is shown", lambda: self.set_timer(0.1, self._save_screenshot)
        )

    def _connect_all(self) -> None:
        self.first_connection.ask("Connect every panel")

    def _save_screenshot(self) -> None:
        """Save it where saved messages go too: Textual's own place, ~/Downloads, is on few servers."""
        name, confinement = f"natstui {self.session.clock.now():%Y-%m-%d %H_%M_%S}.svg", self.session.confinement
        try:
            place = confinement.place(name) if confinement is not None else Path.cwd() / name
        except Confined as error:
            self.tell(str(error), "warning")
            return
        except OSError as error:
            self.tell(f"The screenshot cannot be saved in the current directory ({error.strerror}).", "error")
            return
        if not os.access(place.parent, os.W_OK):
            self.tell(f"The screenshot cannot be saved: {place.parent} is not writable.", "error")
            return
        self.deliver_screenshot(place.name, str(place.parent))

    async def action_quit(self) -> None:
        self.ending.leave(0)

    def _fatal_error(self) -> None:
        """End after an unhandled exception, its traceback without local variables: they may hold secrets."""
        from rich.traceback import Traceback

        traceback = Traceback(show_locals=False, width=None, suppress=["textual", "rich"])
        self._exit_renderables.append(Segments(self.console.render(traceback, self.console.options)))
        self._close_messages_no_wait()

    async def on_unmount(self) -> None:
        await self.session.close()
        await self.first_connection.close()


def run_dashboard(launch: Launch) -> int:
    """Show the dashboard until the user leaves it; return the exit code."""
    app = NatstuiApp(launch)
    app.run(mouse=not launch.settings.ssh_profile)
    if app.keeper.unsaved:
        print(f"natstui: {sanitise(app.keeper.unsaved)}", file=sys.stderr)
    return app.return_code or 0

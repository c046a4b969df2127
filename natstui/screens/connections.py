"""All connections with every figure, and for the selected one its servers, pings and events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import ScrollableContainer, Vertical, VerticalScroll
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from natstui.clock import Clock
from natstui.connection.errors import ManagedConnectionError
from natstui.connection.stats import HealthReport
from natstui.context_labels import NO_CONTEXT, ContextLabel
from natstui.event_log import EventLog
from natstui.keys import bindings
from natstui.screens.leaving import LeavingScreen
from natstui.stream.sanitise import sanitise
from natstui.widgets.connection_figures import figures, ping_timeline, server_lines, stale_lines
from natstui.widgets.connection_table import ConnectionTable
from natstui.widgets.event_list import EventList
from natstui.widgets.fitting import part
from natstui.widgets.key_line import KeyLine
from natstui.widgets.line import Line
from natstui.widgets.notice import Notice
from natstui.widgets.strip_text import StripView
from natstui.widgets.time_words import clock_time, milliseconds, plural

if TYPE_CHECKING:
    from natstui.connection.managed import ManagedConnection


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """One connection as the dashboard knows it."""

    number: int
    """The panel's place."""
    kind: str
    """The panel's kind."""
    connection: ManagedConnection
    view: StripView
    context: ContextLabel = NO_CONTEXT


class ConnectionsScreen(LeavingScreen[None]):
    """The table of all connections, and everything about the selected one.

    Args:
        read: the connections as they stand at a moment.
        edit: lets the user change the connection with this id.
        drill: lets the user break the connection with this id on purpose.
    """

    BINDINGS = bindings(
        "connections.sleep",
        "connections.reconnect",
        "connections.health",
        "connections.copy",
        "connections.edit",
        "connections.drill",
        "screen.back",
    )

    def __init__(
        self,
        read: Callable[[datetime], Sequence[ConnectionRow]],
        edit: Callable[[str], None],
        drill: Callable[[str], None],
        log: EventLog,
        clock: Clock,
    ) -> None:
        super().__init__()
        self._read = read
        self._edit = edit
        self._drill = drill
        self._log = log
        self._clock = clock
        self._rows: list[ConnectionRow] = []
        self._shown_id = ""

    def compose(self) -> ComposeResult:
        yield Line(classes="screen-title")
        yield ConnectionTable()
        yield Notice()
        with ScrollableContainer(id="selected"):
            with Vertical(id="history-side"):
                with Vertical(id="servers-side") as servers_side:
                    servers_side.border_title = "server pool"
                    yield Static(id="servers", markup=False)
                with Vertical(id="pings-side") as pings_side:
                    pings_side.border_title = "pings"
                    yield Static(id="pings", markup=False)
                with VerticalScroll(id="stale-side", can_focus=False) as stale_side:
                    stale_side.border_title = "lost as stale"
                    yield Static(id="stale", markup=False)
                with Vertical(id="events-side") as events_side:
                    events_side.border_title = "events"
                    yield EventList(self._log, lambda entry: False, shows_connection=False)
            with VerticalScroll(id="figures-side") as figures_side:
                figures_side.border_title = "figures"
                yield Static(id="figures", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        self.query_one(ConnectionTable).focus()
        self.tick(self._clock.now())

    def on_resize(self) -> None:
        self.call_after_refresh(self.tick, self._clock.now())

    @property
    def selected(self) -> ConnectionRow | None:
        """The connection under the cursor."""
        place = self.query_one(ConnectionTable).cursor
        return self._rows[place] if 0 <= place < len(self._rows) else None

    def tick(self, now: datetime) -> None:
        """Show the connections as they stand now."""
        self._rows = list(self._read(now))
        self.query_one(ConnectionTable).show([(row.number, row.kind, row.view) for row in self._rows])
        self._show_selected()

    def drain(self) -> None:
        """Show what came in."""
        self.query_one(EventList).refresh_from_log()

    @on(ConnectionTable.Selected)
    def _show_selected(self) -> None:
        row = self.selected
        self._show_title(row)
        self.query_one("#selected").display = row is not None
        if row is None:
            return
        stats, now = row.view.stats, row.view.now
        side = self.query_one("#figures-side")
        self.query_one("#figures", Static).update(figures(stats, now, side.scrollable_content_region.width))
        width = self.query_one("#servers-side").scrollable_content_region.width
        self.query_one("#servers", Static).update(server_lines(stats, width))
        self.query_one("#pings", Static).update(ping_timeline(row.connection.events, stats, width))
        stale = stale_lines(row.connection.events)
        self.query_one("#stale-side").display = stale is not None
        self.query_one("#stale", Static).update(stale or "")
        if row.connection.connection_id != self._shown_id:
            self._shown_id = connection_id = sanitise(row.connection.connection_id)
            self.query_one(EventList).show_others(
                lambda entry: entry.connection_id == connection_id and not entry.explains
            )

    def _show_title(self, row: ConnectionRow | None) -> None:
        """Name the context of the selected connection: the keys act on it, and the header is not seen here."""
        title = [part(90, ("connections", "brand")), part(70, (plural(len(self._rows), "connection"), "label"))]
        if row is not None and (row.context.name or row.context.is_production):
            style = "production" if row.context.is_production else "badge"
            words = f" {row.context.words} " if row.context.is_production else f" {row.context.name} "
            title.append(part(85, (f"{row.number} is on ", "label"), (sanitise(words), style)))
        self.query_one(".screen-title", Line).show(title, [part(80, (clock_time(self._clock.now()), "label"))])

    # Acting on the selected connection

    def action_sleep(self) -> None:
        if row := self.selected:
            self._use(row.connection.sleep(), "sleep")

    def action_reconnect(self) -> None:
        if row := self.selected:
            is_up = row.view.stats.is_connected
            self._use(row.connection.force_reconnect() if is_up else row.connection.open(), "reconnect")

    def action_check_health(self) -> None:
        if row := self.selected:
            self._use(row.connection.check_health(), "health")

    def _use(self, use: object, group: str) -> None:
        self.query_one(Notice).clear()
        self.run_worker(
            use,  # type: ignore[arg-type]
            name=f"connections {group}",
            group=group,
            description=f"Connections screen: {group}",
            exclusive=True,
            exit_on_error=False,
        )

    @on(Worker.StateChanged)
    def _worker_changed(self, message: Worker.StateChanged) -> None:
        message.stop()
        notice = self.query_one(Notice)
        if message.state is WorkerState.ERROR:
            error = message.worker.error
            known = isinstance(error, ManagedConnectionError)
            notice.say(str(error) if known else f"Something unexpected went wrong: {type(error).__name__}: {error}")
        elif message.state is WorkerState.SUCCESS and isinstance(report := message.worker.result, HealthReport):
            if report.healthy:
                rtt = milliseconds(report.rtt * 1000 if report.rtt is not None else None)
                notice.say(f"Healthy: the server answered a ping in {rtt}, and the client's own tasks run.", "plain")
            else:
                notice.say("Not healthy: " + "; ".join(report.problems))
        if message.state in (WorkerState.ERROR, WorkerState.SUCCESS):
            self.tick(self._clock.now())

    def action_copy_stats(self) -> None:
        if row := self.selected:
            self.app.copy_to_clipboard(row.connection.stats().model_dump_json(indent=2))
            self.query_one(Notice).say(f"Copied the stats of {row.connection.connection_id} as JSON.", "plain")

    def action_edit_connection(self) -> None:
        if row := self.selected:
            self._edit(row.connection.connection_id)

    def action_fault_drill(self) -> None:
        if row := self.selected:
            self._drill(row.connection.connection_id)

    def action_back(self) -> None:
        self.dismiss(None)

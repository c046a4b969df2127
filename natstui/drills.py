"""The fault drills of a dashboard: one for each connection at most, each followed to its end whatever is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from natstui import screens
from natstui.connection.errors import ManagedConnectionError
from natstui.connection.events import Event, Reconnected
from natstui.drill_permission import drill_refusal
from natstui.event_log import Weight
from natstui.fault_drill import DrillRun, Fault, bound_of

if TYPE_CHECKING:
    from textual.app import App

    from natstui.connection.managed import ManagedConnection
    from natstui.panels.base import Panel
    from natstui.session import Session


class Drills:
    """Makes the faults, keeps each drill's course, and tells its outcome.

    Args:
        tell: shows a sentence of some severity for a while.
    """

    def __init__(self, app: App[int], session: Session, tell: Callable[[str, str], None]) -> None:
        self._app = app
        self._session = session
        self._tell = tell
        self._runs: dict[str, DrillRun] = {}
        """Those under way, by connection."""
        self._stops: dict[str, Callable[[], None]] = {}

    def show(self, panel: Panel) -> None:
        """Show the drill of a panel's connection, the one under way or a new one; or say why there is none."""
        if refusal := self.refusal(panel):
            self._tell(refusal, "warning")
        elif panel.connection is not None:
            where = f" on {panel.context.words}" if panel.context.is_production else ""
            self._app.push_screen(
                screens.FaultDrillScreen(
                    f"panel {panel.number}, {panel.KIND}{where}",
                    bound_of(panel.connection.options),
                    panel.view,
                    lambda fault, seconds: self.begin(panel, fault, seconds),
                    self._session.clock,
                    self._runs.get(panel.connection_id),
                )
            )

    def refusal(self, panel: Panel) -> str:
        """Why a panel's connection may not be broken, in one sentence; empty where it may."""
        return drill_refusal(panel.session, panel.context.name, panel.options.servers)

    def begin(self, panel: Panel, fault: Fault, seconds: float) -> DrillRun:
        """Make a fault, and follow what becomes of it, whatever is shown; `seconds` are those of a stall."""
        run = DrillRun(panel.connection_id, fault, seconds, bound_of(panel.options))
        connection = panel.connection
        if connection is None:
            run.fail("Nothing was done: this panel has no connection.")
            return run
        self._end(run.connection_id)
        self._runs[run.connection_id] = run
        self._stops[run.connection_id] = connection.add_listener(lambda event: self._hear(run, connection, event))
        self._app.run_worker(
            self._inject(run, connection),
            group=f"fault drill {run.connection_id}",
            name="fault drill",
            description="Breaking a connection on purpose",
            exclusive=True,
            exit_on_error=False,
        )
        return run

    async def _inject(self, run: DrillRun, connection: ManagedConnection) -> None:
        try:
            if run.fault is Fault.STALL:
                await connection.stall(run.seconds)
            elif run.fault is Fault.DROP:
                await connection.drop()
            else:
                await connection.drill_reconnect()
        except ManagedConnectionError as error:
            self._end(run.connection_id)
            run.fail(f"Nothing was done: {error}.")
            self._show(run)
            return
        if run.fault is Fault.STALL:
            await asyncio.sleep(run.seconds)
            if run.noticed is None:
                # The next ping may be a while away.
                await connection.check_health()

    def _end(self, connection_id: str) -> None:
        self._runs.pop(connection_id, None)
        if (stop := self._stops.pop(connection_id, None)) is not None:
            stop()

    def _hear(self, run: DrillRun, connection: ManagedConnection, event: Event) -> None:
        run.read(event)
        if isinstance(event, Reconnected):
            self._app.run_worker(
                self._confirm(run, connection, event),
                group=f"fault drill's end {run.connection_id}",
                name="fault drill's end",
                description="Asking the new connection how it is",
                exclusive=True,
                exit_on_error=False,
            )
        self._follow(run, event)

    async def _confirm(self, run: DrillRun, connection: ManagedConnection, event: Event) -> None:
        """Say that subscriptions are restored only once the server has had its say."""
        report = await connection.check_health()
        subscriptions = connection.subscriptions
        in_force = sum(subscription.active for subscription in subscriptions)
        run.confirm(self._session.clock.now(), "; ".join(report.problems), len(subscriptions), in_force)
        self._follow(run, event)

    def _follow(self, run: DrillRun, event: Event) -> None:
        is_shown = self._show(run)
        if run.is_over and self._runs.get(run.connection_id) is run:
            self._end(run.connection_id)
            weight = Weight.GOOD if run.is_well else Weight.WARNING
            self._session.log.say(event, f"fault drill ended: {run.verdict}", weight)
            if self._app.is_running and not is_shown:
                self._app.call_later(self._tell, run.verdict, "information" if run.is_well else "warning")

    def _show(self, run: DrillRun) -> bool:
        """Show a drill's course where it is on the screen; whether it is."""
        screen = self._app.screen if self._app.is_running else None
        if not isinstance(screen, screens.FaultDrillScreen) or screen.run is not run:
            return False
        screen.call_later(screen.show_run)
        return True

"""What the panels and screens of one run share: the connections, the clock, the event log, what was sent."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from natstui.clock import Clock
from natstui.confinement import Confinement
from natstui.connection.tasks import begin
from natstui.context_labels import ContextLabel
from natstui.drafts import History
from natstui.event_log import EventLog, state_directory
from natstui.safety import Safety
from natstui.saved_secrets import secrets_of
from natstui.stream.filter_history import FilterHistory
from natstui.widgets.column_memory import ColumnMemory

if TYPE_CHECKING:
    from natstui.connection.manager import ConnectionManager
    from natstui.connection.options import ConnectOptions
    from natstui.launch import Launch
    from natstui.panel_places import PanelPlaces
    from natstui.panels.base import Panel
    from natstui.places import Place

CLOSE_TIMEOUT = 8.0
"""Seconds that closing all connections may take before they are left behind; the manager's own deadline is shorter."""


class Session:
    """One run of the dashboard.

    Args:
        manager: owns every connection. Where none is given, one is made when the first connection is added, so that
            the client is not loaded before the dashboard is first painted.
    """

    def __init__(self, launch: Launch, clock: Clock, log: EventLog, manager: ConnectionManager | None = None) -> None:
        self.launch = launch
        self.clock = clock
        self.log = log
        self.history = History()
        self.filters = FilterHistory(state_directory() / "filters.json" if log.path is not None else None)
        self.columns = ColumnMemory(state_directory() / "columns.json" if log.path is not None else None)
        """The columns of message lists to come."""
        self.safety = Safety(launch)
        self.context = self.safety.label(ContextLabel(launch.context_name, _color_scheme(launch)))
        """Where `options` come from."""
        self.options: ConnectOptions = self.safety.options(launch.options, self.context)
        """For the next panel's connection."""
        self.confinement = Confinement(state_directory(), launch.options) if launch.settings.hosted else None
        """The bounds of a hosted session; None for one of its user's own."""
        self.own_servers: set[str] = set(launch.options.servers) if launch.demo else set()
        """URLs of servers that natstui itself started."""
        self.secrets = secrets_of(launch.options)
        """Every secret of a connection of this run, also of one that is gone; none of them is written down."""
        self.given = self.options, self.context
        """What natstui was started with."""
        self._manager = manager
        self._closing: asyncio.Task[None] | None = None
        self._wake: Callable[[], None] | None = None
        if manager is not None:
            manager.add_listener(log.add)

    @cached_property
    def places(self) -> PanelPlaces:
        """Where panels are connected, as workspaces say it."""
        from natstui.panel_places import PanelPlaces

        return PanelPlaces(self)

    def put(self, panel: Panel, place: Place | None) -> None:
        """Give a panel the options of its place; None for the session's."""
        if place is not None or "places" in vars(self):
            self.places.put(panel, place)

    def remember_secrets(self, options: ConnectOptions) -> None:
        """Take note of the secrets that a connection is made with."""
        self.secrets |= secrets_of(options)

    @property
    def manager(self) -> ConnectionManager:
        """Owns every connection."""
        if self._manager is None:
            from natstui.connection.manager import ConnectionManager

            self._manager = ConnectionManager(self.launch.settings.check_interval)
            self._manager.add_listener(self.log.add)
        return self._manager

    def note_use(self, connection_id: str, words: str) -> None:
        """Log what somebody sends in a hosted session, so that its host can tell who did what; never a payload."""
        if self.confinement is not None:
            self.log.note(self.clock.now(), connection_id, words)

    def rest(self, wake: Callable[[], None]) -> None:
        """Nothing comes in; have `wake` called as soon as something does."""
        self._wake = wake

    @property
    def is_resting(self) -> bool:
        """Whether nobody looks at what comes in."""
        return self._wake is not None

    def arrived(self) -> None:
        """Something is there to be shown."""
        if self._wake is not None:
            wake, self._wake = self._wake, None
            wake()

    async def release(self, connection_id: str) -> None:
        """Close a connection and forget it, within a deadline."""
        if self._closing is None and connection_id in self.manager.connections:
            await asyncio.wait_for(self.manager.remove(connection_id), CLOSE_TIMEOUT)

    @property
    def is_closing(self) -> bool:
        """Whether the session is ending."""
        return self._closing is not None

    async def close(self) -> None:
        """Close every connection, within a deadline. May be called by several; all wait for the same closing."""
        if self._closing is None:
            self._closing = begin(self._close(), "closing the session")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        try:
            if self._manager is not None:
                await asyncio.wait_for(self._manager.close(), CLOSE_TIMEOUT)
        except TimeoutError:
            pass
        finally:
            self.log.write()


def session_path(launch: Launch) -> Path:
    """Where the last session on the same context, or on the same servers, is kept."""
    name, servers = launch.context_name, ",".join(sorted(launch.options.servers))
    readable = re.sub(r"[^\w.-]+", "_", name or launch.options.servers[0].partition("://")[2])[:40]
    digest = crc32(f"{name}\n{'' if name else servers}".encode("utf-8", "replace"))
    return state_directory() / "sessions" / f"{readable}-{digest:08x}.toml"


def _color_scheme(launch: Launch) -> str:
    context = launch.settings.nats_context
    return context.color_scheme if context is not None and context.name == launch.context_name else ""

"""The fault drill: faults that a connection suffers on purpose, so that one can watch them noticed and mended."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from natstui.connection import events
from natstui.connection.errors import FaultDrillError, NotConnectedError
from natstui.connection.lifecycle import ConnectionLifecycle
from natstui.connection.state import ConnectionState

if TYPE_CHECKING:
    from natstui.connection.transport import Link

NOT_ALLOWED = "fault drills are not allowed on this connection"
HOW_TO_ALLOW = "set fault_drill = true in natstui's settings, where connections may be broken on purpose"


class DrilledConnection(ConnectionLifecycle):
    """Takes faults on purpose, where `ConnectOptions.fault_drill` allows it.

    Each is told by a `FaultInjected` event before anything else happens; what follows is what follows a real one.
    """

    async def stall(self, seconds: float) -> None:
        """Let no byte in or out for `seconds`, as a NAT does that has forgotten the connection, and tell nobody.

        Returns at once. The pings notice it within (N·I, (N+1)·I]; a shorter stall passes, and what was held in either
        direction goes on in order. It ends when the connection is given up or closed. Over a websocket aiohttp answers
        the server's websocket pings (not NATS's) all the same.

        Raises:
            FaultDrillError: not allowed here.
            NotConnectedError: there is nothing to stall.
            ValueError: `seconds` is not a finite time above 0.
        """
        if not (math.isfinite(seconds) and seconds > 0):
            raise ValueError(f"a stall must last longer than 0 seconds, and end, but it was given {seconds:g}")
        link = self._link_to_break()
        self._emit(events.FaultInjected, "stall", seconds)
        link.flow.stall(seconds)

    async def drop(self) -> None:
        """Cut the TCP connection now, with a reset; returns before anybody has noticed.

        Raises:
            FaultDrillError: not allowed here.
            NotConnectedError: there is nothing to cut.
        """
        link = self._link_to_break()
        self._emit(events.FaultInjected, "drop")
        link.reset()

    async def drill_reconnect(self) -> None:
        """Leave the server for the next one of the pool, as `force_reconnect` does, told as an exercise.

        Raises:
            FaultDrillError: not allowed here.
            NotConnectedError: there is nothing to leave.
        """
        self._link_to_break()
        self._emit(events.FaultInjected, "reconnect")
        await self.force_reconnect()

    def _link_to_break(self) -> Link:
        if not self.options.fault_drill:
            raise FaultDrillError(NOT_ALLOWED, HOW_TO_ALLOW)
        link = None if self._client is None else self._client.link
        if link is None or self._state is not ConnectionState.CONNECTED:
            raise NotConnectedError(f"there is no connection to break, it is {self._state}", "connect first")
        return link

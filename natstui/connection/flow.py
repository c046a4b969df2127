"""A link's flow of bytes, which a fault drill can stop: no byte comes or goes, and nobody is told.

So a NAT entry that was forgotten, a pulled cable or a frozen peer look to the client. No I/O of its own.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable


class Flow:
    """Lets bytes through in both directions, or holds them, in order, until it goes on.

    Args:
        send: writes to the network what was held.
    """

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._going = asyncio.Event()
        self._going.set()
        self._held: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_reset = False
        self.held_bytes = 0
        """Bytes written since it was stalled, which have not gone out."""

    @property
    def is_stalled(self) -> bool:
        """Whether nothing comes or goes."""
        return not self._going.is_set()

    def stall(self, seconds: float) -> None:
        """Hold everything for `seconds` from now, the end of the connection or an error on it included."""
        self._stop_timer()
        self._going.clear()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.resume)

    def resume(self) -> None:
        """Let through what was held, and all that follows."""
        self._stop_timer()
        self._going.set()
        for payload in self._take_held():
            self._send(payload)

    def end(self) -> None:
        """The link is being closed: what is held never goes out, and nobody waits any longer."""
        self._stop_timer()
        self._take_held()
        self._going.set()

    def reset(self) -> None:
        """From now on reading fails as though the peer had reset the connection."""
        self._is_reset = True
        self.end()

    def hold(self, payload: bytes) -> None:
        """Keep bytes that would have been written."""
        self._held.append(payload)
        self.held_bytes += len(payload)

    async def arriving(self, reading: Awaitable[bytes]) -> bytes:
        """Return what `reading` returns or raise what it raises, but not while the flow is stalled.

        Raises:
            ConnectionResetError: after `reset`.
        """
        try:
            data = await reading
        except Exception:
            await self._going.wait()
            raise
        await self._going.wait()
        if self._is_reset:
            raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
        return data

    async def going(self) -> None:
        """Wait until bytes go out, or the link is closed."""
        await self._going.wait()

    def _take_held(self) -> list[bytes]:
        held, self._held, self.held_bytes = self._held, [], 0
        return held

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

"""Which PING a PONG answers: they come in the order of the PINGs, whoever waits for them."""

from __future__ import annotations

import asyncio
from collections import deque


class AwaitedPongs:
    """The PINGs without an answer, oldest first: the keep-alive ones and those of a flush."""

    def __init__(self) -> None:
        self._awaited: deque[tuple[float, asyncio.Future[None] | None]] = deque()

    def sent(self, answered: asyncio.Future[None] | None) -> None:
        """Note a PING; `answered` gets its result with the PONG."""
        self._awaited.append((asyncio.get_running_loop().time(), answered))

    def answer(self) -> float | None:
        """Take a PONG; return the seconds of its round trip, None where nobody asked for it.

        Who waited may be gone: a flush that timed out or was cancelled leaves its PING behind.
        """
        if not self._awaited:
            return None
        sent, answered = self._awaited.popleft()
        if answered is not None and not answered.done():
            answered.set_result(None)
        return asyncio.get_running_loop().time() - sent

    def fail(self, error: Exception) -> None:
        """Fail all who wait."""
        while self._awaited:
            answered = self._awaited.popleft()[1]
            if answered is not None and not answered.done():
                answered.set_exception(error)

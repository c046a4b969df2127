"""Where a soak happens: servers with a nats context each, and an operator at the keys of a real dashboard."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Self

from benchmarks.dashboard import Dashboard
from benchmarks.processes import resident_bytes
from benchmarks.publisher import Publisher
from tests.servers import NatsServer
from tests.waiting import until_sync

PATIENCE = 30.0
CONTEXTS = ("alpha", "beta")
PANELS = ("subscribe:soak.flood.>", "subscribe:soak.note", "publish:soak.out", "request:soak.ask")
IDS = ("subscribe-1", "subscribe-2", "publish-3", "request-4")
"""The connection of each panel."""
ARGUMENTS = (
    *("--ping-interval", "500ms", "--max-outstanding-pings", "2"),
    *("--idle-timeout", "4s", "--check-interval", "1s"),
)
"""Silence is noticed within 1.5 s, and a panel that holds no subscription falls asleep after 4 s."""
F2, F3, F4, F5, F9 = "\x1bOQ", "\x1bOR", "\x1bOS", "\x1b[15~", "\x1b[20~"
CTRL_N, CTRL_P, CTRL_Q, CTRL_T, CTRL_W = "\x0e", "\x10", "\x11", "\x14", "\x17"
DOWN, HOME, ESCAPE = "\x1b[B", "\x1b[H", "\x1b"
UNDER_WAY = re.compile(r"│ [^╌] (reconnecting|opening|draining|connected, silent|silent)")
DASHBOARD = re.compile(r" natstui .* [0-9]+ panels? ")


class Servers:
    """Two servers that come and go, each with a context of the nats CLI."""

    def __init__(self, directory: Path, rng: random.Random) -> None:
        self._rng = rng
        self.all = {name: NatsServer(name=name) for name in CONTEXTS}
        self._frozen: set[str] = set()
        contexts = directory / "nats" / "context"
        contexts.mkdir(parents=True)
        for name, server in self.all.items():
            server.start()
            (contexts / f"{name}.json").write_text(json.dumps({"url": server.url, "description": f"of {name}"}))

    def stop(self) -> None:
        for server in self.all.values():
            server.stop()

    def connections(self) -> dict[str, list[str]]:
        """The connections of natstui, by their ids, and which servers have them; of servers that can answer.

        One of a subscribe panel counts once it has its subscription.
        """
        found: dict[str, list[str]] = {}
        for name, server in self.all.items():
            if not server.running or name in self._frozen:
                continue
            for client in server.connections():
                program, _, panel = client.get("name", "").partition(" ")
                if program == "natstui" and (client.get("subscriptions") or not panel.startswith("subscribe")):
                    found.setdefault(panel, []).append(name)
        return found

    def strike(self, name: str, kind: str) -> None:
        """Kill it, end it in good order, or freeze it."""
        server = self.all[name]
        match kind:
            case "kill -9":
                server.kill()
            case "SIGTERM":
                server.terminate()
            case "freeze":
                server.freeze()
                self._frozen.add(name)

    def bring_back(self, name: str) -> None:
        """Whatever happened to it, it answers again."""
        server = self.all[name]
        if name in self._frozen:
            self._frozen.discard(name)
            # Half of the frozen ones never come to themselves.
            if self._rng.random() < 0.5:
                server.thaw()
                return
            server.kill()
        server.restart()

    def flood(self, name: str, count: int) -> threading.Thread:
        """Send so many messages as fast as the server takes them; it may fall meanwhile."""

        def send() -> None:
            try:
                Publisher(self.all[name].url, "soak.flood").publish(0, count)
            except OSError:
                pass

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        return thread


class EventFile:
    """The event log that the dashboard writes, counted as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._rest = ""
        self.events = self.reconnects = self.opens = 0

    def count(self) -> None:
        """Count what has been written since the last time."""
        if not self._path.exists():
            return
        if self._path.stat().st_size < self._read:
            # It was moved away and begun anew.
            self._take(self._path.with_name(self._path.name + ".1"))
            self._read = 0
        self._take(self._path)

    def _take(self, path: Path) -> None:
        with path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        self._read += len(data)
        lines = (self._rest + data.decode(errors="replace")).split("\n")
        self._rest = lines.pop()
        self.events += len(lines)
        self.reconnects += sum(" reconnected to " in line for line in lines)
        self.opens += sum(" connected to " in line for line in lines)


class Operator:
    """Somebody at the keys of the dashboard. Ends with the `with` block."""

    def __init__(self, directory: Path) -> None:
        self.log = EventFile(directory / "events.log")
        self._tasks = directory / "tasks.json"
        self._dashboard = Dashboard(
            str(self._tasks),
            *("--context", CONTEXTS[0], "--log-file", str(directory / "events.log")),
            *(word for panel in PANELS for word in ("--panel", panel)),
            *ARGUMENTS,
            environment={"XDG_CONFIG_HOME": str(directory)},
            module="benchmarks.soak_host",
        )
        self.sees(lambda text: "4 connected" in text)

    def sees(self, holds: Any, seconds: float = PATIENCE) -> str:
        """Wait until the screen is so; return it."""
        self._dashboard.until(holds, seconds)
        return self._dashboard.text()

    def screen(self) -> str:
        """What is shown now."""
        return self._dashboard.text()

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self._dashboard.press(key)
            if key == ESCAPE:
                # What follows at once would be taken for the rest of an escape sequence.
                time.sleep(0.15)

    def is_home(self, text: str) -> bool:
        """Whether the dashboard is shown."""
        return DASHBOARD.match(text) is not None

    def is_content(self) -> bool:
        """Whether no panel says that it has lost its server, or waits for an answer.

        One without subscriptions may have failed: used while its server was away, it tries again at its next use.
        """
        return UNDER_WAY.search(self.screen()) is None

    def panel(self, number: int) -> None:
        """Go to a panel."""
        self.press(f"\x1b{number}")

    def send(self) -> None:
        """Publish, and ask."""
        for number in (3, 4):
            self.panel(number)
            self.press(F5)

    def sleep(self, number: int) -> None:
        """Put a panel to sleep, on the connections screen."""
        self.press(F2)
        self.sees(lambda text: text.startswith(" connections "))
        self.press(*[DOWN] * (number - 1), "s")
        # One that has failed sleeps already: it tries again at its next use.
        row = re.compile(rf"^ {number} .* (asleep|failed) ", re.MULTILINE)
        self.sees(lambda text: row.search(text) is not None)
        self.press(F2)
        self.sees(self.is_home)

    def wake(self, number: int) -> None:
        """Use a panel: connect it, or send."""
        self.panel(number)
        self.press("r" if number < 3 else F5)

    def switch(self, context: str, number: int) -> None:
        """Connect a panel, or with 0 all of them, to a context, on the contexts screen."""
        if number:
            self.panel(number)
        self.press(CTRL_T)
        self.sees(lambda text: text.startswith(" contexts ") and all(name in text for name in CONTEXTS))
        self.press(HOME, *[DOWN] * CONTEXTS.index(context), "c" if number else "a")
        self.sees(self.is_home)

    def look_around(self) -> None:
        """Every screen, layouts, zoom and sizes."""
        for key in (F2, F3):
            self.press(key)
            self.sees(lambda text: not self.is_home(text))
            self.press(key)
            self.sees(self.is_home)
        self.press(CTRL_P)
        self.sees(lambda text: "Search for commands" in text)
        self.press(ESCAPE)
        self.press(F9, F9, F9, F9, F4, F4)
        for columns, rows in ((80, 24), (120, 40)):
            self._dashboard.resize(columns, rows)
            self.sees(self.is_home)

    def open_and_close(self) -> None:
        """A fifth panel, used and closed."""
        self.press(CTRL_N)
        self.sees(lambda text: "new panel " in text and "esc leaves" in text)
        self.press("s")
        self.sees(lambda text: "5 panels" in text)
        self.press("soak.flood.>\r")
        self.sees(lambda text: "waiting for messages on soak.flood.>" in text)
        self.press(CTRL_W)
        self.sees(lambda text: "4 panels" in text)

    def received(self) -> int:
        """Messages that both subscribe panels say they received."""
        counts = re.findall(r"received ([0-9,]+) +[0-9,]+/s", self.sees(self.is_home))
        return sum(int(count.replace(",", "")) for count in counts)

    # What the process is

    @property
    def pid(self) -> int:
        return self._dashboard.pid

    def tasks(self) -> dict[str, int]:
        """The asyncio tasks, by what they run; of three looks the one with the fewest, so that none is just passing."""
        looks = []
        for _ in range(3):
            self._tasks.unlink(missing_ok=True)
            os.kill(self.pid, signal.SIGUSR1)
            until_sync(self._tasks.exists, PATIENCE, "the tasks are told")
            looks.append(json.loads(self._tasks.read_text()))
            time.sleep(0.1)
        fewest: dict[str, int] = min(looks, key=lambda names: sum(names.values()))
        return fewest

    def resident(self) -> float:
        """Memory in RAM, in MB."""
        return resident_bytes(self.pid) / 1e6

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def leave(self) -> int:
        """Quit by key; the exit code."""
        self.press(CTRL_Q)
        return self._dashboard.ended()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._dashboard.__exit__()


def soak_directory() -> tempfile.TemporaryDirectory[str]:
    """Where contexts and logs of one soak are."""
    return tempfile.TemporaryDirectory(prefix="natstui-soak-")

"""A hosted natstui, watched through an audit hook while somebody tries to get out of it."""

from __future__ import annotations

import os
import random
import re
import signal
import string
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from nats.aio.client import Client

from tests.hosting.display import PATIENCE, Display
from tests.servers import NatsServer
from tests.terminals import Terminal
from tests.waiting import until

Connect = Callable[..., Awaitable[Client]]
ROOT = Path(__file__).parents[2]
WATCH = """\
import os, sys
descriptor = os.open(os.environ["WATCHED"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
NAMES = ("subprocess.", "os.", "pty.", "webbrowser.", "shutil.", "ctypes.", "socket.bind", "open")

def watch(event, arguments):
    if event.startswith(NAMES):
        os.write(descriptor, (repr((event, arguments)) + "\\n").encode("utf-8", "backslashreplace"))

sys.addaudithook(watch)
"""
RUNS_SOMETHING = re.compile(
    r"^\('(subprocess\.|os\.(exec|fork|forkpty|posix_spawn|spawn|system|startfile)'|pty\.|webbrowser\.)"
)
OPENED = re.compile(r"^\('open', \((?:b?'((?:[^'\\]|\\.)*)'|(\d+)), ('(?:[^']*)'|None), (-?\d+)\)\)$")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
READABLE = ("/usr/", "/lib", "/etc/", "/proc/self/", "/proc/cpuinfo", "/sys/", "/dev/", str(ROOT / "natstui"))
FORBIDDEN = ("/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/ssh/")


class Watched:
    """What an audit hook saw of a hosted natstui."""

    def __init__(self, directory: Path) -> None:
        self.state = directory / "home" / "state"
        self._seen = directory / "seen"
        hook = directory / "hook"
        hook.mkdir()
        (hook / "sitecustomize.py").write_text(WATCH)
        self.environment = {
            "PYTHONPATH": f"{hook}{os.pathsep}{ROOT}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "WATCHED": str(self._seen),
        }
        self._readable = (*READABLE, str(directory / "home"), str(hook), str(self._seen), sys.prefix, sys.base_prefix)

    def assert_harmless(self) -> None:
        """Nothing was run, nothing written but into its own directory, nothing read but what is its own and public."""
        lines = self._seen.read_text().splitlines()
        opened = [found.groups() for line in lines if (found := OPENED.match(line))]
        assert len(opened) > 100, "the hook saw nothing"
        assert [line for line in lines if RUNS_SOMETHING.match(line)] == []
        for path, descriptor, mode, flags in opened:
            if descriptor is not None:
                continue
            writes = int(flags) & WRITES or (mode != "None" and set(mode) & set("wax+"))
            if writes:
                assert path.startswith((str(self.state), "/dev/", str(self._seen))), f"{path} was opened for writing"
            elif path.startswith("/"):
                assert path.startswith(self._readable) and not path.startswith(FORBIDDEN), f"{path} was read"


@pytest.fixture
def watched(tmp_path: Path, own_environment: Path) -> Watched:
    return Watched(tmp_path)


async def test_files_are_neither_read_nor_written_elsewhere(
    watched: Watched, nats_server: NatsServer, connect: Connect, tmp_path: Path
) -> None:
    treasure = tmp_path / "treasure.creds"
    treasure.write_text("of somebody else")
    arguments = ["--server", nats_server.url, "--panel", "subscribe:news", "--hosted"]
    with Terminal(arguments, environment=watched.environment) as terminal:
        display = Display(terminal)
        await display.shows("1 connected")
        publisher = await connect(nats_server.url)
        await publisher.publish("news", b"a payload")
        await display.shows("a payload")
        terminal.type("\r")
        await display.shows("message 1")
        for name in (str(tmp_path / "stolen"), "../../stolen", "~/stolen"):
            terminal.type("s")
            await display.shows("Save the payload as")
            terminal.type("\x15" + "\x7f" * 80 + name + "\r")
            await display.shows("give a plain file name")
            terminal.type("\x1b")
            await until(lambda: "give a plain file name" not in display.text(), PATIENCE)
        terminal.type("s")
        await display.shows("Save the payload as")
        terminal.type("\x15" + "\x7f" * 80 + "kept\r")
        await display.shows("Saved 9 bytes")
        terminal.type("\x1b")
        await until(lambda: "message 1" not in display.text(), PATIENCE)
        terminal.type("\x1b[21~")
        await display.shows("creds file")
        terminal.type("\t" * 6)
        await display.shows("credentials_file")
        terminal.type(str(treasure) + "\x1b[15~")
        await display.shows("reads no file that it was not given")
        terminal.type("\x1b")
        terminal.type("\x11")
        await until(lambda: terminal.process.poll() is not None, PATIENCE)
        assert terminal.ended() == 0
    assert _names(tmp_path, "stolen") == []
    assert (watched.state / "natstui" / "saved" / "kept").read_bytes() == b"a payload"
    watched.assert_harmless()


def _names(directory: Path, name: str) -> list[Path]:
    return list(directory.rglob(name))


KEYS = [
    *string.ascii_letters,
    *string.digits,
    *"/?~!|;$`'\"\\ ",
    *(chr(code) for code in range(1, 27) if chr(code) not in "\x03\x11"),
    "\x1b",
    *(f"\x1bO{letter}" for letter in "PQRS"),
    *(f"\x1b[{number}~" for number in (2, 3, 5, 6, 15, 17, 18, 19, 20, 21, 23, 24)),
    *(f"\x1b[{letter}" for letter in "ABCDHFZ"),
    *(f"\x1b{letter}" for letter in "123bdfx\x7f"),
]


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_is_typed_it_runs_nothing(watched: Watched, nats_server: NatsServer, seed: int) -> None:
    chance = random.Random(seed)
    arguments = ["--server", nats_server.url, "--panel", "subscribe:>", "--panel", "publish", "--panel", "request"]
    with Terminal([*arguments, "--hosted"], environment=watched.environment) as terminal:
        display = Display(terminal)
        await display.shows("3 connected")
        for _ in range(40):
            terminal.type("".join(chance.choices(KEYS, k=10)))
            typed_at = time.monotonic()
            await until(lambda typed_at=typed_at: time.monotonic() > typed_at + 0.1)
            assert terminal.process.poll() is None, terminal.output[-2000:]
        terminal.process.terminate()
        await until(lambda: terminal.process.poll() is not None, PATIENCE)
        assert terminal.ended() == 128 + signal.SIGTERM
        assert b"Traceback" not in terminal.output
    watched.assert_harmless()

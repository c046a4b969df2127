"""The words of `natstui serve` and `natstui web`. Imports nothing that takes time."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SSH_PORT, WEB_PORT = 2222, 8222
LOOPBACK = "127.0.0.1"
EPILOG = """\
What stands after -- is given to each session's natstui:
  natstui {command} -- --context prod --read-only --panel 'subscribe:orders.>'
Each session is a process of its own with --hosted: no files, no shell, no credentials but those that it was given.
"""


@dataclass(frozen=True)
class Address:
    """Where to listen."""

    host: str
    port: int
    """0 for any that is free."""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen(text: str, default_port: int) -> Address:
    """Return the address that ``HOST:PORT``, ``HOST``, ``PORT`` or ``[::1]:PORT`` names; the loopback's where none is.

    Raises:
        ValueError: one sentence that says what is wrong and what would be accepted.
    """
    text = text.strip()
    if text.isdecimal():
        host, port = "", text
    elif text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, ""
    number = int(port) if port.isdecimal() else default_port if not port else -1
    if not 0 <= number <= 65_535 or any(character.isspace() or not character.isprintable() for character in host):
        raise ValueError(f"{text!r} is no address to listen on; write for example {LOOPBACK}:{default_port}")
    return Address(host or LOOPBACK, number)


def add_serve(parser: argparse.ArgumentParser, duration: Callable[[str], float]) -> None:
    """Add what `natstui serve` takes."""
    parser.epilog = EPILOG.format(command="serve")
    parser.add_argument(
        "--listen",
        type=_listen(SSH_PORT),
        metavar="HOST:PORT",
        help=f"where to listen ({LOOPBACK}:{SSH_PORT}); port 0 for any that is free",
    )
    parser.add_argument(
        "--authorized-keys",
        type=Path,
        metavar="FILE",
        help="the public keys of those who may come in, one a line; read anew for each login",
    )
    parser.add_argument(
        "--idle-timeout",
        dest="session_idle_timeout",
        type=duration,
        metavar="DURATION",
        help="end a session in which no key was pressed for so long (30m); 0 for never",
    )
    _add_max_sessions(parser)


def add_web(parser: argparse.ArgumentParser) -> None:
    """Add what `natstui web` takes."""
    parser.epilog = EPILOG.format(command="web")
    parser.add_argument(
        "--listen",
        type=_listen(WEB_PORT),
        metavar="HOST:PORT",
        help=f"where to listen ({LOOPBACK}:{WEB_PORT}); this machine's own addresses only",
    )
    _add_max_sessions(parser)


def _add_max_sessions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--max-sessions", type=_count, metavar="N", help="sessions at a time, at most (20)")


def _listen(default_port: int) -> Callable[[str], Address]:
    def address(text: str) -> Address:
        try:
            return parse_listen(text, default_port)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return address


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 10000")
    return int(text)

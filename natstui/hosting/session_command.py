"""What each session runs: natstui itself, confined, in an environment that nobody outside has a say in."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

FOREIGN = frozenset(
    ("COLORTERM", "COLUMNS", "DISPLAY", "LINES", "NO_COLOR", "ROWS", "STY", "TERM", "TMUX", "XAUTHORITY")
)
FOREIGN_PREFIXES = ("SSH_", "TEXTUAL", "TERM_PROGRAM")
"""Variables that tell of the host's own terminal."""


def session_command(arguments: Sequence[str]) -> list[str]:
    """The command line of a session; `-P` keeps the working directory out of Python's path."""
    return [sys.executable, "-P", "-m", "natstui.hosting.session_process", *arguments, "--hosted"]


def session_environment(state: Path, more: Mapping[str, str]) -> dict[str, str]:
    """The host's own variables without those of its terminal, with `more`, and `state` to keep files in."""
    own = {
        name: value
        for name, value in os.environ.items()
        if name not in FOREIGN and not name.startswith(FOREIGN_PREFIXES) and name != "NATSTUI_HOSTED"
    }
    return {**own, "XDG_STATE_HOME": str(state), **more}

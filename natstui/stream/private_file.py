"""What is kept between sessions for convenience: small JSON files that only their owner may read."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

LONGEST = 1024 * 1024
"""Bytes that are read at most; a larger file is none of ours."""


def read_json(path: Path) -> object:
    """What the file holds; None where there is none, or none that can be read."""
    try:
        if path.stat().st_size > LONGEST:
            return None
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content


def write_json(path: Path, content: object) -> None:
    """Writes the file whole, with mode 0600. A place that cannot be written is no error: it must disturb nobody."""
    temporary: str | None = None
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=".natstui-", dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
        Path(temporary).replace(path)
        temporary = None
    if temporary is not None:
        with suppress(OSError):
            Path(temporary).unlink(missing_ok=True)

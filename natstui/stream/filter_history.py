"""Filters that were used, the newest first, and those that the user saved; kept in a private file between sessions."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

LIMIT = 100
"""Filters remembered at most, the saved ones aside."""

LONGEST_FILE = 1024 * 1024
"""Bytes of a history file that are read at most; a larger one is none of ours."""


class FilterHistory:
    """Remembers expressions. A file that cannot be read is an empty history; one that cannot be written is no error.

    Args:
        path: the file; None remembers for this session only.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._recent, self._saved = _read(path) if path is not None else ([], [])

    @property
    def entries(self) -> tuple[str, ...]:
        """What can be recalled: the used ones, the newest first, then the saved ones that were not used lately."""
        return (*self._recent, *(saved for saved in self._saved if saved not in self._recent))

    @property
    def saved(self) -> tuple[str, ...]:
        """The saved ones, in the order in which they were saved."""
        return tuple(self._saved)

    def add(self, expression: str) -> None:
        """Notes that an expression was used."""
        expression = expression.strip()
        if not expression or self._recent[:1] == [expression]:
            return
        self._recent = [expression, *(other for other in self._recent if other != expression)][:LIMIT]
        self._write()

    def toggle_saved(self, expression: str) -> bool:
        """Saves an expression, or no longer. Returns whether it is saved now."""
        expression = expression.strip()
        if not expression:
            return False
        if expression in self._saved:
            self._saved.remove(expression)
        else:
            self._saved.append(expression)
        self._write()
        return expression in self._saved

    def _write(self) -> None:
        if self._path is None:
            return
        temporary: str | None = None
        # A history is a convenience: a read-only home must not disturb anyone's work.
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=".natstui-", dir=self._path.parent)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({"recent": self._recent, "saved": self._saved}, file, indent=1)
            Path(temporary).replace(self._path)
            temporary = None
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink(missing_ok=True)


def _read(path: Path) -> tuple[list[str], list[str]]:
    try:
        if path.stat().st_size > LONGEST_FILE:
            return [], []
        content = json.loads(path.read_text(encoding="utf-8"))
        lists = content.get("recent"), content.get("saved")
    except (OSError, ValueError, AttributeError, RecursionError):
        return [], []
    recent, saved = (
        [one for one in found if isinstance(one, str)] if isinstance(found, list) else [] for found in lists
    )
    return recent[:LIMIT], saved

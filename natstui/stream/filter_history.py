"""Filters that were used, the newest first, and those that the user saved; kept in a private file between sessions."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from natstui.stream.private_file import read_json, write_json

LIMIT = 100
"""Filters remembered at most, the saved ones aside."""

LONGEST_NAME = 60
"""Characters of a saved filter's name."""


class SavedFilter(NamedTuple):
    """A filter that the user keeps."""

    expression: str
    name: str = ""
    """What the user calls it; empty for nothing."""


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
        return (*self._recent, *(saved.expression for saved in self._saved if saved.expression not in self._recent))

    @property
    def saved(self) -> tuple[SavedFilter, ...]:
        """The saved ones, in the order in which they were saved."""
        return tuple(self._saved)

    def find(self, expression: str) -> SavedFilter | None:
        """The saved filter with that expression, or None."""
        return next((saved for saved in self._saved if saved.expression == expression.strip()), None)

    def add(self, expression: str) -> None:
        """Notes that an expression was used."""
        expression = expression.strip()
        if not expression or self._recent[:1] == [expression]:
            return
        self._recent = [expression, *(other for other in self._recent if other != expression)][:LIMIT]
        self._write()

    def save(self, expression: str, name: str = "") -> None:
        """Keeps an expression under a name, in place of what had that name or was that expression before."""
        saved = SavedFilter(expression.strip(), " ".join(name.split())[:LONGEST_NAME])
        if not saved.expression:
            return
        same = [
            number
            for number, other in enumerate(self._saved)
            if other.expression == saved.expression or (saved.name and other.name == saved.name)
        ]
        if same:
            self._saved[same[0]] = saved
            self._saved = [other for number, other in enumerate(self._saved) if number not in same[1:]]
        else:
            self._saved.append(saved)
        self._write()

    def forget(self, expression: str) -> None:
        """Remembers an expression no longer, neither as used nor as saved."""
        self._recent = [other for other in self._recent if other != expression]
        self._saved = [other for other in self._saved if other.expression != expression]
        self._write()

    def _write(self) -> None:
        if self._path is not None:
            saved = [{"name": one.name, "expression": one.expression} for one in self._saved]
            write_json(self._path, {"recent": self._recent, "saved": saved})


def _read(path: Path) -> tuple[list[str], list[SavedFilter]]:
    content = read_json(path)
    if not isinstance(content, dict):
        return [], []
    recent, saved = (found if isinstance(found := content.get(key), list) else [] for key in ("recent", "saved"))
    filters = (_saved(one) for one in saved)
    return [one for one in recent if isinstance(one, str)][:LIMIT], [one for one in filters if one is not None]


def _saved(entry: object) -> SavedFilter | None:
    if isinstance(entry, str):
        return SavedFilter(entry)
    if not isinstance(entry, dict):
        return None
    expression, name = entry.get("expression"), entry.get("name", "")
    if not isinstance(expression, str) or not expression.strip() or not isinstance(name, str):
        return None
    return SavedFilter(expression.strip(), name[:LONGEST_NAME])

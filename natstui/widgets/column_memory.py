"""The columns that message lists were last given, kept in a private file between sessions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from natstui.stream.private_file import read_json, write_json
from natstui.widgets.message_columns import COLUMN_SETS, Column, column_words, parse_columns


class ColumnMemory:
    """Remembers the columns for lists to come. A file that cannot be read is none, one that cannot be written no error.

    Args:
        path: the file; None remembers for this session only.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._columns: tuple[Column, ...] | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the next list."""
        if self._columns is None:
            self._columns = self._read()
        return self._columns

    def remember(self, columns: Sequence[Column]) -> None:
        """Takes these for the lists to come."""
        self._columns = tuple(columns)
        if self._path is not None:
            write_json(self._path, {"columns": column_words(columns)})

    def _read(self) -> tuple[Column, ...]:
        content = read_json(self._path) if self._path is not None else None
        words = content.get("columns") if isinstance(content, dict) else None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            try:
                return parse_columns(words)
            except ValueError:
                pass
        return COLUMN_SETS[0]

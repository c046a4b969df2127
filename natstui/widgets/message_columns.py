"""The columns of a message list: which there are, how wide each is, and how one message becomes pieces of text."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from natstui.stream.decode import header_preview, size_words, subject_preview
from natstui.stream.ring import Record
from natstui.stream.sanitise import preview

SPACING = 2
"""Cells between two columns."""

SUBJECT_MIN, SUBJECT_START = 8, 12
PAYLOAD_MIN = 12

# A name with the marks around it, or a string that is none and is passed over.
_JSON_NAME = re.compile(r'[{}\[\],\s]*"(?:[^"\\]|\\.)*+"(\s*:)|"(?:[^"\\]|\\.)*+"?')


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the list."""

    key: str
    """time, subject, size, reply, headers or payload."""

    width: int = 0
    """Cells; 0 lets the list choose: as wide as its content needs, the payload the rest."""

    def __str__(self) -> str:
        return f"{self.key}:{self.width}" if self.width else self.key


WIDTHS = {"time": 12, "size": 8, "reply": 16, "headers": 24}
"""Cells of the columns whose width does not follow their content."""

COLUMN_KEYS = ("time", "subject", "size", "reply", "headers", "payload")
"""All columns, in the order in which they are shown unless told otherwise."""

COLUMN_SETS = (
    (Column("time"), Column("subject"), Column("payload")),
    (Column("time"), Column("subject"), Column("size"), Column("payload")),
    tuple(Column(key) for key in COLUMN_KEYS),
    (Column("subject"), Column("payload")),
)
"""What the key for columns goes through."""

_FIRST_TO_GO = ("headers", "reply", "size", "time")


class Piece(NamedTuple):
    """A piece of a row."""

    text: str
    style: str
    """The name of its style: time, subject, size, reply, headers, payload, key, empty."""


class Placed(NamedTuple):
    """A column and the cells it has."""

    key: str
    cells: int


def parse_columns(words: Sequence[str | Column]) -> tuple[Column, ...]:
    """Columns from words such as "time" or "subject:30".

    Raises:
        ValueError: one of them is no column, twice there, or has a width that is no number.
    """
    columns: list[Column] = []
    for word in words:
        if isinstance(word, Column):
            key, width = word.key, word.width
        else:
            key, _, digits = word.strip().partition(":")
            if digits and not digits.isdecimal():
                raise ValueError(f"The width of column {key!r} must be a whole number of cells, not {digits!r}.")
            width = int(digits or 0)
        if key not in COLUMN_KEYS:
            raise ValueError(f"There is no column {key!r}: choose from {', '.join(COLUMN_KEYS)}.")
        if any(column.key == key for column in columns):
            raise ValueError(f"Column {key!r} is there twice.")
        columns.append(Column(key, min(width, 500)))
    if not columns:
        raise ValueError(f"A list needs at least one column: choose from {', '.join(COLUMN_KEYS)}.")
    return tuple(columns)


def column_words(columns: Sequence[Column]) -> list[str]:
    """What `parse_columns` makes these columns of."""
    return [f"{column.key}:{column.width}" if column.width else column.key for column in columns]


def place(columns: Sequence[Column], width: int, subject_cells: int) -> tuple[Placed, ...]:
    """How many of `width` cells each column has; where they do not all fit, the least telling ones are left out."""
    chosen = list(columns)
    while True:
        cells = {column.key: column.width or WIDTHS.get(column.key, 0) for column in chosen}
        flexible = [column.key for column in chosen if not column.width]
        spaces = SPACING * (len(chosen) - 1)
        if "subject" in flexible:
            others = sum(cells[key] for key in cells if key not in ("subject", "payload"))
            if "payload" in flexible:
                # A long subject may take up to half of what it shares with the payload.
                most = max(SUBJECT_MIN, (width - others - spaces) // 2)
                cells["subject"] = max(SUBJECT_MIN, min(subject_cells, most))
            else:
                cells["subject"] = max(
                    SUBJECT_MIN, min(subject_cells, width - others - spaces - cells.get("payload", 0))
                )
        rest = width - spaces - sum(cells.values())
        if "payload" in flexible:
            cells["payload"] = rest
        out = next((key for key in _FIRST_TO_GO if key in cells), None)
        if out is None or len(chosen) == 1 or rest >= (PAYLOAD_MIN if "payload" in flexible else 0):
            break
        chosen = [column for column in chosen if column.key != out]
    last = chosen[-1].key
    taken = sum(cells.values()) - cells[last] + spaces
    cells[last] = max(1, width - taken)
    return tuple(Placed(column.key, cells[column.key]) for column in chosen)


def clock_words(at: float) -> str:
    """Local time of day with milliseconds, 12 characters."""
    milliseconds = int(at * 1000)
    return f"{time.strftime('%H:%M:%S', time.localtime(milliseconds // 1000))}.{milliseconds % 1000:03d}"


def delta_words(seconds: float) -> str:
    """Time since the message before, at most 12 characters."""
    return "clock back" if seconds < 0 else distance_words(seconds)


def distance_words(seconds: float) -> str:
    """A distance in time with its sign, at most 12 characters."""
    sign, seconds = "−" if seconds < 0 else "+", abs(seconds)
    if seconds < 100:
        return f"{sign}{seconds:.3f} s"
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{sign}{hours}h{minutes:02d}m{whole % 60:02d}s" if hours else f"{sign}{minutes}m{whole % 60:02d}s"


def fit(text: str, cells: int) -> str:
    """`text` in exactly `cells` cells: padded, or cut with an ellipsis."""
    if text.isascii():
        length = len(text)
        if length <= cells:
            return text + " " * (cells - length)
        return text[: cells - 1] + "…" if cells > 0 else ""
    if cell_len(text) <= cells:
        return set_cell_size(text, cells)
    return set_cell_size(text, cells - 1) + "…" if cells > 0 else ""


def row(record: Record, when: str, placed: Sequence[Placed], *, plain: bool = False, sign: str = "") -> list[Piece]:
    """One message as pieces of sanitised text that fill the columns exactly.

    `when` is what the time column shows; `sign`, of one cell, stands behind the first column; `plain` leaves the
    payload in one piece, for rows that nobody can read anyway: each piece costs some 40 bytes on the way to the
    terminal. So the space between columns is part of the piece before.
    """
    subject, reply, payload, block = record
    pieces: list[Piece] = []
    for key, cells in placed:
        if pieces:
            space = f"{sign} " if sign and len(pieces) == 1 else " " * SPACING
            pieces[-1] = Piece(pieces[-1].text + space, pieces[-1].style)
        if key == "payload":
            pieces.extend(_payload(payload, cells, plain))
        elif key == "subject":
            pieces.append(Piece(fit(subject_preview(subject, cells + 1), cells), "subject"))
        elif key == "time":
            pieces.append(Piece(fit(when, cells), "time"))
        elif key == "size":
            pieces.append(Piece(fit(size_words(len(payload)).rjust(cells), cells), "size"))
        elif key == "reply":
            pieces.append(Piece(fit(subject_preview(reply, cells + 1), cells), "reply"))
        else:
            pieces.append(Piece(fit(header_preview(block, cells + 1), cells), "headers"))
    return pieces


def _payload(payload: bytes, cells: int, plain: bool) -> list[Piece]:
    if not payload:
        return [Piece(fit("(empty)", cells), "empty")]
    text = preview(payload, cells + 1)
    if not text.isascii() and len(payload) > cells and cell_len(text) <= cells:
        # Combining marks take no cells: look further for what fills the column.
        text = preview(payload, 4 * (cells + 1))
    text = fit(text, cells)
    if plain or text[0] not in "{[":
        return [Piece(text, "payload")]
    pieces, done = [], 0
    for match in _JSON_NAME.finditer(text):
        if match[1] is None:
            continue
        if match.start() > done:
            pieces.append(Piece(text[done : match.start()], "payload"))
        pieces.append(Piece(match[0], "key"))
        done = match.end()
    pieces.append(Piece(text[done:], "payload"))
    return pieces

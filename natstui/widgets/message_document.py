"""A whole message as rows for a given width: its fields, its headers, and its payload as JSON, text or hex."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import takewhile
from typing import NamedTuple

from rich.cells import cell_len

from natstui.stream.decode import (
    PayloadKind,
    PayloadText,
    Token,
    header_count,
    hex_row,
    hex_row_count,
    jetstream_words,
    json_lines,
    parse_headers,
    payload_kind,
    size_words,
    subject_text,
    text_lines,
)
from natstui.stream.ring import Record
from natstui.stream.sanitise import sanitise

FIRST_HEADERS = 8
"""Headers shown until all are asked for."""

LABEL = 11
"""Cells of the labels at the left."""

LONGEST_NAME = 28
"""Cells of the longest header name that its value stands beside."""


class View(StrEnum):
    """How the payload is shown."""

    JSON = "json"
    TEXT = "text"
    HEX = "hex"


class Row(NamedTuple):
    """A row of the document."""

    pieces: tuple[Token, ...]
    """Its pieces; the kinds of JSON tokens and label, value, name, rule, title, note, offset, ascii."""
    wrapped: bool = False
    """Whether it goes on with the row above, broken for lack of width only."""

    @property
    def text(self) -> str:
        """The row without styles."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def indent(self) -> int:
        """Characters at its beginning that stand there for the looks only, where it is `wrapped`."""
        lengths = [len(piece.text) for piece in takewhile(lambda piece: piece.kind in ("space", "label"), self.pieces)]
        return sum(lengths) if self.wrapped else 0


def best_view(payload: bytes) -> View:
    """How a payload is best shown."""
    return {PayloadKind.JSON: View.JSON, PayloadKind.BINARY: View.HEX}.get(payload_kind(payload), View.TEXT)


def time_words(at: float) -> str:
    """Local date and time with milliseconds and the distance from UTC."""
    return datetime.fromtimestamp(at).astimezone().isoformat(sep=" ", timespec="milliseconds")


@dataclass
class MessageDocument:
    """The rows of one message at one width. Text and JSON are wrapped once; rows of hex are made when asked for."""

    record: Record
    at: float
    width: int
    view: View
    all_headers: bool = False
    since_before: float | None = None
    """Seconds since the message before, where there is one."""

    def __post_init__(self) -> None:
        self.width = max(20, self.width)
        payload = self.record[2]
        self.hex_width = 32 if self.width >= 146 else 16 if self.width >= 77 else 8
        is_json = payload_kind(payload) is PayloadKind.JSON
        note, body = "", PayloadText(())
        if not payload:
            note = "The payload is empty."
        elif self.view is View.JSON and is_json:
            body = json_lines(payload)
        elif self.view is not View.HEX:
            body = text_lines(payload)
            note = "This payload cannot be read as JSON; it is shown as text." if self.view is View.JSON else ""
        self._head = [*self._fields(), *self._headers(), Row(())]
        self.payload_row = len(self._head)
        """The row where the payload begins, its title included."""
        self._head.append(self._rule(is_json))
        for sentence in (note, body.cut):
            if sentence:
                self._head += wrap((Token(sentence, "note"),), self.width)
        self._body = [row for line in body.lines for row in wrap(line, self.width)]
        self._hex_rows = hex_row_count(payload, self.hex_width) if self.view is View.HEX else 0

    def __len__(self) -> int:
        return len(self._head) + len(self._body) + self._hex_rows

    def __getitem__(self, number: int) -> Row:
        if number < len(self._head):
            return self._head[number]
        number -= len(self._head)
        if self._hex_rows:
            if number >= self._hex_rows:
                raise IndexError(number)
            offset, digits, text = hex_row(self.record[2], number, self.hex_width)
            return Row((Token(offset, "offset"), Token(f"  {digits}  ", "value"), Token(text, "ascii")))
        return self._body[number]

    def _fields(self) -> list[Row]:
        subject, reply, payload, block = self.record
        received = time_words(self.at)
        if self.since_before is not None and self.since_before >= 0:
            received += f" · {self.since_before:,.3f} s after the one before"
        sizes = f"{size_words(len(payload))} payload"
        if len(payload) >= 1024:
            sizes += f" ({len(payload):,} bytes)"
        fields = [
            ("subject", subject_text(subject), "subject"),
            ("reply", subject_text(reply), "value"),
            ("jetstream", jetstream_words(reply), "value"),
            ("received", received, "value"),
            ("size", sizes + (f" · {size_words(len(block))} headers" if block else ""), "value"),
        ]
        return [row for label, text, kind in fields if text for row in self._field(label, text, kind)]

    def _field(self, label: str, text: str, kind: str) -> list[Row]:
        rows = wrap((Token(text, kind),), self.width - LABEL)
        labels = [label, *[""] * (len(rows) - 1)]
        return [
            Row((Token(name.ljust(LABEL), "label"), *row.pieces), row.wrapped)
            for name, row in zip(labels, rows, strict=True)
        ]

    def _headers(self) -> list[Row]:
        block = self.record[3]
        if not block:
            return []
        headers = parse_headers(block, None if self.all_headers else FIRST_HEADERS)
        rows: list[Row] = []
        if headers.status is not None:
            rows += self._field("status", f"{headers.status} {sanitise(headers.description)}".rstrip(), "note")
        names = [sanitise(name) for name, _ in headers.pairs]
        column = min(max((cell_len(name) for name in names), default=0), LONGEST_NAME, (self.width - LABEL) // 2)
        label = f"headers {header_count(block)}" if header_count(block) > 3 else "headers"
        for name, (_, value) in zip(names, headers.pairs, strict=True):
            padding = " " * (column - cell_len(name) + 2) if cell_len(name) <= column else "  "
            line = (Token(name + padding, "name"), Token(sanitise(value), "value"))
            for row in wrap(line, self.width - LABEL, hang=2):
                rows.append(Row((Token(label[: LABEL - 1].ljust(LABEL), "label"), *row.pieces), row.wrapped))
                label = ""
        if headers.more:
            rows += self._field("", f"and {headers.more:,} more: h shows all", "note")
        return rows

    def _rule(self, is_json: bool) -> Row:
        names = {View.JSON: "JSON", View.TEXT: "text", View.HEX: "hex"}
        pieces = [Token("─── ", "rule"), Token("payload ", "label")]
        for view, name in names.items():
            if view is View.JSON and not is_json and self.view is not View.JSON:
                continue
            kind = "title" if view is self.view else "other-view"
            pieces.append(Token(f" {name} ", kind))
        used = sum(cell_len(piece.text) for piece in pieces)
        pieces.append(Token(" " + "─" * max(0, self.width - used - 1), "rule"))
        return Row(tuple(pieces))


def wrap(line: Sequence[Token], width: int, hang: int = 0) -> list[Row]:
    """One line as rows of at most `width` cells; rows after the first are indented like the line, and `hang` more."""
    length = sum(len(token.text) for token in line)
    if length * 2 <= width or (length <= 4 * width and _cells(line) <= width):
        return [Row(tuple(line))]
    indent = len(line[0].text) if line[0].kind == "space" else 0
    indent = min(indent + hang, width // 2)
    rows: list[Row] = []
    pieces: list[Token] = []
    room = width
    for token in line:
        text, start = token.text, 0
        while start < len(text):
            head = _head(text, start, room)
            if not head and room < width - indent:
                rows.append(Row(tuple(pieces), bool(rows)))
                pieces = [Token(" " * indent, "space")] if indent else []
                room = width - indent
                continue
            head = head or text[start]
            # At least one cell, or marks without a width would pile up in one row for ever.
            room -= max(1, cell_len(head))
            if start + len(head) < len(text) and (space := head.rfind(" ") + 1) * 2 > len(head):
                head, room = head[:space], 0
            pieces.append(Token(head, token.kind))
            start += len(head)
    rows.append(Row(tuple(pieces), bool(rows)))
    return rows


def _cells(line: Iterable[Token]) -> int:
    return sum(cell_len(token.text) for token in line)


def _head(text: str, start: int, room: int) -> str:
    """As much of `text` from `start` on as fits into `room` cells, with the marks that belong to its last character."""
    head = text[start : start + max(0, room)]
    if room <= 0 or text.isascii():
        return head
    while head and (excess := cell_len(head) - room) > 0:
        head = head[: -max(1, excess // 2)]
    end = start + len(head)
    while end < len(text) and end < start + len(head) + 8 and cell_len(text[end]) == 0:
        end += 1
    return text[start:end]

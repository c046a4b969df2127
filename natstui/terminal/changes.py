"""What of a screen's repaint the terminal does not show already: the cells that differ, and the colours that change."""

from __future__ import annotations

import re
from functools import lru_cache

from rich.cells import cell_len

from natstui.terminal.sgr import PLAIN, SPACE_MARKS, Look, change, parse_look

_TOKEN = re.compile(
    r"\x1b\[([0-9;]*)m([^\x00-\x1f\x7f-\x9f]*)\x1b\[0?m"  # a text in one look, and the end of the look
    r"|\x1b\[([0-9]+);([0-9]+)H"
    r"|([^\x00-\x1f\x7f-\x9f]+)"
    r"|(\r?\n)"
    r"|\x1b\[\?2026([hl])"
    r"|(\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]P_^X].*?(?:\x07|\x1b\\)|\x1b.|.)",
    re.DOTALL,
)
_LOOK_AND_TEXT, _PLACE, _TEXT, _NEW_LINE, _SYNCHRONISED = 2, 4, 5, 6, 7

# Modes of mouse, paste, focus, cursor and wrapping; the keyboard protocol; queries; titles, clipboard, links; the bell.
_TOUCHES_NO_CELL = re.compile(
    r"\x1b\[\?(?:7|12|25|100[0-6]|101[56]|2004|2027|2031|2048)[hl]|\x1b\[[<=>?][0-9;]*u|\x1b\[\??[0-9;]*(?:\$p|c|n)"
    r"|\x1b\].*|\x07",
    re.DOTALL,
)
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"

_ONE_CELL = frozenset(
    chr(code)
    for first, last in ((0x20, 0x7E), (0xA0, 0xAC), (0xAE, 0x2FF), (0x370, 0x482), (0x2013, 0x2014), (0x2018, 0x201D))
    for code in range(first, last + 1)
) | {"…", "•", *map(chr, range(0x2500, 0x25FD))}
"""Characters that are one cell wide on every terminal. Other text is sent whole, and the place after it told anew."""

_BRIDGE = 4
"""Cells that are cheaper sent again than jumped over."""

_MOST_LOOKS = 4096


class ScreenChanges:
    """Reduces what Textual writes for a full screen to what changes on it.

    Textual repaints whole widgets, with all colours on every piece of text. Here the cells are remembered, and only
    those that differ are sent, with only what changes of their colours. What is neither text at a place nor its look
    passes as it is, in its order; where it may have changed the screen, what the terminal shows is forgotten.
    """

    def __init__(self) -> None:
        self._looks: dict[str, tuple[Look, Look]] = {}
        self._same: dict[Look, Look] = {}
        self._begin_held = False
        self.forget()

    def forget(self) -> None:
        """Take nothing for granted of what the terminal shows."""
        self._rows: dict[int, _Row] = {}
        self._dirty: dict[int, tuple[int, int]] = {}
        self._pen: Look | None = None
        self._at: tuple[int, int] | None = None
        self._cursor: tuple[int, int] | None = None

    def reduce(self, data: str) -> str:
        """What to send in place of `data`; nothing where the terminal shows it already."""
        out: list[str] = []
        for token in _TOKEN.finditer(data):
            kind = token.lastindex
            if kind in (_LOOK_AND_TEXT, _TEXT):
                if self._cursor is None:
                    self._pass(token[0], out)
                    self.forget()
                elif text := token[kind]:
                    self._put(text, *self._look(token[1] or ""))
            elif kind == _PLACE:
                self._cursor = int(token[4]) - 1, int(token[3]) - 1
            elif kind == _NEW_LINE:
                # Textual ends the rows of a repaint so, and tells the place of the next.
                self._cursor = None
            elif kind == _SYNCHRONISED:
                self._synchronise(token[7] == "h", out)
            else:
                self._pass(token[0], out)
                if not _TOUCHES_NO_CELL.fullmatch(token[0]):
                    self.forget()
        self._flush(out)
        if self._cursor is not None and self._at != self._cursor:
            self._send(f"\x1b[{self._cursor[1] + 1};{self._cursor[0] + 1}H", out)
            self._at = self._cursor
        return "".join(out)

    # What Textual writes

    def _look(self, parameters: str) -> tuple[Look, Look]:
        """A text's look, and that of the spaces in it."""
        found = self._looks.get(parameters)
        if found is None:
            if len(self._looks) > _MOST_LOOKS:
                self._looks.clear()
                self._same.clear()
            look = parse_look(parameters)
            found = self._looks[parameters] = self._one(look), self._one(look.on_space)
        return found

    def _one(self, look: Look) -> Look:
        """The one object for all looks that are equal, so that cells are quickly compared."""
        return self._same.setdefault(look, look)

    def _put(self, text: str, look: Look, on_space: Look) -> None:
        assert self._cursor is not None
        x, y = self._cursor
        row = self._rows.get(y)
        if row is None:
            row = self._rows[y] = _Row()
        cells: list[str | None]
        if _ONE_CELL.issuperset(text):
            cells = [*text]
            width = len(cells)
            if look is on_space or " " not in text:
                looks = [look] * width
            else:
                looks = [on_space if character == " " else look for character in text]
        else:
            width = cell_len(text)
            if not width:
                return
            cells = [text, *[""] * (width - 1)]
            looks = [look] * width
        row.put(x, cells, looks)
        first, last = self._dirty.get(y, (x, x))
        self._dirty[y] = min(first, x), max(last, x + width)
        self._cursor = x + width, y

    def _synchronise(self, begins: bool, out: list[str]) -> None:
        self._flush(out)
        if begins:
            self._begin_held = True
        elif self._begin_held:
            # Nothing changed between the two.
            self._begin_held = False
        else:
            out.append(_END)

    def _pass(self, sequence: str, out: list[str]) -> None:
        self._flush(out)
        if not _TOUCHES_NO_CELL.fullmatch(sequence):
            if self._pen is not PLAIN:
                self._send("\x1b[m", out)
                self._pen = PLAIN
            if self._cursor is not None and self._at != self._cursor:
                self._send(f"\x1b[{self._cursor[1] + 1};{self._cursor[0] + 1}H", out)
        self._send(sequence, out)

    # What goes out

    def _send(self, sequence: str, out: list[str]) -> None:
        if self._begin_held:
            out.append(_BEGIN)
            self._begin_held = False
        out.append(sequence)

    def _flush(self, out: list[str]) -> None:
        dirty, self._dirty = self._dirty, {}
        for y in sorted(dirty):
            first, last = dirty[y]
            row = self._rows[y]
            if not row.is_shown(first, last):
                self._send_row(row, y, first, last, out)
                row.now_shown(first, last)

    def _send_row(self, row: _Row, y: int, first: int, last: int, out: list[str]) -> None:
        texts, looks, shown_texts, shown_looks = row.texts, row.looks, row.shown_texts, row.shown_looks
        x = first
        while x < last:
            text = texts[x]
            if not text or (text == shown_texts[x] and looks[x] is shown_looks[x]):
                x += 1
                continue
            self._go(x, y, out)
            pen = self._take_pen(text, looks[x], out)
            if text not in _ONE_CELL:
                self._send(text, out)
                self._at = None
                x += 1
                continue
            # On to the last cell that differs and can be written with this pen, over a few that do not differ.
            on_space = self._one(pen.on_space)
            end = cell = x + 1
            while cell < last and cell - end <= _BRIDGE:
                text, look = texts[cell], looks[cell]
                if not (look is pen or (look is on_space and text == " ")) or text not in _ONE_CELL:
                    break
                cell += 1
                if text != shown_texts[cell - 1] or look is not shown_looks[cell - 1]:
                    end = cell
            self._send("".join([text for text in texts[x:end] if text]), out)
            self._at = end, y
            x = end

    def _go(self, x: int, y: int, out: list[str]) -> None:
        at = self._at
        if at == (x, y):
            return
        if at is not None and at[1] == y and at[0] < x:
            self._send(f"\x1b[{x - at[0]}C", out)
        else:
            self._send(f"\x1b[{y + 1};{x + 1}H", out)

    def _take_pen(self, text: str, look: Look, out: list[str]) -> Look:
        """Write in this look from now on, where `text` shows it; return what is written in."""
        pen = self._pen
        if look is pen:
            return look
        if text == " " and pen is not None and not (pen.attributes | look.attributes) & SPACE_MARKS:
            # A space shows its background only, whatever else the pen has.
            look = self._one(Look(pen.attributes, pen.foreground, look.background))
        if sequence := _change(pen, look):
            self._send(sequence, out)
        self._pen = look
        return look


class _Row:
    """The cells of one row, as Textual wrote them and as the terminal shows them.

    A text that is not of one-cell characters stands in its first cell, "" in those behind; None is for the unknown.
    """

    __slots__ = ("looks", "shown_looks", "shown_texts", "texts")

    def __init__(self) -> None:
        self.texts: list[str | None] = []
        self.looks: list[Look] = []
        self.shown_texts: list[str | None] = []
        self.shown_looks: list[Look] = []

    def put(self, x: int, cells: list[str | None], looks: list[Look]) -> None:
        """Note what is written from `x` on."""
        end = x + len(cells)
        if (missing := end - len(self.texts)) > 0:
            for texts in (self.texts, self.shown_texts):
                texts.extend([None] * missing)
            for kept in (self.looks, self.shown_looks):
                kept.extend([PLAIN] * missing)
        for texts in (self.texts, self.shown_texts):
            _break_text(texts, x)
            _break_text(texts, end)
        self.texts[x:end] = cells
        self.looks[x:end] = looks

    def is_shown(self, first: int, last: int) -> bool:
        """Whether the terminal shows these cells already."""
        return (
            self.texts[first:last] == self.shown_texts[first:last]
            and self.looks[first:last] == self.shown_looks[first:last]
        )

    def now_shown(self, first: int, last: int) -> None:
        """Note that the terminal shows these cells as they were written."""
        self.shown_texts[first:last] = self.texts[first:last]
        self.shown_looks[first:last] = self.looks[first:last]


def _break_text(texts: list[str | None], x: int) -> None:
    """Forget a text of several cells that is cut at `x`."""
    if x >= len(texts) or texts[x] != "":
        return
    first = last = x
    while texts[first] == "" and first:
        first -= 1
    while last < len(texts) and texts[last] == "":
        last += 1
    texts[first:last] = [None] * (last - first)


@lru_cache(_MOST_LOOKS)
def _change(old: Look | None, new: Look) -> str:
    if old is None:
        return "\x1b[m" + change(PLAIN, new)
    return change(old, new)

"""Fitting a line of parts into a width: the least important parts go first, and no word is ever cut in two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len, chop_cells


class Piece(NamedTuple):
    """A piece of text and the name of its style."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that is told as a whole or not at all."""

    pieces: tuple[Piece, ...]
    importance: int
    """Parts of less importance go first where the width does not do."""
    short: tuple[Piece, ...] | None = None
    """How to say it in less room; tried before any part goes."""
    cells: int = 0
    """Least width: padded with spaces, so that what follows does not move while a number ticks."""

    def width(self, brief: bool = False) -> int:
        """Cells that it takes."""
        pieces = self.short if brief and self.short is not None else self.pieces
        return max(sum(cell_len(piece.text) for piece in pieces), 0 if brief else self.cells)


def part(
    importance: int, *pieces: tuple[str, str] | str, short: Sequence[tuple[str, str]] = (), cells: int = 0
) -> Part:
    """A part of pieces, each a text or a text and the name of its style."""
    made = tuple(Piece(piece) if isinstance(piece, str) else Piece(*piece) for piece in pieces)
    return Part(made, importance, tuple(Piece(*piece) for piece in short) or None, cells)


def shorten(text: str, width: int) -> str:
    """`text` in at most `width` cells, cut between words where it has to be, with "…" at its end."""
    if cell_len(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    head = chop_cells(text, width - 1)[0]
    words = head.rpartition(" ")[0] if " " in head and text[len(head) : len(head) + 1] != " " else head
    return (words if len(words) * 2 >= len(head) else head).rstrip(" ,;:·") + "…"


def shorten_middle(text: str, width: int) -> str:
    """`text` in at most `width` cells, its beginning and end kept."""
    if cell_len(text) <= width:
        return text
    if width < 3:
        return "…"[:width]
    half = (width - 1) // 2
    tail, cells = len(text), 0
    while tail and cells + cell_len(text[tail - 1]) <= half:
        tail -= 1
        cells += cell_len(text[tail])
    return f"{chop_cells(text, width - 1 - half)[0]}…{text[tail:]}"


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells, broken between words; only a longer word is cut."""
    width = max(2, width)
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if cell_len(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *full, line = chop_cells(word, width) or [""]
        lines.extend(full)
    return [*lines, line]


def fit(parts: Sequence[Part], width: int, gaps: tuple[int, ...] = (3, 2)) -> list[Piece]:
    """The pieces of a line no wider than `width`, with spaces between the parts.

    Tried in this order: wide gaps, narrow gaps, short forms from the least important part on, leaving parts out.
    """
    if width <= 0 or not parts:
        return []
    shown = list(parts)
    brief: set[int] = set()
    for gap in gaps:
        if _width(shown, brief, gap) <= width:
            return _line(shown, brief, gap, width)
    gap = gaps[-1]
    by_importance = sorted(range(len(parts)), key=lambda index: parts[index].importance)
    for index in by_importance:
        if parts[index].short is not None:
            brief.add(id(parts[index]))
            if _width(shown, brief, gap) <= width:
                return _line(shown, brief, gap, width)
    for index in by_importance[:-1]:
        shown.remove(parts[index])
        if _width(shown, brief, gap) <= width:
            # What was shortened in vain gets its room back, the most important first.
            for kept in sorted(shown, key=lambda part: -part.importance):
                if id(kept) in brief and _width(shown, brief - {id(kept)}, gap) <= width:
                    brief.discard(id(kept))
            return _line(shown, brief, gap, width)
    last = shown[0]
    pieces, room = [], width
    for piece in last.short or last.pieces:
        text = shorten(piece.text, room)
        pieces.append(Piece(text, piece.style))
        room -= cell_len(text)
        if room <= 0 or text != piece.text:
            break
    return pieces


def _width(parts: Sequence[Part], brief: set[int], gap: int) -> int:
    if not parts:
        return 0
    widths = [part.width(id(part) in brief) for part in parts]
    last = parts[-1]
    bare = sum(cell_len(piece.text) for piece in (last.short if id(last) in brief and last.short else last.pieces))
    return sum(widths[:-1]) + bare + gap * (len(parts) - 1)


def _line(parts: Sequence[Part], brief: set[int], gap: int, width: int) -> list[Piece]:
    line: list[Piece] = []
    for index, one in enumerate(parts):
        is_brief = id(one) in brief
        pieces = one.short if is_brief and one.short is not None else one.pieces
        if line:
            line.append(Piece(" " * gap))
        line.extend(pieces)
        if index < len(parts) - 1:
            spare = one.width(is_brief) - sum(cell_len(piece.text) for piece in pieces)
            if spare > 0:
                line.append(Piece(" " * spare))
    return line


def line_width(pieces: Sequence[Piece]) -> int:
    """Cells that a line takes."""
    return sum(cell_len(piece.text) for piece in pieces)

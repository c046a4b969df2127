"""How the panels share the screen: which grid, which panel where. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

LEAST_WIDTH, LEAST_HEIGHT = 38, 9
"""Cells below which a panel cannot show what it is for."""

NARROW, LOW = 100, 30
"""A screen narrower or lower than this shows one panel at a time."""


class Layout(StrEnum):
    """What the key for layouts goes through."""

    GRID = "grid"
    COLUMNS = "columns"
    ROWS = "rows"
    TABS = "tabs"


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A grid, and how many of its columns and rows each panel takes."""

    columns: int
    rows: int
    spans: tuple[tuple[int, int], ...]
    is_tabs: bool = False


TABS = Arrangement(1, 1, (), is_tabs=True)


def arrange(count: int, width: int, height: int, layout: Layout = Layout.GRID) -> Arrangement:
    """The arrangement of `count` panels on `width` × `height` cells: tabs where they would be too small."""
    if count <= 1:
        return Arrangement(1, 1, ((1, 1),) * count)
    if layout is Layout.TABS:
        return TABS
    if layout is Layout.COLUMNS:
        return _even([count], width, height)
    if layout is Layout.ROWS:
        return _even([1] * count, width, height)
    if width < NARROW or height < LOW:
        # A tall narrow screen still has room for panels one above the other.
        return _even([1] * count, width, height) if width >= 60 and height >= 14 * count else TABS
    if count == 3:
        return Arrangement(2, 2, ((1, 2), (1, 1), (1, 1))) if height >= 2 * LEAST_HEIGHT else TABS
    return _even(_rows(count, width, height), width, height)


def _rows(count: int, width: int, height: int) -> list[int]:
    """How many panels stand in each row: rows as even as they can be, the longer ones below."""
    most = max(1, width // (56 if width // 56 >= 2 else LEAST_WIDTH))
    columns = min(most, math.ceil(math.sqrt(count)))
    if math.ceil(count / columns) * LEAST_HEIGHT > height:
        columns = min(count, max(1, width // LEAST_WIDTH))
    rows = math.ceil(count / columns)
    fewer, longer = divmod(count, rows)
    return [fewer] * (rows - longer) + [fewer + 1] * longer


def _even(rows: list[int], width: int, height: int) -> Arrangement:
    if max(rows) * LEAST_WIDTH > width or len(rows) * LEAST_HEIGHT > height:
        return TABS
    columns = math.lcm(*rows)
    spans = tuple((columns // row, 1) for row in rows for _ in range(row))
    return Arrangement(columns, len(rows), spans)

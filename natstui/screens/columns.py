"""Which columns a message list has, in which order and how wide; every change shows in the list at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from natstui.keys import bindings
from natstui.screens.leaving import Dialog
from natstui.widgets.fitting import part
from natstui.widgets.line import Line
from natstui.widgets.message_columns import COLUMN_KEYS, COLUMN_SETS, WIDTHS, Column

EXPLAINED = {
    "time": "when it came, or since another (t)",
    "subject": "in a colour of its own",
    "size": "of the payload",
    "reply": "the subject for answers",
    "headers": "all on one line",
    "payload": "its beginning",
}
KEY_LINES = (
    (("space", "show or not"), ("shift+↑↓", "move"), ("←→", "width"), ("0", "own width")),
    (("d", "default"), ("enter", "keep"), ("esc", "undo")),
)
NARROWEST, WIDEST = 4, 200
FIRST_WIDTH = 24
"""Cells that a column of no width of its own has once it is given one."""


class ColumnOptions(OptionList):
    """The columns; enter takes them as they are."""

    BINDINGS = bindings("columns.accept")

    def action_accept(self) -> None:
        if isinstance(self.screen, ColumnsScreen):
            self.screen.action_accept()


class ColumnsScreen(Dialog[tuple[Column, ...]]):
    """Arranges columns; the result is what they are when the screen is left, the old ones where it was cancelled.

    Args:
        columns: the columns as they are, in their order.
        show: is told of every change.
    """

    BINDINGS = bindings(
        "columns.toggle",
        "columns.earlier",
        "columns.later",
        "columns.narrower",
        "columns.wider",
        "columns.auto",
        "columns.reset",
        "columns.cancel",
    )

    def __init__(self, columns: Sequence[Column], show: Callable[[Sequence[Column]], object]) -> None:
        super().__init__()
        self._before = tuple(columns)
        self._tell = show
        self._take(columns)

    def _take(self, columns: Sequence[Column]) -> None:
        hidden = [Column(key) for key in COLUMN_KEYS if all(column.key != key for column in columns)]
        self._columns = [*columns, *hidden]
        self._shown = {column.key for column in columns}

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns shown, in their order."""
        return tuple(column for column in self._columns if column.key in self._shown)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "columns"
            yield ColumnOptions(*map(self._option, self._columns), compact=True)
            for keys in KEY_LINES:
                yield Line([part(1, (key, "key"), f" {words}") for key, words in keys], classes="column-keys")

    def _option(self, column: Column) -> Option:
        is_shown = column.key in self._shown
        width = f"{column.width} cells" if column.width else f"{WIDTHS.get(column.key, 'as needed')}"
        return Option(
            Content.assemble(
                (" ✓ " if is_shown else "   ", "$text-success"),
                (f"{column.key:<10}", "$text-primary" if is_shown else "$text-muted"),
                (f"{width:<12}", "" if column.width else "$text-muted"),
                (EXPLAINED[column.key], "$text-muted"),
            ),
            id=column.key,
        )

    def _show(self, at: int) -> None:
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(map(self._option, self._columns))
        options.highlighted = at
        self._tell(self.columns)

    @property
    def _at(self) -> int:
        return self.query_one(OptionList).highlighted or 0

    def action_show(self) -> None:
        key = self._columns[self._at].key
        if self._shown == {key}:
            self.notify("A list needs at least one column.", severity="warning", markup=False, timeout=3)
            return
        self._shown ^= {key}
        self._show(self._at)

    def action_shift(self, step: int) -> None:
        at = self._at
        to = at + step
        if 0 <= to < len(self._columns):
            self._columns[at], self._columns[to] = self._columns[to], self._columns[at]
            self._show(to)

    def action_widen(self, step: int) -> None:
        column = self._columns[self._at]
        width = column.width or WIDTHS.get(column.key, FIRST_WIDTH)
        self._columns[self._at] = Column(column.key, min(max(width + step, NARROWEST), WIDEST))
        self._show(self._at)

    def action_auto(self) -> None:
        self._columns[self._at] = Column(self._columns[self._at].key)
        self._show(self._at)

    def action_reset(self) -> None:
        self._take(COLUMN_SETS[0])
        self._show(0)

    def action_accept(self) -> None:
        self.dismiss(self.columns)

    def action_cancel(self) -> None:
        self._tell(self._before)
        self.dismiss(self._before)

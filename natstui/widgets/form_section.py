"""A part of a form under a heading that folds it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widget import Widget

from natstui.keys import bindings
from natstui.stream.sanitise import sanitise
from natstui.widgets.fitting import part
from natstui.widgets.line import Line


class FormScroll(VerticalScroll, can_focus=False):
    """Holds a form that may be higher than the screen; what has the focus stays in view when its room changes."""

    def on_resize(self) -> None:
        focused = self.screen.focused
        if focused is not None and self in focused.ancestors:
            self.call_after_refresh(focused.scroll_visible, animate=False)


class SectionHeading(Line, can_focus=True):
    """The heading of a section; where it is folded, with words on what it holds."""

    BINDINGS = bindings("section.toggle", "section.open", "section.close")

    @dataclass
    class Turned(Message):
        """The section shall be open or folded; None for the other of the two."""

        is_open: bool | None

    def action_turn(self, is_open: bool | None = None) -> None:
        self.post_message(self.Turned(is_open))

    def on_click(self) -> None:
        self.action_turn()


class FormSection(Vertical):
    """Rows under a heading.

    Args:
        title: the heading.
        rows: what it holds, each one line high.
        summary: says, while it is folded, what it holds, the weightiest first; it must tell no secret.
    """

    @dataclass
    class Turned(Message):
        """The section was opened or folded."""

        section: FormSection

    def __init__(
        self, title: str, rows: Sequence[Widget], summary: Callable[[], Sequence[str]], *, is_open: bool = False
    ) -> None:
        super().__init__(classes="form-section")
        self.title = title
        self._rows = rows
        self._summary = summary
        self._is_open = is_open

    def compose(self) -> ComposeResult:
        yield SectionHeading(classes="form-heading", gaps=(2,))
        with Vertical(classes="form-rows"):
            yield from self._rows

    def on_mount(self) -> None:
        self._show()

    @property
    def heading(self) -> SectionHeading:
        """The heading."""
        return self.query_one(SectionHeading)

    @property
    def height(self) -> int:
        """Lines of its rows, without the heading."""
        return len(self._rows)

    @property
    def is_open(self) -> bool:
        """Whether its rows are shown."""
        return self._is_open

    @is_open.setter
    def is_open(self, is_open: bool) -> None:
        self._is_open = is_open
        self._show()

    @on(SectionHeading.Turned)
    def _turn(self, message: SectionHeading.Turned) -> None:
        message.stop()
        self.is_open = not self._is_open if message.is_open is None else message.is_open
        self.post_message(self.Turned(self))

    def _show(self) -> None:
        self.query_one(".form-rows").display = self._is_open
        heading = part(90, (f"{'-' if self._is_open else '+'} {self.title}", "strong"), cells=20)
        told = [] if self._is_open else self._summary()
        self.heading.show(
            [heading, *(part(80 - place, (sanitise(words), "label")) for place, words in enumerate(told))]
        )

"""A choice between a few words on one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from natstui.keys import bindings
from natstui.widgets.component_styles import ComponentStyles


class Choice(ComponentStyles, can_focus=True):
    """Words of which one is chosen, with the arrow keys or space."""

    COMPONENT_PREFIX = "choice"
    COMPONENT_CLASSES: ClassVar[set[str]] = {"choice--chosen", "choice--other"}
    BINDINGS = bindings("choice.next", "choice.previous")

    chosen: reactive[int] = reactive(0)
    """The number of the chosen word, from 0 on."""

    @dataclass
    class Changed(Message):
        """Another word was chosen."""

        choice: Choice

        @property
        def control(self) -> Choice:
            return self.choice

    def __init__(self, words: Sequence[str], chosen: int = 0, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.words = tuple(words)
        self.set_reactive(Choice.chosen, chosen)
        self.styles.width = sum(len(word) + 2 for word in self.words)

    @property
    def value(self) -> str:
        """The chosen word."""
        return self.words[self.chosen]

    @value.setter
    def value(self, word: str) -> None:
        self.chosen = self.words.index(word)

    def render_line(self, y: int) -> Strip:
        segments = [
            Segment(f" {word} ", self.component_style("chosen" if number == self.chosen else "other"))
            for number, word in enumerate(self.words)
        ]
        return Strip(segments).adjust_cell_length(self.size.width).apply_style(self.rich_style)

    def watch_chosen(self) -> None:
        self.post_message(self.Changed(self))

    def action_step(self, step: int) -> None:
        self.chosen = (self.chosen + step) % len(self.words)

    def on_click(self) -> None:
        self.action_step(1)

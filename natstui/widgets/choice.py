"""A choice between a few words on one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class Choice(Widget, can_focus=True):
    """Words of which one is chosen, with the arrow keys or space."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"choice--chosen", "choice--other"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space,down", "step(1)", "Next choice", show=False, id="choice.next"),
        Binding("left,up", "step(-1)", "Previous choice", show=False, id="choice.previous"),
    ]

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

    def render(self) -> Content:
        return Content.assemble(
            *(
                (
                    f" {word} ",
                    self.get_visual_style("choice--chosen" if number == self.chosen else "choice--other", partial=True),
                )
                for number, word in enumerate(self.words)
            )
        )

    def watch_chosen(self) -> None:
        self.post_message(self.Changed(self))

    def action_step(self, step: int) -> None:
        self.chosen = (self.chosen + step) % len(self.words)

    def on_click(self) -> None:
        self.action_step(1)

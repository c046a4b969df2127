"""The looks of cells, and the shortest escape sequence from one to another."""

from __future__ import annotations

from typing import NamedTuple

_COLORS = {"3": "foreground", "9": "foreground", "4": "background", "10": "background"}

SPACE_MARKS = frozenset(("4", "5", "6", "7", "9", "21", "53"))
"""Attributes that can be seen on a space: underlines, strikes, blinking, reverse."""


class Look(NamedTuple):
    """How a cell looks: what a reset terminal is told by these parameters of SGR."""

    attributes: frozenset[str] = frozenset()
    """Parameters such as "1" for bold."""
    foreground: str = ""
    """Such as "38;2;255;0;0" or "31"; empty for the terminal's own."""
    background: str = ""

    @property
    def on_space(self) -> Look:
        """What of it can be seen on a space."""
        return self if self.attributes & SPACE_MARKS else Look(background=self.background)


PLAIN = Look()
"""A reset terminal's."""


def parse_look(parameters: str) -> Look:
    """The look after a reset and these parameters of SGR: "1;38;2;255;0;0"."""
    attributes: set[str] = set()
    foreground = background = ""
    words = parameters.split(";")
    position = 0
    while position < len(words):
        word = words[position]
        length = 1
        if word in ("38", "48"):
            length = {"5": 3, "2": 5}.get(words[position + 1] if position + 1 < len(words) else "", 1)
        whole = ";".join(words[position : position + length])
        position += length
        ground = _COLORS.get(word[:-1]) if word[-1:] not in ("", "9") else None
        if ground == "foreground":
            foreground = whole
        elif ground == "background":
            background = whole
        elif word in ("", "0"):
            attributes.clear()
            foreground = background = ""
        else:
            attributes.add(word)
    return Look(frozenset(attributes), foreground, background)


def change(old: Look, new: Look) -> str:
    """The escape sequence that makes a terminal which writes in `old` write in `new`."""
    if old == new:
        return ""
    if new == PLAIN:
        return "\x1b[m"
    parameters: list[str] = []
    if not old.attributes <= new.attributes:
        parameters.append("0")
        old = PLAIN
    parameters += sorted(new.attributes - old.attributes)
    if new.foreground != old.foreground:
        parameters.append(new.foreground or "39")
    if new.background != old.background:
        parameters.append(new.background or "49")
    return f"\x1b[{';'.join(parameters)}m"

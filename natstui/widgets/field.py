"""Text fields of one line and the editor of payloads. What is pasted into them is shown sanitised."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.document._document import EditResult
from textual.document._edit import Edit
from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import Input, Label, TextArea

from natstui.stream.sanitise import sanitise

HIGHLIGHTED = 20_000
"""Characters of a line that are highlighted; a line beyond it is nothing that a person edits."""

WRAPPED = 50_000
"""Characters of the longest line that is wrapped: wrapping a megabyte anew takes a second, at every key."""

_JSON_TOKEN = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*+")(?=\s*:)|(?P<string>"(?:[^"\\]|\\.)*+"?)'
    r"|(?P<number>-?\d[\d.eE+-]*)|(?P<literal>\b(?:true|false|null)\b)|(?P<mark>[{}\[\],:])"
)


class Field(Input):
    """A field of one line. Control characters that are pasted into it become visible ones."""

    def __init__(
        self,
        value: str = "",
        *,
        placeholder: str = "",
        id: str | None = None,
        password: bool = False,
        is_selected_on_focus: bool = False,
    ) -> None:
        super().__init__(
            value,
            placeholder=placeholder,
            id=id,
            password=password,
            compact=True,
            select_on_focus=is_selected_on_focus,
        )

    def on_mount(self) -> None:
        self.cursor_position = len(self.value)

    def action_delete_left_all(self) -> None:
        """Empty the field, as ctrl+u does in a shell with the cursor at the end."""
        self.value = ""

    def validate_value(self, value: str) -> str:
        """A password is kept as it is, since it is never shown."""
        return value if self.password else sanitise(value)

    @property
    def text(self) -> str:
        """What the field says, without white space around it."""
        return self.value.strip()


class LabelledField(Horizontal):
    """A label and the field that it names, on one line."""

    def __init__(self, label: str, field: Field, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._label = label
        self._field = field

    def compose(self) -> ComposeResult:
        yield Label(self._label, classes="field-label", markup=False)
        yield self._field


class Editor(TextArea):
    """A text editor whose lines are shown sanitised and kept as they are.

    JSON is highlighted line by line, since no token of it spans two lines.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *TextArea.COMPONENT_CLASSES,
        *(f"editor--{name}" for name in ("key", "string", "number", "literal", "mark")),
    }

    def __init__(
        self, text: str = "", *, highlights_json: bool = False, placeholder: str = "", id: str | None = None
    ) -> None:
        wraps = _longest_line(text.splitlines()) <= WRAPPED
        super().__init__(
            text, placeholder=placeholder, id=id, compact=True, soft_wrap=wraps, highlight_cursor_line=False
        )
        self._highlights_json = highlights_json

    def render_lines(self, crop: Region) -> list[Strip]:
        # Its component styles end with it, and Textual may paint it once more before the rest is placed anew.
        return super().render_lines(crop) if self.parent is not None else [Strip.blank(crop.width)] * crop.height

    def load_text(self, text: str) -> None:
        self._wrap_where_short(text.splitlines())
        super().load_text(text)

    def edit(self, edit: Edit) -> EditResult:
        if len(edit.text) > WRAPPED:
            self._wrap_where_short(edit.text.splitlines())
        result = super().edit(edit)
        self._wrap_where_short(self.document.lines)
        return result

    def _wrap_where_short(self, lines: Sequence[str]) -> None:
        wraps = _longest_line(lines) <= WRAPPED
        if wraps != self.soft_wrap:
            self.soft_wrap = wraps

    def get_line(self, line_index: int) -> Text:
        """The line as it is shown: as many characters as there are, each of them harmless."""
        line = self.document.get_line(line_index)
        text = Text("\t".join(sanitise(piece) for piece in line.split("\t")), end="", no_wrap=True)
        if self._highlights_json:
            for match in _JSON_TOKEN.finditer(text.plain, 0, HIGHLIGHTED):
                name = match.lastgroup or "mark"
                text.stylize(self.get_component_rich_style(f"editor--{name}", partial=True), *match.span(name))
        return text

    def json_problem(self) -> str | None:
        """Where the text ceases to be JSON, in words; empty where it is JSON, None where there is no text."""
        if not self.text.strip():
            return None
        try:
            json.loads(self.text)
        except json.JSONDecodeError as error:
            return f"line {error.lineno}, column {error.colno}: {error.msg[:1].lower()}{error.msg[1:]}"
        except (ValueError, RecursionError):
            return "nested too deeply, or a number too long"
        return ""

    def format_json(self) -> bool:
        """Lay the text out as indented JSON; False where it is none. Can be undone."""
        try:
            value = json.loads(self.text)
            formatted = json.dumps(value, indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            return False
        if formatted != self.text:
            self.replace(formatted, (0, 0), self.document.end)
        return True


def _longest_line(lines: Sequence[str]) -> int:
    return max(map(len, lines), default=0)

"""A whole message to scroll through. Rows are styled as they come into view, so a payload of 64 MB opens at once."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from natstui.stream.ring import Record
from natstui.widgets.message_document import MessageDocument, View
from natstui.widgets.message_rows import restyle
from natstui.widgets.subject_palette import color_number, palette

COPIED_ROWS = 20_000
"""Rows of a text selection that are copied at most."""


class MessageBody(ScrollView, can_focus=True):
    """Fields, headers and payload of one message, wrapped to the width. `show` says which."""

    KINDS = (
        *("label", "value", "name", "rule", "title", "other-view", "note", "offset", "ascii"),
        *("key", "string", "number", "literal", "mark", "other"),
    )
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"message-body--{kind}" for kind in KINDS}

    DEFAULT_CSS = """
    MessageBody {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        & > .message-body--label { color: $text-muted; }
        & > .message-body--value { color: $foreground; }
        & > .message-body--name { color: $text-secondary; }
        & > .message-body--rule { color: $text-disabled; }
        & > .message-body--title { color: $background; background: $primary; text-style: bold; }
        & > .message-body--other-view { color: $text-muted; }
        & > .message-body--note { color: $text-warning; }
        & > .message-body--offset { color: $text-muted; }
        & > .message-body--ascii { color: $text-primary; }
        & > .message-body--key { color: $text-primary; }
        & > .message-body--string { color: $foreground; }
        & > .message-body--number { color: $text-success; }
        & > .message-body--literal { color: $text-warning; }
        & > .message-body--mark { color: $text-muted; }
        & > .message-body--other { color: $foreground; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", show=False, id="message.up", tooltip="One row up"),
        Binding("down", "scroll_down", "Down", show=False, id="message.down", tooltip="One row down"),
        Binding("pageup,b", "page_up", "Page up", show=False, id="message.page_up", tooltip="One page up"),
        Binding(
            "pagedown,space", "page_down", "Page down", show=False, id="message.page_down", tooltip="One page down"
        ),
        Binding("home,g", "scroll_home", "Top", show=False, id="message.top", tooltip="To the first row"),
        Binding("end,G", "scroll_end", "End", show=False, id="message.end", tooltip="To the last row"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._message: tuple[Record, float, float | None] | None = None
        self._view = View.TEXT
        self._all_headers = False
        self._document: MessageDocument | None = None
        self._styles: dict[str, Style] = {}

    @property
    def document(self) -> MessageDocument | None:
        """The rows shown, made for the present width when they are first needed."""
        width = self.scrollable_content_region.width
        if self._message is None or width <= 0:
            return None
        if self._document is None or self._document.width != max(20, width):
            record, at, since = self._message
            self._document = MessageDocument(record, at, width, self._view, self._all_headers, since)
        return self._document

    def show(
        self, record: Record, at: float, view: View, *, all_headers: bool = False, since: float | None = None
    ) -> None:
        """Shows a message from its beginning on, or the same message in another way, as far down as it was."""
        same = self._message is not None and self._message[0] is record
        self._message, self._view, self._all_headers = (record, at, since), view, all_headers
        self._document = None
        self._styles.pop("subject", None)
        self._measure()
        if not same:
            self.scroll_to(y=0, animate=False, force=True)
        self.refresh()

    def _measure(self) -> None:
        size = Size(self.scrollable_content_region.width, len(self.document or ()))
        if size != self.virtual_size:
            self.set_reactive(Widget.virtual_size, size)
            self._scroll_update(size)

    def on_resize(self) -> None:
        self._measure()
        self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()

    def _style(self, kind: str) -> Style:
        style = self._styles.get(kind)
        if style is None:
            style = self._styles[kind] = self._find_style(kind)
        return style

    def _find_style(self, kind: str) -> Style:
        if kind == "space" or self._message is None:
            return Style()
        if kind == "subject":
            color = palette(self.background_colors[1])[color_number(self._message[0][0])]
            return Style(color=color.rich_color, bold=True)
        component = f"message-body--{kind}"
        rules, whole = self.get_component_styles(component), self.get_component_rich_style(component)
        background = whole.bgcolor if rules.has_rule("background") else None
        return rules.text_style + Style(color=whole.color, bgcolor=background)

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        width, number, document = self.scrollable_content_region.width, y + self.scroll_offset.y, self.document
        if document is None or number >= len(document):
            return Strip.blank(width, self.rich_style)
        segments = [Segment(text, self._style(kind)) for text, kind in self._pieces(document, number)]
        strip = Strip(segments, sum(cell_len(segment.text) for segment in segments)).adjust_cell_length(width, Style())
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(number)) is not None:
            strip = restyle(strip, span, self.screen.get_component_rich_style("screen--selection"))
        return strip.apply_style(self.rich_style).apply_offsets(0, number)

    @staticmethod
    def _pieces(document: MessageDocument, number: int) -> list[tuple[str, str]]:
        return [(piece.text, piece.kind) for piece in document[number].pieces]

    @property
    def allow_select(self) -> bool:
        return True

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text; what was broken only for lack of width is whole again."""
        document = self.document
        if document is None:
            return None
        first = 0 if selection.start is None else max(0, selection.start.y)
        last = len(document) - 1 if selection.end is None else min(len(document) - 1, selection.end.y)
        text = ""
        for number in range(first, min(last, first + COPIED_ROWS) + 1):
            row = document[number]
            start, end = selection.get_span(number) or (0, 0)
            start = max(start, row.indent) if number > first else start
            part = row.text[start:] if end == -1 else row.text[start:end]
            text += part if row.wrapped or number == first else "\n" + part
        return text, "\n"

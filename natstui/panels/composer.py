"""Where a message is written: headers and payload, with what there is to say about the payload."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Label, TextArea

from natstui.drafts import parse_header_lines
from natstui.widgets.field import Editor
from natstui.widgets.fitting import Part, part
from natstui.widgets.line import Line
from natstui.widgets.time_words import bytes_words


class Composer(Vertical):
    """Headers as lines, the payload in an editor that highlights JSON and says whether it is any."""

    def __init__(self, headers: str = "", payload: str = "") -> None:
        super().__init__()
        self._first_headers, self._first_payload = headers, payload
        self._most_bytes: int | None = None

    def compose(self) -> ComposeResult:
        with Horizontal(classes="headers-row"):
            yield Label("headers", classes="field-label")
            yield Editor(self._first_headers, placeholder="Name: value, one per line", id="headers")
        yield Line(classes="payload-line", gaps=(1,))
        yield Editor(self._first_payload, highlights_json=True, placeholder="JSON or text", id="payload")

    def on_mount(self) -> None:
        self.set_class(bool(self._first_headers.strip()), "-has-headers")
        self._show_payload()

    @property
    def headers_editor(self) -> Editor:
        return self.query_one("#headers", Editor)

    @property
    def payload_editor(self) -> Editor:
        return self.query_one("#payload", Editor)

    @property
    def payload(self) -> bytes:
        """The payload as it goes onto the wire."""
        return self.payload_editor.text.encode("utf-8", "surrogateescape")

    @property
    def headers(self) -> dict[str, str | list[str]]:
        """The headers as they go onto the wire. Raises HeaderError."""
        return parse_header_lines(self.headers_editor.text)

    def load(self, headers: str, payload: str) -> None:
        """Show another message's headers and payload."""
        self.headers_editor.text = headers
        self.payload_editor.text = payload

    def format_json(self) -> bool:
        """Lay the payload out as indented JSON; False where it is none."""
        return self.payload_editor.format_json()

    def show_limit(self, most_bytes: int | None) -> None:
        """The most bytes that the server takes in one message, once it is known."""
        if most_bytes != self._most_bytes:
            self._most_bytes = most_bytes
            self._show_payload()

    @on(TextArea.Changed, "#payload")
    def _payload_changed(self) -> None:
        self._show_payload()

    @on(TextArea.Changed, "#headers")
    def _headers_changed(self, message: TextArea.Changed) -> None:
        self.set_class(bool(message.text_area.text.strip()), "-has-headers")

    def _show_payload(self) -> None:
        editor = self.payload_editor
        size = len(self.payload)
        parts: list[Part] = [part(100, (" payload", "label"), cells=10)]
        problem = editor.json_problem()
        if problem is None:
            parts.append(part(90, ("empty", "label")))
        elif not problem:
            parts.append(part(90, ("json ", "label"), ("✓", "good")))
        elif editor.text.lstrip()[:1] in ("{", "[", '"'):
            parts.append(part(90, ("not json ", "warning"), (problem, "label"), short=(("not json", "warning"),)))
        else:
            parts.append(part(90, ("text", "label")))
        too_big = self._most_bytes is not None and size > self._most_bytes
        words = bytes_words(size) + (f", the server takes {bytes_words(self._most_bytes or 0)}" if too_big else "")
        self.query_one(".payload-line", Line).show(parts, [part(80, (words, "bad" if too_big else "label"))])

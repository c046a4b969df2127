"""One message whole: its fields, headers and payload as JSON, text or hex, with its neighbours a key away."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from natstui.confinement import Confined, Confinement
from natstui.screens.leaving import Dialog
from natstui.stream.export import ExportError, FileThere, save_payload, suggested_name
from natstui.stream.ring import MessageSource, Record
from natstui.stream.sanitise import sanitise
from natstui.widgets.field import Field
from natstui.widgets.key_line import KeyLine
from natstui.widgets.message_body import MessageBody
from natstui.widgets.message_document import View, best_view
from natstui.widgets.message_selection import CLIPBOARD_BYTES


class MessageDetail(Dialog[int]):
    """Shows the message with the absolute index `index` of `source`; the result is the index of the message shown last.

    Args:
        source: where the message and its neighbours are read: a ring, a snapshot, or what a filter leaves of one.
        index: its absolute index.
        directory: where files are saved unless the user says otherwise; the working directory by default.
        confinement: the only place where a hosted session saves.

    Raises:
        ValueError: there is no message with that index.
    """

    DEFAULT_CSS = """
    MessageDetail {
        align: center middle;
        background: $background 70%;
        & > #message {
            width: 100%;
            height: 100%;
            max-width: 160;
            border: round $primary;
            border-title-color: $text-primary;
            border-title-style: bold;
            border-subtitle-color: $text-muted;
            background: $background;
            padding: 0 1;
        }
        & KeyLine { height: 1; padding: 0; }
        & #outcome { height: auto; max-height: 3; display: none; color: $text-muted; }
        & #outcome.-shown { display: block; }
        & #outcome.-bad { color: $text-error; }
        & #save-as { display: none; height: 1; border: none; padding: 0 1; background: $surface; }
        & #save-as.-shown { display: block; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "Close", id="message.close", tooltip="Back to the list"),
        Binding("j", "view('json')", "JSON", id="message.json", tooltip="Show the payload as indented JSON"),
        Binding("t", "view('text')", "Text", id="message.text", tooltip="Show the payload as text"),
        Binding("x", "view('hex')", "Hex", id="message.hex", tooltip="Show every byte of the payload"),
        Binding("tab", "next_view", "Next view", show=False, id="message.next_view", tooltip="JSON, text, hex in turn"),
        Binding("n", "neighbour(1)", "Next", id="message.next", tooltip="The message after this one"),
        Binding("p", "neighbour(-1)", "Previous", id="message.previous", tooltip="The message before this one"),
        Binding("y", "copy", "Copy", id="message.copy", tooltip="Copy the payload to the clipboard"),
        Binding("s", "save", "Save", id="message.save", tooltip="Save the whole payload to a file"),
        Binding(
            "h", "headers", "Headers", show=False, id="message.headers", tooltip="Show all headers, or the first few"
        ),
    ]

    def __init__(
        self,
        source: MessageSource,
        index: int,
        *,
        directory: Path | None = None,
        confinement: Confinement | None = None,
    ) -> None:
        super().__init__()
        entry = source[index] if _has(source, index) else None
        if not isinstance(entry, tuple):
            raise ValueError(f"There is no message {index} to show.")
        self._source = source
        self.index = index
        """The absolute index of the message shown."""
        self.record: Record = entry
        """The message shown."""
        self._at = source.time_of(index)
        self._directory = directory
        self._confinement = confinement
        self._chosen_view: View | None = None
        self._all_headers = False
        self._overwrite: Path | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="message"):
            yield MessageBody(id="message-body")
            yield Static(id="outcome", markup=False)
            yield Field(id="save-as", placeholder="file to save the payload to")
            yield KeyLine()

    def on_mount(self) -> None:
        self._body.focus()
        self._show()

    @property
    def _body(self) -> MessageBody:
        return self.query_one(MessageBody)

    @property
    def view(self) -> View:
        """How the payload is shown: as chosen by key, else as suits it best."""
        return self._chosen_view or best_view(self.record[2])

    def _show(self) -> None:
        before = self._source.older(self.index)
        since = self._at - self._source.time_of(before) if before is not None else None
        self._body.show(self.record, self._at, self.view, all_headers=self._all_headers, since=since)
        box = self.query_one("#message")
        box.border_title = f"message {self.index + 1:,}"
        box.border_subtitle = self._place(before)

    def _place(self, before: int | None) -> str:
        after = self._source.newer(self.index)
        if before is None and after is None:
            return ""
        return "the oldest kept" if before is None else "the newest" if after is None else ""

    def action_close(self) -> None:
        if self.query_one("#save-as").has_class("-shown"):
            self._hide_input()
        else:
            self.dismiss(self.index)

    def action_view(self, view: str) -> None:
        self._chosen_view = View(view)
        self._show()

    def action_next_view(self) -> None:
        views = list(View)
        self.action_view(views[(views.index(self.view) + 1) % len(views)])

    def action_headers(self) -> None:
        self._all_headers = not self._all_headers
        self._show()

    def action_neighbour(self, step: int) -> None:
        index = self._source.newer(self.index) if step > 0 else self._source.older(self.index)
        entry = self._source[index] if index is not None else None
        if index is None or not isinstance(entry, tuple):
            self._say("This is the newest message." if step > 0 else "This is the oldest message kept.")
            return
        self._hide_input()
        self.index, self.record, self._at = index, entry, self._source.time_of(index)
        self._all_headers = False
        self._say("")
        self._show()

    def action_copy(self) -> None:
        payload = self.record[2]
        if len(payload) > CLIPBOARD_BYTES:
            self._say(f"{len(payload):,} bytes are too many for the clipboard: save them to a file (s).", bad=True)
            return
        self.app.copy_to_clipboard(payload.decode("utf-8", "replace"))
        self._say(f"Copied {len(payload):,} bytes.")

    def action_save(self) -> None:
        name = suggested_name(self.record, self._at)
        field = self.query_one("#save-as", Field)
        field.value = str(self._directory / name) if self._directory else name
        field.cursor_position = len(field.value)
        field.add_class("-shown")
        field.focus()
        self._overwrite = None
        self._say("Save the payload as: enter saves, esc does not.")

    @on(Input.Changed, "#save-as")
    def _name_changed(self, event: Input.Changed) -> None:
        if self._overwrite is not None and Path(event.value) != self._overwrite:
            self._overwrite = None

    @on(Input.Submitted, "#save-as")
    def _save_as(self, event: Input.Submitted) -> None:
        event.stop()
        if not event.value.strip():
            self._say("Give the file a name, or press esc.", bad=True)
            return
        path = Path(event.value.strip())
        if self._confinement is not None:
            try:
                path = self._confinement.place(event.value)
            except Confined as error:
                self._say(str(error), bad=True)
                return
        self._write(path, self.record, overwrite=path == self._overwrite)

    @work(thread=True, exclusive=True, group="save", description="Saving a payload")
    def _write(self, path: Path, record: Record, overwrite: bool) -> None:
        try:
            written = save_payload(path, record, overwrite=overwrite)
        except FileThere:
            self.app.call_from_thread(self._exists, path)
        except ExportError as error:
            self.app.call_from_thread(self._say, str(error), bad=True)
        else:
            self.app.call_from_thread(self._saved, path, written)

    def _exists(self, path: Path) -> None:
        self._overwrite = path
        self._say(f"{path} exists: enter again overwrites it, or change the name.", bad=True)

    def _saved(self, path: Path, written: int) -> None:
        self._hide_input()
        self._say(f"Saved {written:,} bytes to {path}")

    def _hide_input(self) -> None:
        self.query_one("#save-as").remove_class("-shown")
        self._body.focus()
        self._say("")

    def _say(self, words: str, *, bad: bool = False) -> None:
        outcome = self.query_one("#outcome", Static)
        outcome.update(sanitise(words))
        outcome.set_class(bool(words), "-shown")
        outcome.set_class(bad, "-bad")


def _has(source: MessageSource, index: int) -> bool:
    try:
        source[index]
    except IndexError:
        return False
    return True

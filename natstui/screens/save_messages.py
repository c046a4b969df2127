"""Messages of a list into a file of JSON lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from natstui.confinement import Confined, Confinement
from natstui.keys import bindings
from natstui.screens.leaving import Dialog
from natstui.stream.export import ExportError, FileThere, save_json_lines, suggested_list_name, timed_entries
from natstui.stream.ring import EntrySequence
from natstui.stream.sanitise import sanitise
from natstui.widgets.field import Field, LabelledField
from natstui.widgets.fitting import part
from natstui.widgets.line import Line


class SaveMessages(Dialog[str]):
    """Asks for a file and writes it in a thread; the result says what was written, empty for nothing.

    Args:
        source: where the messages are read; nothing may be added to it meanwhile.
        indices: which of its entries are written, gap markers among them.
        at: seconds since the epoch, for the name that is offered.
        confinement: the only place where a hosted session saves.
    """

    BINDINGS = bindings("screen.back")

    def __init__(
        self, source: EntrySequence, indices: Sequence[int], at: float, confinement: Confinement | None = None
    ) -> None:
        super().__init__()
        self._source, self._indices, self._at = source, indices, at
        self._confinement = confinement
        self._overwrite: Path | None = None

    def compose(self) -> ComposeResult:
        entries = "entry" if len(self._indices) == 1 else "entries"
        with Vertical(classes="dialog -wide") as dialog:
            dialog.border_title = "save messages"
            yield Static(
                f"{len(self._indices):,} {entries} of the list, one line of JSON each, nothing of it lost.",
                classes="dialog-text",
                markup=False,
            )
            yield LabelledField("file", Field(suggested_list_name(self._at), id="file"))
            yield Static(id="outcome", classes="dialog-text", markup=False)
            yield Line(
                [part(2, ("enter", "key"), " saves"), part(1, ("esc", "key"), " leaves it")], classes="dialog-keys"
            )

    def on_mount(self) -> None:
        self.query_one("#file").focus()

    @on(Input.Changed)
    def _changed(self) -> None:
        self._overwrite = None

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        name = event.value.strip()
        if not name:
            self._say("Give the file a name, or press esc.")
            return
        try:
            path = Path(name) if self._confinement is None else self._confinement.place(name)
        except Confined as error:
            self._say(str(error))
            return
        self._say("Writing …")
        self._write(path, overwrite=path == self._overwrite)

    @work(thread=True, exclusive=True, group="save", description="Saving messages")
    def _write(self, path: Path, overwrite: bool) -> None:
        try:
            written = save_json_lines(path, timed_entries(self._source, self._indices), overwrite=overwrite)
        except FileThere:
            self.app.call_from_thread(self._exists, path)
        except ExportError as error:
            self.app.call_from_thread(self._say, str(error))
        else:
            self.app.call_from_thread(self.dismiss, f"Saved {written:,} lines to {path}")

    def _exists(self, path: Path) -> None:
        self._overwrite = path
        self._say(f"{path} exists: enter again overwrites it, or change the name.")

    def _say(self, words: str) -> None:
        self.query_one("#outcome", Static).update(sanitise(words))

    def action_back(self) -> None:
        self.dismiss("")

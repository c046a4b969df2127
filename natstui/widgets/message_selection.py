"""What is done with messages of the list: choosing one or several, marking one, opening, copying and saving them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from natstui.stream.ring import EntrySequence, MessageSource, Record
from natstui.stream.sanitise import sanitise_bytes
from natstui.widgets.message_scroll import MessageScroll
from natstui.widgets.time_words import count

CLIPBOARD_BYTES = 256 * 1024
"""Bytes that are copied at most: terminals drop larger clipboard sequences without a word."""


class MessageSelection(MessageScroll):
    """A list of messages of which one is chosen, several may be selected, and one may be marked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, action, words, show=show, id=f"messages.{name}", tooltip=tooltip)
        for keys, action, words, show, name, tooltip in (
            ("enter", "open", "detail", True, "open", "Show the whole message: headers, payload as JSON, text or hex"),
            ("v", "select", "Select", False, "select", "Select from here on by moving, or end the selection"),
            ("shift+up,K", "extend(-1)", "Select up", False, "select_up", "Select the message above as well"),
            ("shift+down,J", "extend(1)", "Select down", False, "select_down", "Select the message below as well"),
            ("y", "copy_payload", "Copy payload", False, "copy_payload", "Copy the payload, or those selected"),
            ("Y", "copy_subject", "Copy subject", False, "copy_subject", "Copy the subject, or those selected"),
            ("w", "save", "Save messages", False, "save", "Save what is selected, or all that is shown, as JSON lines"),
            ("m", "mark", "Mark", False, "mark", "Mark this message, and show each one's time since; again: no more"),
        )
    ]

    @dataclass
    class Opened(Message):
        """A message was chosen to be shown whole."""

        message_list: MessageSelection
        index: int
        """Its absolute index."""
        record: Record
        at: float
        """When it arrived, in seconds since the epoch."""
        source: MessageSource
        """Where the messages before and after it are read; stays as it is while the ring goes on."""

        @property
        def control(self) -> MessageSelection:
            return self.message_list

    class SelectionChanged(Message):
        """Other messages are selected than before, or none any more."""

        def __init__(self, message_list: MessageSelection) -> None:
            super().__init__()
            self.message_list = message_list

        @property
        def control(self) -> MessageSelection:
            return self.message_list

    class SaveWanted(Message):
        """Messages are to be saved."""

        def __init__(self, message_list: MessageSelection, source: EntrySequence, indices: Sequence[int]) -> None:
            super().__init__()
            self.message_list = message_list
            self.source = source
            """Where they are read."""
            self.indices = indices
            """The absolute indices of what is selected, or of all that is shown."""

        @property
        def control(self) -> MessageSelection:
            return self.message_list

    # One

    def choose(self, index: int) -> None:
        """Puts the cursor on the message with that absolute index, if it is shown."""
        row = self._view.row_of(index)
        if self._view.index_at(row) == index:
            self._move_to(row)

    def on_click(self, event: events.Click) -> None:
        if self.text_selection is not None:
            return
        index = self._view.index_at(event.y + self.scroll_offset.y)
        if index is None:
            return
        if event.shift and self._view.anchor is None:
            self._begin_selection()
        if index != self.cursor_index:
            self._move_to(self._view.row_of(index))
        if event.chain == 2:
            self.action_open()

    def action_open(self) -> None:
        if chosen := self._view.chosen():
            index, record = chosen
            at = self.source.time_of(index)
            self._hold()
            self._view.choose(index)
            self.post_message(self.Opened(self, index, record, at, self._view.walk()))

    # Several

    @property
    def selected_count(self) -> int:
        """Messages that are selected; 0 without a selection."""
        return len(self._view.selected()) if self._view.anchor is not None else 0

    def _begin_selection(self) -> None:
        cursor = self.cursor_index
        self._hold()
        if cursor is not None:
            self._view.choose(cursor)
        self._view.anchor = cursor
        self._selection_changed()

    def end_selection(self) -> None:
        """Selects no more than the message under the cursor."""
        if self._view.anchor is not None:
            self._view.anchor = None
            self._selection_changed()

    def _selection_changed(self) -> None:
        self.refresh()
        self.refresh_bindings()
        self.post_message(self.SelectionChanged(self))

    def _move_to(self, row: int) -> None:
        super()._move_to(row)
        if self._view.anchor is not None:
            self._selection_changed()

    def action_select(self) -> None:
        if self._view.anchor is None:
            self._begin_selection()
        else:
            self.end_selection()

    def action_extend(self, step: int) -> None:
        if self._view.anchor is None:
            self._begin_selection()
        if self._view.anchor is not None:
            self._move_to(self._cursor_row() + step)

    def _move_down(self, rows: int) -> None:
        if self._view.anchor is not None:
            # Following again would end the selection.
            self._move_to(self._cursor_row() + rows)
        else:
            super()._move_down(rows)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "end_filter" and self._view.anchor is not None:
            return True
        return super().check_action(action, parameters)

    def action_end_filter(self) -> None:
        if self._view.anchor is not None:
            self.end_selection()
        else:
            super().action_end_filter()

    def action_words(self, action: str) -> str:
        """What a key does now, where that is not always the same."""
        if action == "end_filter" and self._view.anchor is not None:
            return "end selection"
        return "follow" if action == "toggle_follow" and not self.following else ""

    def action_copy_payload(self) -> None:
        chosen = self._view.selected()
        if not chosen:
            return
        if len(chosen) == 1:
            size = len(chosen[0][1][2])
            advice = "are too many for the clipboard: open the message (enter) and save it (s)."
            self._copy([chosen[0][1][2]], f"{size:,} bytes {advice}", f"Copied the payload, {size:,} bytes.")
            return
        payloads = [record[2] for _, record in chosen]
        size = sum(map(len, payloads)) + len(payloads) - 1
        self._copy(
            payloads,
            f"{len(chosen):,} payloads with {size:,} bytes are too many for the clipboard: save them to a file (w).",
            f"Copied {len(chosen):,} payloads, {size:,} bytes.",
        )

    def action_copy_subject(self) -> None:
        subjects = [record[0] for _, record in self._view.selected()]
        if not subjects:
            return
        copied = sanitise_bytes(subjects[0][:200]) if len(subjects) == 1 else f"{len(subjects):,} subjects."
        too_many = "These subjects are too many for the clipboard: save the messages to a file (w)."
        self._copy(subjects, too_many, f"Copied {copied}")

    def _copy(self, texts: Sequence[bytes], too_large: str, copied: str) -> None:
        if sum(map(len, texts)) + len(texts) > CLIPBOARD_BYTES:
            self.app.notify(too_large, severity="warning", markup=False)
            return
        self.app.copy_to_clipboard("\n".join(text.decode("utf-8", "replace") for text in texts))
        self.end_selection()
        self.app.notify(copied, markup=False)

    def action_save(self) -> None:
        view, span = self._view, self._view.selected_range
        kept = view.ring.snapshot() if view.source is view.ring else view.source
        indices = view.shown() if span is None else [index for index, _ in view.selected()]
        if indices:
            self.post_message(self.SaveWanted(self, kept, indices))

    # The mark

    def action_mark(self) -> None:
        chosen, view = self._view.chosen(), self._view
        if chosen is None:
            return
        index = chosen[0]
        if view.mark is not None and view.mark[0] == index:
            view.mark = None
        else:
            self._hold()
            view.choose(index)
            view.mark = index, view.source.time_of(index)
        self._mark_changed()

    def _mark_changed(self) -> None:
        """Another message is the marked one, or none is any more."""

    def marked_words(self) -> str:
        """Which message is marked, in words; empty where none is."""
        return "" if self._view.mark is None else f"since message {count(self._view.mark[0] + 1)}"

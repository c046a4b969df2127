"""The publish panel: a draft, sent once or many times, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, TextArea
from textual.worker import Worker

from natstui.connection import events as kinds
from natstui.connection.durations import parse_duration
from natstui.connection.errors import ManagedConnectionError
from natstui.connection.events import Event
from natstui.connection.outcome import Outcome, PublishOutcome
from natstui.connection.state import ConnectionState
from natstui.drafts import Draft, SentMessage, parse_header_lines, unsaved_secret
from natstui.keys import bindings
from natstui.panels.base import Panel, sentence
from natstui.panels.composer import Composer
from natstui.panels.publish_run import MARKS, Run, outcome_parts, progress_parts
from natstui.panels.send_guard import SendGuard
from natstui.widgets.field import Field, LabelledField
from natstui.widgets.fitting import Part, part
from natstui.widgets.line import Line
from natstui.widgets.time_words import bytes_words, count, plural

if TYPE_CHECKING:
    from natstui.connection.managed import ManagedConnection
    from natstui.launch import PanelSpec
    from natstui.session import Session
    from natstui.workspace import Value


MADE_UP_FOR = 0.25
"""Seconds of delay that a repeated run makes up for by sending faster."""


class PublishPanel(Panel):
    """Publishes its draft and says honestly what became of it."""

    KIND: ClassVar[str] = "publish"
    BINDINGS = bindings("publish.send", "publish.history", "publish.older", "publish.newer", "publish.format")

    class Progress(Message):
        """The run came on; one such message stands for all that wait."""

        bubble = False

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, PublishPanel.Progress)

    @dataclass
    class HistoryWanted(Message):
        """The user wants to see what was sent."""

        panel: PublishPanel

    def __init__(self, spec: PanelSpec, session: Session, connection_id: str) -> None:
        super().__init__(spec, session, connection_id)
        self.run: Run | None = None
        """The run under way, or the last one."""
        self._buffered: list[Run] = []
        """Earlier runs whose message waits for a server."""
        self._worker: Worker[None] | None = None
        self._is_refused = False
        """Whether the draft was refused before it was sent."""
        self._seen: tuple[Draft, str, str] | None = None
        """What the fields said when last looked at."""
        self._guard = SendGuard(self, "publish")
        self._was_read_only = False
        """Whether the footer says that nothing can be sent."""
        self._sent = 0
        self._recalled = -1
        self._words: tuple[Part, ...] = ()

    def compose_body(self) -> ComposeResult:
        with Horizontal(classes="field-row"):
            yield LabelledField("subject", Field(self.spec.argument, placeholder="orders.new", id="subject"))
            reply = Field(self.saved_text("reply"), placeholder="none", id="reply")
            yield LabelledField("reply", reply, classes="short-label reply-field")
        yield Composer("\n".join(self.saved_texts("headers")), self.saved_text("payload"))
        with Horizontal(classes="field-row repeat-row"):
            yield LabelledField(
                "count",
                Field(self.saved_text("count", "1"), placeholder="1", id="count", is_selected_on_focus=True),
                classes="count-field",
            )
            yield LabelledField(
                "every",
                Field(self.saved_text("every", "1s"), placeholder="1s", id="interval", is_selected_on_focus=True),
                classes="short-label interval-field",
            )
            yield Line(id="progress")
        yield Line(classes="panel-footer")

    def body_mounted(self) -> None:
        self._seen = self._fields
        self._show_run()

    def saved_values(self) -> Mapping[str, Value]:
        draft, count, every = self._fields
        return {
            "subject": draft.subject,
            "reply": draft.reply,
            "headers": tuple(draft.headers.split("\n")) if draft.headers else (),
            "payload": draft.payload,
            "count": count,
            "every": every,
        }

    @property
    def composer(self) -> Composer:
        return self.query_one(Composer)

    @property
    def subject_words(self) -> str:
        return self.query_one("#subject", Field).text if self.is_composed else self.spec.argument

    def suggest_subject(self, subject: str) -> None:
        field = self.query_one("#subject", Field)
        if not field.text:
            field.value = subject

    @property
    def first_focus(self) -> Widget:
        has_subject = bool(self.query_one("#subject", Field).text)
        return self.composer.payload_editor if has_subject else self.query_one("#subject", Field)

    @property
    def draft(self) -> Draft:
        """What the fields say."""
        return Draft(
            self.query_one("#subject", Field).text,
            self.query_one("#reply", Field).text,
            self.composer.headers_editor.text,
            self.composer.payload_editor.text,
        )

    @property
    def _fields(self) -> tuple[Draft, str, str]:
        return self.draft, self.query_one("#count", Field).text, self.query_one("#interval", Field).text

    @property
    def unsent(self) -> str:
        draft = self.draft
        if lost := self.lost_elsewhere:
            return lost
        known = any(sent.draft == draft for sent in self.session.history.sent)
        return "its draft was not sent" if (draft.payload.strip() or draft.headers.strip()) and not known else ""

    @property
    def lost_elsewhere(self) -> str:
        if self.is_sending:
            return "it is still sending"
        waiting = self._waiting
        return f"{plural(waiting, 'message waits', 'messages wait')} for a server and would be lost" if waiting else ""

    @property
    def is_sending(self) -> bool:
        """Whether a run is under way."""
        return self.run is not None and self.run.holds_the_panel

    @property
    def _waiting(self) -> int:
        """Messages that wait for a server."""
        return len(self._buffered) + (self.run is not None and self.run.is_buffered)

    @property
    def is_busy(self) -> bool:
        return self.is_sending or bool(self._waiting)

    def action_words(self, action: str) -> str:
        """What a key does now, where that changes."""
        return "stop" if action == "send" and self.is_sending else ""

    # Sending

    def action_send(self) -> None:
        """Send the draft; while a run is under way, stop it."""
        if self.is_sending:
            self._stop()
        else:
            self.send(self.draft)

    def send(self, draft: Draft, total: int | None = None) -> None:
        """Send a draft as often as the fields say, or `total` times. Mistakes are told."""
        if self.connection is None and self.problem:
            self.say_problem()
        if self.connection is None or self.is_sending:
            return
        try:
            headers = parse_header_lines(draft.headers)
            times = self._total() if total is None else total
            interval = self._interval()
        except ValueError as error:
            self._refuse(sentence(error) if isinstance(error, ManagedConnectionError) else str(error))
            return
        if words := unsaved_secret(draft.subject, draft.reply, draft.headers, draft.payload):
            self._refuse(words)
            return
        if not draft.subject:
            self._refuse("There is no subject to publish to: write one, for example orders.new.")
            self.query_one("#subject", Field).focus()
            return
        if refusal := self._guard.refusal:
            self._refuse(refusal, "warning")
            return
        self._forget_what_was_said()
        payload = draft.payload.encode("utf-8", "surrogateescape")
        run = Run(draft, payload, headers, times, interval)
        go = partial(self._start, run)
        self._guard.pass_on(draft.subject, payload, headers, go, total=times, interval=interval)

    def _start(self, run: Run) -> None:
        if self.connection is None or self.is_sending:
            return
        if self.run is not None and self.run.is_buffered:
            self._buffered.append(self.run)
        self.run = run
        self._recalled = -1
        often = "" if not run.is_repeated else f", {count(run.total)} times" if run.total else ", until stopped"
        size = bytes_words(len(run.payload))
        self.session.note_use(self.connection_id, f"publishes {run.draft.subject}, {size}{often}")
        self._worker = self.work(self._send(self.connection, run), "send", "Publishing the draft")
        self._show_run()

    def _refuse(self, words: str, kind: str = "bad") -> None:
        """Say why the draft does not go out; what was said of an earlier one goes."""
        self._seen = self._fields
        self._is_refused = True
        self.notice.say(words, kind)
        self._show_run()

    def _forget_what_was_said(self) -> None:
        """The draft is another one, or on its way: what was wrong with it no longer holds."""
        self._seen = self._fields
        self.notice.clear()
        if self._is_refused:
            self._is_refused = False
            self._show_run()

    @on(TextArea.Changed)
    @on(Input.Changed)
    def _edited(self, message: TextArea.Changed | Input.Changed) -> None:
        message.stop()
        if self.is_composed and self._seen not in (None, self._fields):
            self._forget_what_was_said()

    def _total(self) -> int:
        text = self.query_one("#count", Field).text or "1"
        try:
            total = int(text.replace(",", "").replace("_", ""))
        except ValueError:
            total = -1
        if total < 0:
            raise ValueError(
                f"The count {text!r} is no number: write how often to send, or 0 to send until you stop it."
            )
        return total

    def _interval(self) -> float:
        text = self.query_one("#interval", Field).text or "0"
        try:
            return parse_duration(text)
        except ValueError:
            raise ValueError(
                f"The interval {text!r} is no duration: write for example 1s, 250ms or 0 for no pause."
            ) from None

    async def _send(self, connection: ManagedConnection, run: Run) -> None:
        def buffered() -> None:
            run.is_waiting_for_server = True
            self.post_message(self.Progress())

        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while not run.stop.is_set() and (run.total == 0 or run.done < run.total):
                if run.done and run.interval:
                    # What was held up for longer, by a lost server, is not made up for: that would be a burst.
                    due = max(due + run.interval, loop.time() - MADE_UP_FOR)
                    try:
                        await asyncio.wait_for(run.stop.wait(), max(0.0, due - loop.time()))
                        break
                    except TimeoutError:
                        pass
                outcome = await self._send_once(connection, run, buffered)
                run.is_waiting_for_server = False
                run.last = outcome
                run.outcomes[outcome.outcome] += 1
                self.post_message(self.Progress())
                if outcome.outcome is Outcome.REFUSED:
                    break
        except asyncio.CancelledError:
            run.last = PublishOutcome(
                Outcome.UNKNOWN, 0.0, "stopped while it waited for the server: it may still arrive"
            )
            run.outcomes[Outcome.UNKNOWN] += 1
            raise
        finally:
            run.is_over = True
            self.post_message(self.Progress())

    async def _send_once(self, connection: ManagedConnection, run: Run, buffered: Callable[[], None]) -> PublishOutcome:
        draft = run.draft
        try:
            return await connection.publish_confirmed(
                draft.subject,
                run.payload,
                draft.reply,
                run.headers or None,
                on_buffered=buffered,
                wait_when_buffered=True,
            )
        except ManagedConnectionError as error:
            return PublishOutcome(Outcome.REFUSED, 0.0, str(error))

    def _stop(self) -> None:
        run, worker = self.run, self._worker
        if run is None or worker is None:
            return
        if run.stop.is_set() or not run.is_repeated:
            worker.cancel()
        run.stop.set()

    @on(Progress)
    def _progress(self, message: Progress) -> None:
        message.stop()
        for run in (*self._buffered, self.run):
            if run is not None:
                self._note_run(run)
        self._buffered = [run for run in self._buffered if not run.is_over]
        self._show_run()

    def _note_run(self, run: Run) -> None:
        if run.is_over and run.last is not None and not run.is_noted:
            run.is_noted = True
            self._sent += run.done
            self._remember(run, run.last, run.done)
            is_told_by_strip = self.connection is not None and self.connection.state is ConnectionState.FAILED
            if run.last.reason and not is_told_by_strip:
                kind = "bad" if run.last.outcome is Outcome.REFUSED else "warning"
                self.notice.say(f"{run.last.outcome.capitalize()}: {run.last.reason}", kind)
        elif run.is_buffered and run.entry is None:
            self._remember(run, PublishOutcome(Outcome.BUFFERED, 0.0), run.done + 1)

    def _remember(self, run: Run, outcome: PublishOutcome, times: int) -> None:
        entry = SentMessage(run.draft, self.session.clock.now(), outcome, times)
        if run.entry is None:
            self.session.history.add(entry)
        else:
            self.session.history.replace(run.entry, entry)
        run.entry = entry

    # What is said

    def _show_run(self) -> None:
        if not self.is_composed:
            return
        history = plural(len(self.session.history.sent), "draft") + " in history"
        right = [part(50, (history, "label"))] if self.session.history.sent else []
        footer, progress = self.query_one(".panel-footer", Line), self.query_one("#progress", Line)
        run = self.run
        self._was_read_only = self.options.read_only
        if self._is_refused:
            held = [part(85, ("read-only", "warning!"))] if self.options.read_only else []
            footer.show([part(90, ("✕", "bad"), (" not sent", "bad!")), *held, *self._buffered_parts()], right)
            progress.show([])
        elif self.options.read_only:
            footer.show([part(90, ("read-only", "warning!"), (": nothing can be sent", "label"))], right)
            progress.show([])
        elif run is None:
            footer.show([part(90, ("F5", "key"), (" sends the draft", "label"))], right)
            progress.show([])
        else:
            footer.show(self._outcome_parts(run), right)
            progress.show(progress_parts(run))
        self.refresh_bindings()

    def _outcome_parts(self, run: Run) -> list[Part]:
        if run.is_buffered:
            mark, style = MARKS[Outcome.BUFFERED]
            waiting = f" {count(self._waiting)}" if self._waiting > 1 else ""
            go = "go" if waiting else "goes"
            held = (mark, style), (f"{waiting} buffered", f"{style}!")
            words = f": {go} out when a server is there again"
            return [part(90, *held, (words, "label"), short=(*held, (f": {go} out once reconnected", "label")))]
        number = self._sent + (0 if run.is_noted else run.done)
        return [*outcome_parts(run, number), *self._buffered_parts()]

    def _buffered_parts(self) -> list[Part]:
        """How many earlier messages wait."""
        if not self._waiting:
            return []
        mark, style = MARKS[Outcome.BUFFERED]
        return [part(85, (mark, style), (f" {count(self._waiting)} buffered", f"{style}!"))]

    # The draft

    @on(Input.Submitted)
    def _next_field(self, message: Input.Submitted) -> None:
        message.stop()
        self.action_step_field(1)

    @on(Input.Changed, "#subject")
    def _subject_changed(self) -> None:
        self.show_title()

    def action_history(self) -> None:
        self.post_message(self.HistoryWanted(self))

    def action_recall(self, step: int) -> None:
        """Walk through what was sent: 1 to the one before, −1 to the one after."""
        sent = self.session.history.sent
        place = self._recalled + step
        if 0 <= place < len(sent):
            self.load(sent[place].draft)
            self._recalled = place

    def load(self, draft: Draft) -> None:
        """Put a draft into the fields."""
        self.query_one("#subject", Field).value = draft.subject
        self.query_one("#reply", Field).value = draft.reply
        self.composer.load(draft.headers, draft.payload)
        self._forget_what_was_said()

    def action_format_json(self) -> None:
        if not self.composer.format_json():
            self.notice.say("The payload is not JSON, so it is left as it is.", "warning")

    def read_event(self, event: Event) -> None:
        if isinstance(event, kinds.PermissionDenied):
            self.notice.say(f"The server denies this user to publish to {event.subject}: ask for the permission.")

    def show_connection(self, now: datetime) -> None:
        super().show_connection(now)
        if self.connection is not None and self.is_composed:
            self.composer.show_limit(self.connection.stats().max_payload)
            if self.options.read_only is not self._was_read_only:
                self._show_run()

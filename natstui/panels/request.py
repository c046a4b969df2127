"""The request panel: a question, and the answers with the time each took."""

from __future__ import annotations

import statistics
from collections import Counter, deque
from collections.abc import Mapping
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
from natstui.connection.errors import (
    ConnectionLostError,
    ManagedConnectionError,
    NoRespondersError,
    OperationTimeoutError,
)
from natstui.connection.events import Event
from natstui.connection.message import Message as ReplyMessage
from natstui.drafts import parse_header_lines, unsaved_secret
from natstui.keys import bindings
from natstui.panels.base import Panel, sentence
from natstui.panels.composer import Composer
from natstui.panels.send_guard import SendGuard
from natstui.stream.ring import Record
from natstui.widgets.choice import Choice
from natstui.widgets.field import Field, LabelledField
from natstui.widgets.fitting import Part, part
from natstui.widgets.line import Line
from natstui.widgets.reply_list import Answer, ReplyList, ReplyRow
from natstui.widgets.time_words import bytes_words, count, milliseconds, plural, span

if TYPE_CHECKING:
    from natstui.connection.managed import ManagedConnection
    from natstui.launch import PanelSpec
    from natstui.session import Session
    from natstui.workspace import Value

MODES = ("one", "many")
LATENCIES = 1_000
"""Replies of which the median is told."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request as it goes out."""

    subject: str
    payload: bytes
    headers: dict[str, str | list[str]]
    timeout: float
    most_replies: int | None
    """None for one reply, 0 for as many as come, else at most so many."""


class RequestPanel(Panel):
    """Asks, and shows each reply with its latency; says apart nobody there, too late, and lost."""

    KIND: ClassVar[str] = "request"
    BINDINGS = bindings("request.send", "request.format")

    @dataclass
    class Answered(Message):
        """A reply came, or it is known that none will."""

        bubble = False
        row: ReplyRow
        is_last: bool = False

    def __init__(self, spec: PanelSpec, session: Session, connection_id: str) -> None:
        super().__init__(spec, session, connection_id)
        self._latencies: deque[float] = deque(maxlen=LATENCIES)
        self._counts: Counter[Answer] = Counter()
        self._worker: Worker[None] | None = None
        self._guard = SendGuard(self, "request")
        self._was_read_only = False
        """Whether the footer says that nothing can be asked."""
        self._since: datetime | None = None
        self._seen: tuple[str, ...] | None = None
        """What the fields said when last looked at."""

    def compose_body(self) -> ComposeResult:
        with Horizontal(classes="field-row"):
            yield LabelledField("subject", Field(self.spec.argument, placeholder="svc.echo", id="subject"))
            yield LabelledField(
                "timeout",
                Field(self.saved_text("timeout", "2s"), placeholder="2s", id="timeout", is_selected_on_focus=True),
                classes="short-label timeout-field",
            )
        with Horizontal(classes="field-row"):
            with Horizontal(classes="replies-row"):
                yield Line([part(1, ("replies", "label"))], classes="replies-label")
                yield Choice(MODES, MODES.index(self.saved_text("replies", MODES[0])), id="mode")
            yield LabelledField(
                "at most",
                Field(self.saved_text("at_most"), placeholder="no limit", id="most", is_selected_on_focus=True),
                classes="short-label most-field",
            )
        yield Composer("\n".join(self.saved_texts("headers")), self.saved_text("payload"))
        yield ReplyList(empty_text="F5 asks; the replies appear here")
        yield Line(classes="panel-footer")

    def body_mounted(self) -> None:
        self._mode_changed()
        self._seen = self._fields
        self._show_counts()

    def saved_values(self) -> Mapping[str, Value]:
        composer = self.composer
        headers = composer.headers_editor.text
        return {
            "subject": self.query_one("#subject", Field).text,
            "timeout": self.query_one("#timeout", Field).text,
            "replies": self.query_one("#mode", Choice).value,
            "at_most": self.query_one("#most", Field).text,
            "headers": tuple(headers.split("\n")) if headers else (),
            "payload": composer.payload_editor.text,
        }

    @property
    def composer(self) -> Composer:
        return self.query_one(Composer)

    @property
    def replies(self) -> ReplyList:
        return self.query_one(ReplyList)

    @property
    def subject_words(self) -> str:
        return self.query_one("#subject", Field).text if self.is_composed else self.spec.argument

    def suggest_subject(self, subject: str) -> None:
        field = self.query_one("#subject", Field)
        if not field.text:
            field.value = subject

    @property
    def first_focus(self) -> Widget:
        subject = self.query_one("#subject", Field)
        return self.composer.payload_editor if subject.text else subject

    @property
    def resting_place(self) -> Widget:
        return self.replies

    @property
    def is_waiting(self) -> bool:
        """Whether a request is under way."""
        return self._since is not None

    def action_words(self, action: str) -> str:
        """What a key does now, where that changes."""
        return "stop" if action == "send" and self.is_waiting else ""

    @on(Choice.Changed, "#mode")
    def _mode_changed(self) -> None:
        is_many = self.query_one("#mode", Choice).value == "many"
        self.query_one(".most-field").display = is_many

    # Asking

    def action_send(self) -> None:
        """Send the request; while one waits for its replies, stop waiting."""
        if self.is_waiting:
            if self._worker is not None:
                self._worker.cancel()
            return
        if self.connection is None:
            if self.problem:
                self.say_problem()
            return
        composer = self.composer
        if words := unsaved_secret(self.subject_words, composer.headers_editor.text, composer.payload_editor.text):
            self._refuse(words)
            return
        try:
            question = self._question()
        except ValueError as error:
            self._refuse(sentence(error) if isinstance(error, ManagedConnectionError) else str(error))
            return
        if not question.subject:
            self._refuse("There is no subject to ask: write one, for example svc.echo.")
            self.query_one("#subject", Field).focus()
            return
        if refusal := self._guard.refusal:
            self._refuse(refusal, "warning")
            return
        self.notice.clear()
        go = partial(self._start, question)
        self._guard.pass_on(question.subject, question.payload, question.headers, go)

    def _start(self, question: Question) -> None:
        if self.connection is None or self.is_waiting:
            return
        self._since = self.session.clock.now()
        size = bytes_words(len(question.payload))
        self.session.note_use(self.connection_id, f"requests {question.subject}, {size}")
        self._worker = self.work(self._ask(self.connection, question), "ask", "Waiting for replies")
        self._show_counts()

    def _refuse(self, words: str, kind: str = "bad") -> None:
        """Say why the question is not asked, until it is another one."""
        self._seen = self._fields
        self.notice.say(words, kind)

    def _question(self) -> Question:
        timeout, most = self.query_one("#timeout", Field).text or "2s", self.query_one("#most", Field).text or "0"
        try:
            seconds = parse_duration(timeout)
        except ValueError:
            seconds = 0.0
        if seconds <= 0:
            raise ValueError(f"The timeout {timeout!r} is no duration above 0: write for example 2s or 500ms.")
        most_replies: int | None = None
        if self.query_one("#mode", Choice).value == "many":
            if not most.isdecimal():
                raise ValueError(
                    f"{most!r} is no number of replies: write how many to wait for, or nothing for no limit."
                )
            most_replies = int(most)
        return Question(
            self.query_one("#subject", Field).text,
            self.composer.payload,
            parse_header_lines(self.composer.headers_editor.text),
            seconds,
            most_replies,
        )

    async def _ask(self, connection: ManagedConnection, question: Question) -> None:
        last = self._remark(Answer.UNKNOWN, "stopped waiting: the request may have been worked on all the same")
        try:
            # A sleeping connection is woken first, so that the latency is the reply's alone.
            await connection.open()
            ask = self._ask_one if question.most_replies is None else self._ask_many
            last = await ask(connection, question)
        except ManagedConnectionError as error:
            last = self._remark(_answer_of(error), sentence(error))
        finally:
            self.post_message(self.Answered(last, is_last=True))

    async def _ask_one(self, connection: ManagedConnection, question: Question) -> ReplyRow:
        clock = self.session.clock
        began = clock.monotonic()
        reply = await connection.request(question.subject, question.payload, question.timeout, question.headers or None)
        return ReplyRow(clock.now(), Answer.REPLY, clock.monotonic() - began, _record(reply))

    async def _ask_many(self, connection: ManagedConnection, question: Question) -> ReplyRow:
        clock = self.session.clock
        began, received = clock.monotonic(), 0
        replies = connection.request_many(
            question.subject,
            question.payload,
            question.timeout,
            question.headers or None,
            max_replies=question.most_replies or 0,
        )
        async for reply in replies:
            received += 1
            self.post_message(self.Answered(ReplyRow(clock.now(), Answer.REPLY, reply.latency, _record(reply.message))))
        if not received:
            return self._remark(Answer.UNKNOWN, f"no reply within {span(question.timeout)}")
        took = milliseconds((clock.monotonic() - began) * 1000)
        return self._remark(Answer.NOTE, f"{plural(received, 'reply', 'replies')} in {took}")

    def _remark(self, answer: Answer, words: str) -> ReplyRow:
        return ReplyRow(self.session.clock.now(), answer, words=words)

    @on(Answered)
    def _answered(self, message: Answered) -> None:
        message.stop()
        row = message.row
        self.replies.add(row)
        self._counts[row.answer] += 1
        if row.latency is not None:
            self._latencies.append(row.latency)
        if message.is_last:
            self._since = self._worker = None
        self._show_counts()

    # What is said

    def _show_counts(self) -> None:
        if not self.is_composed:
            return
        counts = self._counts
        parts: list[Part] = [part(90, (count(counts[Answer.REPLY]), "value"), (" answered", "label"))]
        for answer, words, style in (
            (Answer.NONE, "no responders", "bad"),
            (Answer.UNKNOWN, "unknown", "warning"),
            (Answer.REFUSED, "refused", "bad"),
        ):
            if counts[answer]:
                parts.append(part(80, (count(counts[answer]), style), (f" {words}", "label")))
        if self._latencies:
            median, worst = statistics.median(self._latencies), max(self._latencies)
            parts.append(part(85, ("p50 ", "label"), (milliseconds(median * 1000), "value")))
            parts.append(part(50, ("max ", "label"), (milliseconds(worst * 1000), "value")))
        self._was_read_only = self.options.read_only
        if self._was_read_only:
            parts.insert(0, part(95, ("read-only", "warning!"), (": nothing can be asked", "label")))
        right: list[Part] = []
        if self._since is not None:
            waited = span((self.session.clock.now() - self._since).total_seconds())
            right.append(part(90, ("… waiting ", "busy"), (waited, "value")))
        self.query_one(".panel-footer", Line).show(parts, right)
        self.refresh_bindings()

    def show_connection(self, now: datetime) -> None:
        super().show_connection(now)
        if self.connection is not None and self.is_composed:
            self.composer.show_limit(self.connection.stats().max_payload)
            if self._since is not None or self.options.read_only is not self._was_read_only:
                self._show_counts()

    def read_event(self, event: Event) -> None:
        if isinstance(event, kinds.PermissionDenied):
            verb = "subscribe" if event.operation == "subscription" else event.operation
            self.notice.say(f"The server denies this user to {verb} to {event.subject}: ask for the permission.")

    @on(Input.Submitted)
    def _next_field(self, message: Input.Submitted) -> None:
        message.stop()
        self.action_step_field(1)

    @on(Input.Changed, "#subject")
    def _subject_changed(self) -> None:
        self.show_title()

    @property
    def _fields(self) -> tuple[str, ...]:
        composer = self.composer
        inputs = (field.text for field in self.query(Field))
        return *inputs, composer.headers_editor.text, composer.payload_editor.text

    @on(TextArea.Changed)
    @on(Input.Changed)
    def _edited(self, message: TextArea.Changed | Input.Changed) -> None:
        message.stop()
        if self.is_composed and self._seen not in (None, self._fields):
            self._seen = self._fields
            self.notice.clear()

    @on(ReplyList.Opened)
    def _opened(self, message: ReplyList.Opened) -> None:
        message.stop()
        self.post_message(self.DetailWanted(message.index, self.replies.rows, self.replies.choose))

    def action_format_json(self) -> None:
        if not self.composer.format_json():
            self.notice.say("The payload is not JSON, so it is left as it is.", "warning")


def _answer_of(error: ManagedConnectionError) -> Answer:
    if isinstance(error, NoRespondersError):
        return Answer.NONE
    if isinstance(error, OperationTimeoutError | ConnectionLostError):
        return Answer.UNKNOWN
    return Answer.REFUSED


def _record(reply: ReplyMessage) -> Record:
    return (reply.subject.encode(), reply.reply.encode(), reply.data, reply.header_block)

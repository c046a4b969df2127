"""The subscribe panel: subjects and a queue group, and the messages as they arrive."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from natstui.connection import events as kinds
from natstui.connection.errors import PermissionDeniedError, SubjectError
from natstui.connection.events import Event
from natstui.connection.state import ConnectionState
from natstui.drafts import unsaved_secret
from natstui.keys import bindings
from natstui.panels.base import RESTARTABLE, Panel, sentence
from natstui.stream.rate import RateMeter
from natstui.stream.ring import MessageRing, Record
from natstui.widgets.field import Field, LabelledField
from natstui.widgets.filter_bar import FilterBar
from natstui.widgets.fitting import Part, part
from natstui.widgets.line import Line
from natstui.widgets.message_list import MessageList
from natstui.widgets.time_words import count, span

if TYPE_CHECKING:
    from natstui.connection.subscription import Subscription
    from natstui.launch import PanelSpec
    from natstui.session import Session
    from natstui.workspace import Value

SSH_REPAINT = 0.75
"""Seconds between two repaints of the messages at least, over a slow line."""

_SEPARATORS = re.compile(r"[\s,]+")
_SILENCE_TOLD = 1.0
"""Seconds: a shorter silence before a loss is nothing out of the ordinary."""

HUNG_UP = "the server closed the connection"
"""The reason of a loss for which the server gave none."""

FLOOD = 1_000
"""Messages a second from which on a server that hangs up is likely to have taken this client for a slow consumer."""

_AWAY: dict[ConnectionState, tuple[str, str, str]] = {
    ConnectionState.NEW: ("not connected", "warning", "not connected yet: nothing arrives here"),
    ConnectionState.OPENING: ("connecting", "warning", "connecting: nothing arrives here yet"),
    ConnectionState.RECONNECTING: ("reconnecting", "warning", "reconnecting: nothing arrives here meanwhile"),
    ConnectionState.IDLE: ("asleep", "asleep", "asleep: nothing arrives here until r wakes it"),
    ConnectionState.FAILED: ("not connected", "bad", "not connected: nothing arrives here"),
    ConnectionState.DRAINING: ("closing", "warning", "closing: nothing more arrives here"),
    ConnectionState.CLOSED: ("closed", "bad", "closed: nothing more arrives here"),
}
"""States in which nothing can arrive: the word for the status, its style, and what the empty list says."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the fields ask for."""

    subjects: tuple[str, ...]
    queue: str = ""


class SubscribePanel(Panel):
    """Subscribes to what its fields say and shows what comes."""

    KIND: ClassVar[str] = "subscribe"
    BINDINGS = bindings("subscribe.apply", "subscribe.clear", "subscribe.edit")

    @dataclass
    class Applied(Message):
        """Every subject was asked for; `problems` holds a sentence for each that was refused."""

        bubble = False
        problems: tuple[str, ...]

    def __init__(self, spec: PanelSpec, session: Session, connection_id: str) -> None:
        super().__init__(spec, session, connection_id)
        settings = session.launch.settings
        self.ring = MessageRing(settings.ring_capacity, clock=session.clock.epoch)
        self._meter = RateMeter(session.clock.monotonic)
        self._rate = 0.0
        self._counted = -1
        self._messages: MessageList
        self._wanted = self._split(spec.argument, spec.queue)
        self._taken: dict[str, Subscription] = {}
        self._is_applying = False
        """Whether the server is being asked for the subjects."""
        self._was_connected = False
        self._away: tuple[datetime, str] | None = None
        """Since when nothing can come in, and why."""
        self._silent_before = 0.0
        """Seconds without a sign of the server before it was given up."""
        self._flooded_at = 0.0
        """Messages a second that came in when the server hung up; 0 where that was not it, or few came."""

    @staticmethod
    def _split(subjects: str, queue: str) -> Wanted:
        return Wanted(tuple(dict.fromkeys(word for word in _SEPARATORS.split(subjects) if word)), queue.strip())

    def compose_body(self) -> ComposeResult:
        with Horizontal(classes="field-row"):
            yield LabelledField(
                "subjects", Field(" ".join(self._wanted.subjects), placeholder="orders.> metrics.*", id="subjects")
            )
            yield LabelledField(
                "queue", Field(self._wanted.queue, placeholder="none", id="queue"), classes="short-label queue-field"
            )
        columns = self.saved_texts("columns") or self.session.columns.columns
        messages = self._messages = MessageList(self.ring, columns=columns, empty_text=self._empty_words())
        if self.session.launch.settings.ssh_profile:
            messages.repaint_interval = SSH_REPAINT
        yield messages
        yield FilterBar(
            messages,
            history=self.session.filters,
            expression=self.saved_text("filter"),
            finds=self.spec.saved.get("find") is True,
        )
        yield Line(classes="panel-footer")

    def saved_values(self) -> Mapping[str, Value]:
        bar, columns = self.query_one(FilterBar), self.messages.columns
        return {
            "subjects": self._wanted.subjects,
            "queue": self._wanted.queue,
            "filter": bar.expression,
            "find": bar.finds,
            "columns": tuple(map(str, columns)),
        }

    @property
    def messages(self) -> MessageList:
        return self._messages

    @property
    def subject_words(self) -> str:
        queue = f" @{self._wanted.queue}" if self._wanted.queue else ""
        return " ".join(self._wanted.subjects) + queue

    def suggest_subject(self, subject: str) -> None:
        field = self.query_one("#subjects", Field)
        if not field.text:
            field.value = subject
            self._wanted = self._split(subject, self._wanted.queue)
            self.messages.empty_text = self._empty_words()

    @property
    def first_focus(self) -> Widget:
        return self.messages if self._wanted.subjects else self.query_one("#subjects", Field)

    @property
    def resting_place(self) -> Widget:
        return self.messages

    def _empty_words(self) -> str:
        if not self._wanted.subjects:
            return "write a subject above and press enter"
        connection = self.connection
        state = ConnectionState.NEW if connection is None else connection.state
        if state in _AWAY:
            return _AWAY[state][2]
        if not self._is_subscribed:
            return (
                f"subscribing to {self.subject_words}"
                if self._is_applying
                else f"not subscribed to {self.subject_words}: nothing arrives here"
            )
        return f"waiting for messages on {self.subject_words}"

    @property
    def _is_subscribed(self) -> bool:
        return any(taken.active and not taken.denied for taken in self._taken.values())

    def _show_empty_words(self) -> None:
        if (words := self._empty_words()) != self.messages.empty_text:
            self.messages.empty_text = words

    # Subscribing

    async def establish(self) -> None:
        self._is_applying = True
        try:
            await self._subscribe()
        finally:
            self._is_applying = False

    async def _subscribe(self) -> None:
        connection, wanted = self.connection, self._wanted
        if connection is None:
            return
        for subject, subscription in list(self._taken.items()):
            if subject not in wanted.subjects or subscription.queue != wanted.queue or subscription.denied:
                del self._taken[subject]
                if subscription.active:
                    await subscription.unsubscribe()
        problems: list[str] = []
        for subject in wanted.subjects:
            if subject in self._taken:
                continue
            if words := unsaved_secret(subject, wanted.queue):
                problems.append(words)
                continue
            try:
                self._taken[subject] = await connection.subscribe(subject, batch=self._receive, queue=wanted.queue)
            except (SubjectError, PermissionDeniedError) as error:
                problems.append(sentence(error))
        if connection.state in RESTARTABLE:
            await connection.open()
        self.post_message(self.Applied(tuple(problems)))

    def _detach(self) -> None:
        super()._detach()
        self._taken.clear()

    @on(Applied)
    def _applied(self, message: Applied) -> None:
        message.stop()
        denied = [self._denied_words(name) for name, taken in self._taken.items() if taken.denied]
        problems = [*message.problems, *denied]
        if problems:
            self.notice.say(" ".join(problems))
        else:
            self.notice.clear()
        self.refresh_body()

    @on(Input.Submitted, "#subjects, #queue")
    def action_apply(self) -> None:
        """Subscribe to what the fields say now; what is subscribed already stays as it is."""
        self._wanted = self._split(self.query_one("#subjects", Field).value, self.query_one("#queue", Field).value)
        self.messages.empty_text = self._empty_words()
        self.show_title()
        self.post_message(self.Changed(self))
        self.notice.clear()
        if self.problem:
            self.say_problem()
        self.work(self.establish(), "establish", "Subscribing", exclusive=True)
        if self._wanted.subjects:
            self.messages.focus()

    def action_edit_subjects(self) -> None:
        self.query_one("#subjects", Field).focus()

    def action_clear(self) -> None:
        self.messages.clear()
        self.refresh_body()

    # What comes in

    def _receive(self, records: list[Record]) -> None:
        """Keep a chunk's messages; called up to ten thousand times a second."""
        self.ring.extend(records)
        if self.session.is_resting:
            self.session.arrived()

    def on_unmount(self) -> None:
        # Textual, and a garbage collector that no longer looks at what the start made, may keep the panel for long.
        self.ring.clear()

    def hear_event(self, event: Event) -> None:
        self.session.arrived()
        match event:
            case kinds.StateChanged(new=ConnectionState.CONNECTED):
                self._was_connected = True
                if self._away is not None:
                    since, words = self._away
                    self._away = None
                    away = span((event.at - since).total_seconds())
                    if self._silent_before >= _SILENCE_TOLD:
                        # Short enough for half of 120 columns: what it means stands at its end.
                        words = f"silent {span(self._silent_before)}, {words}"
                    self._silent_before = 0.0
                    why = " (not kept up?)" if self._flooded_at else ""
                    self.ring.mark_gap(f"{words} {away}: messages may be missing{why}", event.at.timestamp())
            case kinds.Disconnected(silent_for=silent_for, reason=reason):
                self._silent_before = silent_for or 0.0
                self._meter.sample(self.ring.received)
                rate = self._meter.one_second
                # A server says nothing to a client that it takes for a slow consumer: it hangs up.
                self._flooded_at = rate if reason == HUNG_UP and rate >= FLOOD else 0.0
            case kinds.StateChanged(new=ConnectionState.IDLE):
                self._went_away(event, "asleep")
            case kinds.StateChanged(new=ConnectionState.RECONNECTING | ConnectionState.FAILED):
                self._went_away(event, "offline")
            case kinds.SlowConsumer(subject=subject, dropped=dropped):
                words = f"{count(dropped)} messages on {subject} dropped: this client did not keep up"
                self.ring.mark_gap(words, event.at.timestamp())
            case _:
                pass

    def _went_away(self, event: Event, words: str) -> None:
        if self._was_connected and self._away is None:
            self._away = (event.at, words)

    def connection_changes(self) -> None:
        if self._was_connected and self._away is None:
            self._away = (self.session.clock.now(), "connection changed, away")

    def read_event(self, event: Event) -> None:
        match event:
            case kinds.PermissionDenied(operation=operation, subject=subject) if operation != "publish":
                self.notice.say(self._denied_words(subject))
            case kinds.Disconnected() if self._flooded_at:
                self.notice.say(
                    f"The server hung up while {count(round(self._flooded_at))} messages a second came in. It does so, "
                    "without a word, to a client that does not keep up: "
                    "narrow the subject, or share it among several with a queue group."
                )
            case kinds.SlowConsumer(subject=subject, dropped=dropped):
                self.notice.say(
                    f"{count(dropped)} messages on {subject} were dropped, since this client did not keep up: narrow "
                    "the subject, share it with a queue group, or set a larger subscription_capacity."
                )
            case _:
                pass

    @staticmethod
    def _denied_words(subject: str) -> str:
        return (
            f"The server denies this user the subscription to {subject}: ask for the permission, or change the subject."
        )

    @on(MessageList.FollowChanged)
    @on(MessageList.SelectionChanged)
    def _held(self, message: MessageList.FollowChanged | MessageList.SelectionChanged) -> None:
        message.stop()
        self.refresh_body()

    @on(MessageList.Opened)
    def _opened(self, message: MessageList.Opened) -> None:
        message.stop()
        self.post_message(self.DetailWanted(message.index, message.source, self.messages.choose))

    def show_connection(self, now: datetime) -> None:
        super().show_connection(now)
        if self.is_composed:
            self._show_empty_words()
        self._meter.sample(self.ring.received)
        self._rate = self._meter.one_second
        self._show_counts()

    def refresh_body(self) -> None:
        self.messages.refresh_from_ring()
        self._show_empty_words()
        self._show_counts()

    def drain(self) -> bool:
        if not self.is_composed:
            return False
        is_painted = self.messages.refresh_from_ring()
        if self.ring.end == self._counted:
            return is_painted
        self._show_counts()
        return True

    def _show_counts(self) -> None:
        if not self.is_composed:
            return
        self._counted = self.ring.end
        stats = self.connection.stats() if self.connection is not None else None
        dropped = stats.dropped if stats is not None else 0
        parts = [
            part(90, ("received ", "label"), (count(self.ring.received), "value")),
            part(50, (f"{self._rate:,.0f}".rjust(4), "value"), ("/s", "label")),
            part(30, (f"{self._meter.ten_seconds:,.0f}", "value"), ("/s over 10 s", "label")),
            part(80, ("kept ", "label"), (count(self.ring.kept), "value")),
            part(20, ("ring dropped ", "label"), (count(self.ring.dropped), "value")),
            part(
                85 if dropped else 40,
                ("client dropped ", "label"),
                (count(dropped), "bad" if dropped else "value"),
                short=[("dropped ", "label"), (count(dropped), "bad" if dropped else "value")],
            ),
        ]
        self.query_one(".panel-footer", Line).show(parts, self._follow_words())

    def _follow_words(self) -> list[Part]:
        messages = self.messages
        if not messages.following:
            held = part(90, ("paused" if messages.paused else "scrolled back", "warning"))
            if selected := messages.selected_count:
                held = part(96, (f"{count(selected)} selected", "accent"))
            return [part(95, (f"{count(messages.new_count)} new", "warning")), held] if messages.new_count else [held]
        state = ConnectionState.NEW if self.connection is None else self.connection.state
        if state in _AWAY:
            word, style, _ = _AWAY[state]
            return [part(95, (word, style))]
        if self._wanted.subjects and not self._is_subscribed:
            return [part(95, ("subscribing" if self._is_applying else "not subscribed", "warning"))]
        return [part(95, ("following", "accent"))] if self._wanted.subjects else []

"""The log of all connection events."""

from __future__ import annotations

from datetime import datetime

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from natstui.clock import Clock
from natstui.event_log import EventLog
from natstui.keys import bindings
from natstui.screens.leaving import LeavingScreen
from natstui.widgets.event_list import EventList
from natstui.widgets.field import Field
from natstui.widgets.fitting import Part, part
from natstui.widgets.key_line import KeyLine
from natstui.widgets.line import Line
from natstui.widgets.time_words import clock_time, count


class EventsScreen(LeavingScreen[None]):
    """Events of all connections, oldest first, with a filter; where they are written to."""

    BINDINGS = bindings("events.filter", "events.follow", "events.pings", "screen.back")

    def __init__(self, log: EventLog, clock: Clock) -> None:
        super().__init__()
        self._log = log
        self._clock = clock

    def compose(self) -> ComposeResult:
        yield Line(classes="screen-title")
        yield EventList(self._log)
        yield Field(placeholder="words that an event must hold, such as  stale  or  subscribe-1", id="filter")
        yield Line(id="event-counts")
        yield KeyLine()

    def on_mount(self) -> None:
        self.query_one("#filter").display = False
        self.events.focus()
        self.tick(self._clock.now())

    @property
    def events(self) -> EventList:
        return self.query_one(EventList)

    def tick(self, now: datetime) -> None:
        """Show what came and the time."""
        self.drain()
        title = [part(90, ("events", "brand")), part(70, ("of all connections", "label"))]
        self.query_one(".screen-title", Line).show(title, [part(80, (clock_time(now), "label"))])

    def drain(self) -> None:
        """Show what came in."""
        self.events.refresh_from_log()
        self._show_counts()

    def _show_counts(self) -> None:
        events, log = self.events, self._log
        parts: list[Part] = [part(90, (count(events.shown_count), "value"), (" shown", "label"))]
        parts.append(part(60, (count(log.total), "value"), (" in all", "label")))
        if not events.shows_pings:
            parts.append(part(50, ("pings hidden", "label")))
        if events.words:
            parts.append(part(80, ("filter ", "label"), (events.words, "warning")))
        if log.problem:
            parts.append(part(70, (log.problem, "bad"), short=[("file not written", "bad")]))
        elif log.path is not None:
            parts.append(part(30, ("written to ", "label"), (str(log.path), "value")))
        follows = part(95, ("following", "accent")) if events.follows else part(95, ("paused", "warning"))
        self.query_one("#event-counts", Line).show(parts, [follows])

    def action_filter(self) -> None:
        field = self.query_one("#filter", Field)
        field.display = True
        field.focus()

    @on(Input.Changed, "#filter")
    def _filter_changed(self, message: Input.Changed) -> None:
        self.events.words = message.value.strip()
        self._show_counts()

    @on(Input.Submitted, "#filter")
    def _filter_taken(self) -> None:
        self.query_one("#filter").display = bool(self.events.words)
        self.events.focus()

    def action_toggle_pings(self) -> None:
        self.events.shows_pings = not self.events.shows_pings
        self._show_counts()

    def action_toggle_follow(self) -> None:
        self.events.action_toggle_follow()
        self._show_counts()

    def action_back(self) -> None:
        field = self.query_one("#filter", Field)
        if field.has_focus or field.display:
            field.value = ""
            field.display = False
            self.events.focus()
        else:
            self.dismiss(None)

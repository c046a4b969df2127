"""What every panel is: a strip, a body, and one managed connection that comes and goes with it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, TextArea
from textual.worker import Worker, WorkerState

from natstui.connection import events as kinds
from natstui.connection.errors import ManagedConnectionError, OpenError
from natstui.connection.events import Event
from natstui.connection.state import ConnectionState
from natstui.drill_permission import allows_drill, drill_refusal
from natstui.keys import bindings
from natstui.panels.kept import KeptPanel
from natstui.stream.ring import MessageSource
from natstui.stream.sanitise import sanitise
from natstui.widgets.connection_strip import ConnectionStrip
from natstui.widgets.fitting import shorten
from natstui.widgets.notice import Notice
from natstui.widgets.strip_text import StripView, cut_words

if TYPE_CHECKING:
    from natstui.connection.managed import ManagedConnection
    from natstui.connection.options import ConnectOptions
    from natstui.context_labels import ContextLabel
    from natstui.launch import PanelSpec
    from natstui.sending import Question
    from natstui.session import Session

LOW = 15
"""Lines below which a panel leaves out what it can do without."""

RESTARTABLE = (ConnectionState.NEW, ConnectionState.IDLE, ConnectionState.FAILED)
"""States in which a connection is opened rather than torn down and connected anew."""


def sentence(error: BaseException) -> str:
    """What went wrong, for a screen: one sentence, sanitised."""
    if isinstance(error, ManagedConnectionError):
        return sanitise(str(error))
    return sanitise(f"Something unexpected went wrong: {type(error).__name__}: {error}".strip(": "))


class Panel(KeptPanel, can_focus=True):
    """A panel of the dashboard.

    The connection is added when the panel is mounted, used in workers only, told of by its own events, and closed when
    the panel is removed. Subclasses say what is in the body, and what a fresh connection is first used for.
    """

    KIND: ClassVar[str] = ""

    BINDINGS = bindings(
        "panel.next_field",
        "panel.previous_field",
        "panel.leave_field",
        "panel.edit_connection",
        "panel.edit_connection_letter",
        "panel.reconnect",
        "panel.sleep",
        "panel.fault_drill",
    )

    class EventsArrived(Message):
        """Events of the connection wait to be read; one such message stands for all that do."""

        bubble = False

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Panel.EventsArrived)

    @dataclass
    class Changed(Message):
        """The state of the panel's connection, or its title, is another one."""

        panel: Panel

    @dataclass
    class OpenFailed(Message):
        """The panel's connection could not be opened."""

        panel: Panel
        error: OpenError

    @dataclass
    class ConnectionEditWanted(Message):
        """The user wants to change the panel's connection."""

        panel: Panel

    @dataclass
    class FaultDrillWanted(Message):
        """The user wants to break the panel's connection on purpose."""

        panel: Panel

    @dataclass
    class QuestionAsked(Message):
        """Something is to be confirmed by typing before it is sent."""

        question: Question
        answered: Callable[[bool | None], None]

    @dataclass
    class DetailWanted(Message):
        """The user wants to see a message whole."""

        index: int
        """Its absolute index."""
        source: MessageSource
        """Where it is read, and the messages before and after it."""
        choose: Callable[[int], object] | None = None
        """Is told the absolute index of the message that was shown last."""

    def __init__(self, spec: PanelSpec, session: Session, connection_id: str) -> None:
        super().__init__(spec, f"panel-{connection_id}")
        self.session = session
        self.options: ConnectOptions = session.options
        self._context_label = session.context
        self.shows_context = False
        """Whether the title names the context: there are panels on others."""
        self.connection_id = connection_id
        self.connection: ManagedConnection | None = None
        self.is_composed = False
        """Whether its widgets are there."""
        self.number = 0
        """Its place on the dashboard, from 1 on."""
        self._arrived: deque[Event] = deque(maxlen=1000)
        self._stop_listening: Callable[[], None] | None = None
        self._lost = ""
        self._last_failure = ""
        self._trying = ""
        self._trying_since: datetime | None = None
        self._unanswered_since: datetime | None = None
        self._failure: Exception | None = None
        self._told_cut = ""
        """What the notice says in place of the strip."""
        self._told_lame_duck = ""
        """What the notice says of a server that will shut down."""
        self._last_focus: Widget | None = None

    @property
    def context(self) -> ContextLabel:
        """Where the options come from."""
        return self._context_label

    @context.setter
    def context(self, context: ContextLabel) -> None:
        self._context_label = self.session.safety.label(context)

    # What the kinds of panel say of themselves

    def compose_body(self) -> ComposeResult:
        """What is between the strip and the border."""
        yield from ()

    async def establish(self) -> None:
        """The first use of a fresh connection; in a worker."""
        if self.connection is not None:
            await self.connection.open()

    def read_event(self, event: Event) -> None:
        """An event of the connection, read in the panel's own time."""

    def hear_event(self, event: Event) -> None:
        """An event of the connection, at once: for data that must not come late. Touches no widget."""

    def connection_changes(self) -> None:
        """Another connection takes the place of the present one."""

    def refresh_body(self) -> None:
        """Paint the body as it is now."""

    def drain(self) -> bool:
        """Paint what has come in since, and tell whether anything had.

        Called at 10 Hz while the panel is shown, at 1 Hz otherwise; after a silence not before `Session.arrived`.
        """
        return False

    def suggest_subject(self, subject: str) -> None:
        """Fill in a subject where there is none yet."""

    @property
    def subject_words(self) -> str:
        """What the panel is about, for its title."""
        return self.spec.argument

    @property
    def unsent(self) -> str:
        """What closing the panel would lose, in words; empty for nothing."""
        return ""

    @property
    def lost_elsewhere(self) -> str:
        """What another connection would lose, in words; empty for nothing."""
        return ""

    @property
    def first_focus(self) -> Widget:
        """What has the focus when the panel is first entered."""
        return self

    @property
    def resting_place(self) -> Widget:
        """What has the focus while no text field has it."""
        return self

    # Life

    def compose(self) -> ComposeResult:
        yield ConnectionStrip()
        yield Notice()
        yield from self.compose_body()

    def on_mount(self) -> None:
        self.is_composed = True
        self.body_mounted()

    def body_mounted(self) -> None:
        """All widgets of the panel are there."""

    @property
    def strip(self) -> ConnectionStrip:
        return self.query_one(ConnectionStrip)

    @property
    def notice(self) -> Notice:
        return self.query_one(Notice)

    def attach(self) -> None:
        """Add the connection and use it for the first time, in a worker."""
        if self.session.is_closing or self.connection is not None:
            return
        if self.problem:
            self.say_problem()
            return
        options = self.options = self.session.safety.options(self.options, self.context)
        self.session.remember_secrets(options)
        options = options.replace(
            name=options.name or f"natstui {self.connection_id}",
            fault_drill=allows_drill(self.session, self.context.name, options.servers),
        )
        self.connection = self.session.manager.add(options, self.connection_id)
        self._stop_listening = self.connection.add_listener(self._hear)
        self.show_connection(self.session.clock.now())
        self.work(self.establish(), "establish", "Opening the connection")

    @property
    def ways_out(self) -> str:
        """What to press where the connection cannot be opened at all."""
        other = "" if self.session.confinement else "^t another context, "
        return f"F10 enters a connection, {other}r looks again"

    def say_problem(self) -> None:
        """Tell why there is no connection."""
        contexts = "" if self.session.confinement else "   ^t contexts"
        self.strip.words = ("✕ not connected", f"F10 edit{contexts}   r look again")
        self.notice.say(f"{self.problem} {self.ways_out}.")

    def _detach(self) -> None:
        if self._stop_listening is not None:
            self._stop_listening()
        self._stop_listening = None
        self.connection = None

    def change_connection(self, options: ConnectOptions | None) -> None:
        """Take a connection with other options in place of the present one; everything else stays as it is."""
        if options is None:
            return
        self.options = self.session.safety.options(options, self.context)
        self.problem, self.kept_place = "", None
        self.work(self._change(), "establish", "Changing the connection", exclusive=True)

    async def _change(self) -> None:
        self.connection_changes()
        self._detach()
        await self.session.release(self.connection_id)
        self._lost = self._last_failure = self._trying = ""
        self._failure = None
        self.notice.clear()
        self.attach()

    def on_unmount(self) -> None:
        self._detach()
        # The app sees to it: a panel disappears at once, however long its connection takes to say goodbye.
        if not self.session.is_closing:
            self.app.run_worker(
                self.session.release(self.connection_id),
                group="closing",
                name=f"close {self.connection_id}",
                description="Closing a connection",
                exit_on_error=False,
            )

    def work(
        self, use: Coroutine[Any, Any, None], group: str, description: str, *, exclusive: bool = False
    ) -> Worker[None]:
        """Run a use of the connection in a worker of this panel."""
        return self.run_worker(
            use,
            name=f"{self.connection_id} {group}",
            group=group,
            description=description,
            exclusive=exclusive,
            exit_on_error=False,
        )

    @on(Worker.StateChanged)
    def _worker_changed(self, message: Worker.StateChanged) -> None:
        message.stop()
        if message.state is not WorkerState.ERROR or message.worker.error is None:
            return
        error = message.worker.error
        if isinstance(error, OpenError):
            self._failure = error
            self.post_message(self.OpenFailed(self, error))
        self.show_connection(self.session.clock.now())
        if isinstance(error, OpenError):
            self._say_what_the_strip_cuts()
        else:
            self.notice.say(sentence(error))

    def _say_what_the_strip_cuts(self) -> None:
        """The strip tells why a connection failed and what to do; what it has no room for is the notice's."""
        # Called after a refresh, by when the panel may have been closed and its widgets be gone.
        strip = next(iter(self.query(ConnectionStrip)), None)
        if self._failure is None or strip is None or strip.view is None or not strip.content_size.width:
            return
        words = cut_words(strip.view, strip.content_size.width)
        if words != self.notice.sentence and self.notice.sentence in ("", self._told_cut):
            self.notice.say(words)
            self._told_cut = self.notice.sentence

    # Events and the strip

    def _hear(self, event: Event) -> None:
        self._arrived.append(event)
        self.hear_event(event)
        self.post_message(self.EventsArrived())

    @on(EventsArrived)
    def _events_arrived(self, message: EventsArrived) -> None:
        message.stop()
        is_changed = False
        while self._arrived:
            event = self._arrived.popleft()
            is_changed = is_changed or isinstance(event, kinds.StateChanged)
            self._note(event)
            self.read_event(event)
        self.show_connection(self.session.clock.now())
        if is_changed:
            self.post_message(self.Changed(self))

    def _note(self, event: Event) -> None:
        match event:
            case kinds.Disconnected(server=server, reason=reason):
                self._lost = f"lost {server.removeprefix('nats://')}: {reason}"
                if self._told_lame_duck and self.notice.sentence == self._told_lame_duck:
                    self.notice.clear()
            case kinds.LameDuck(server=server):
                self.notice.say(f"{server.removeprefix('nats://')} will shut down soon: lame duck mode.", "warning")
                self._told_lame_duck = self.notice.sentence
            case kinds.Attempt(server=server, delay=delay):
                self._trying, self._trying_since = server, event.at + timedelta(seconds=delay)
            case kinds.PingSent(outstanding=outstanding):
                if outstanding <= 1 or self._unanswered_since is None:
                    self._unanswered_since = event.at
            case kinds.PongReceived(outstanding=outstanding):
                self._unanswered_since = event.at if outstanding else None
            case kinds.AttemptFailed(error=error):
                problem = error.problem if isinstance(error, ManagedConnectionError) else str(error)
                self._last_failure = problem.replace("nats://", "")
            case kinds.Closed(reason=reason):
                self._lost, self._last_failure = reason, ""
            case kinds.Connected() | kinds.Reconnected():
                self._unanswered_since = None
                self._lost = self._last_failure = self._trying = ""
                if self._failure is not None:
                    self._failure = None
                    self.notice.clear()
            case kinds.ServerError(text=text):
                self.notice.say(f"The server says: {text}")
            case _:
                pass

    def view(self, now: datetime) -> StripView | None:
        """The connection as it stands now; None while there is none."""
        if self.connection is None:
            return None
        failure = self.connection.last_error or self._failure
        known = failure if isinstance(failure, ManagedConnectionError) else None
        return StripView(
            self.connection.stats(),
            now,
            cause=" · ".join(words for words in (self._last_failure, self._lost) if words),
            problem=known.problem if known else str(failure or ""),
            remedy=known.remedy if known else "",
            trying=self._trying or self.options.servers[0],
            trying_since=self._trying_since,
            unanswered_since=self._unanswered_since,
        )

    def show_connection(self, now: datetime) -> None:
        """Show the connection as it stands now."""
        if self.is_composed and (view := self.view(now)) is not None:
            self.strip.view = view

    def show_title(self) -> None:
        """Write the panel's number, kind and subject into its border."""
        words = shorten(sanitise(self.subject_words), 60)
        title = Content(f"{self.number} {self.KIND} {words}".rstrip())
        self.set_class(self.context.is_production, "-production")
        if self.shows_context:
            badge = (f" {shorten(sanitise(self.context.words), 34)} ", self.context.style)
            title = Content.assemble(f"{self.number} {self.KIND} ", badge, f" {words}".rstrip())
        if self.border_title != title.markup:
            # Setting it paints the whole panel anew.
            self.border_title = title

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < LOW, "-low")
        self.call_after_refresh(self._say_what_the_strip_cuts)

    # Focus and actions

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._last_focus = event.widget

    def focus_inside(self) -> None:
        """Give the focus to what had it last in this panel."""
        last = self._last_focus
        target = last if last is not None and last.is_mounted and last.focusable else self.first_focus
        target.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "leave_field":
            return isinstance(self.screen.focused, Input | TextArea)
        return True

    def action_step_field(self, direction: int) -> None:
        step = self.screen.focus_next if direction > 0 else self.screen.focus_previous
        step(f"#{self.id} *")

    def action_leave_field(self) -> None:
        self.resting_place.focus()

    def action_edit_connection(self) -> None:
        self.post_message(self.ConnectionEditWanted(self))

    def action_reconnect(self) -> None:
        if self.connection is None:
            if self.problem:
                self._look_again()
            return
        if self.connection.state in RESTARTABLE:
            self.notice.clear()
            self.work(self.establish(), "establish", "Opening the connection", exclusive=True)
        else:
            self.work(self.connection.force_reconnect(), "reconnect", "Connecting anew", exclusive=True)

    def action_fault_drill(self) -> None:
        self.post_message(self.FaultDrillWanted(self))

    def action_hint(self, action: str) -> str:
        """What the palette says of an action beside its tooltip's words, where that is another thing now."""
        if action == "fault_drill":
            return drill_refusal(self.session, self.context.name, self.options.servers)
        return ""

    def _look_again(self) -> None:
        self.session.places.look_again(self)
        if not self.problem:
            self.notice.clear()
        self.attach()
        self.post_message(self.Changed(self))

    def action_sleep(self) -> None:
        if self.connection is not None:
            self.work(self.connection.sleep(), "sleep", "Closing the connection until its next use", exclusive=True)

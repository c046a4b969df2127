"""The fault drill: break a panel's connection on purpose, and watch it noticed and mended against what is promised."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Input, Label, Static

from natstui.clock import Clock
from natstui.connection.durations import parse_duration
from natstui.fault_drill import EXPLAINED, Bound, DrillRun, Fault, expected, promise
from natstui.keys import bindings
from natstui.screens.leaving import Dialog
from natstui.stream.sanitise import sanitise
from natstui.widgets.choice import Choice
from natstui.widgets.connection_strip import ConnectionStrip
from natstui.widgets.drill_timeline import scale, timeline
from natstui.widgets.field import Field
from natstui.widgets.key_line import KeyLine
from natstui.widgets.notice import Notice
from natstui.widgets.stage_list import MARKS
from natstui.widgets.strip_text import StripView

FAULTS = tuple(Fault)
LOW = 24
"""Lines below which there is no empty line between the parts."""
LONGEST_STALL = 3_600.0
"""Seconds; longer ones teach nothing more."""


class FaultDrillScreen(Dialog[None]):
    """Asks which fault, says what is to be expected of it, then shows its course. Leaving it ends nothing.

    Args:
        title: which connection it is about.
        bound: what that connection promises.
        read: the connection as it stands at a moment.
        begin: makes a fault, with the seconds of a stall.
        run: the drill under way; None for choosing one.
    """

    BINDINGS = bindings("drill.begin", "drill.leave")

    def __init__(
        self,
        title: str,
        bound: Bound,
        read: Callable[[datetime], StripView | None],
        begin: Callable[[Fault, float], DrillRun],
        clock: Clock,
        run: DrillRun | None = None,
    ) -> None:
        super().__init__()
        self._title = title
        self._bound = bound
        self._read = read
        self._begin = begin
        self._clock = clock
        self.run = run
        """The drill that is shown; None while one is being chosen."""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -form -drill") as dialog:
            dialog.border_title = Content(f"fault drill · {sanitise(self._title)}")
            yield ConnectionStrip()
            with Horizontal(classes="form-row drill-choice"):
                yield Label("fault", classes="form-label", markup=False)
                yield Choice(FAULTS, id="fault")
            with Horizontal(classes="form-row drill-choice", id="seconds-row"):
                yield Label("for seconds", classes="form-label", markup=False)
                yield Field(f"{self._bound.usual_stall:g}", id="stall-seconds", is_selected_on_focus=True)
            yield Static(id="drill-words", markup=False)
            yield Notice()
            yield Static(id="drill-scale", markup=False)
            with VerticalScroll(id="drill-course"):
                yield Static(id="drill-steps", markup=False)
            yield Static(id="drill-verdict", markup=False)
            yield KeyLine()

    def on_mount(self) -> None:
        self.show_run()

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.height < LOW, "-low")
        self.call_after_refresh(self.show_run)

    def tick(self, now: datetime) -> None:
        """Show the time that has passed."""
        if self.run is not None and not self.run.is_over:
            self.show_run()
        else:
            self._show_strip(now)

    # Choosing

    @property
    def fault(self) -> Fault:
        """What is chosen."""
        return Fault(self.query_one(Choice).value)

    def _given_seconds(self) -> float:
        """How long to stall; 0 where that cannot be understood."""
        try:
            seconds = parse_duration(self.query_one("#stall-seconds", Field).text)
        except ValueError:
            return 0.0
        return seconds if seconds <= LONGEST_STALL else 0.0

    @on(Choice.Changed)
    @on(Input.Changed)
    def _choice_changed(self) -> None:
        self.query_one(Notice).clear()
        self.show_run()

    @on(Input.Submitted)
    def action_begin(self) -> None:
        """Make the chosen fault; once a drill is over, let another one be chosen."""
        if self.run is None:
            seconds = self._given_seconds()
            if self.fault is Fault.STALL and not seconds:
                self.query_one(Notice).say(
                    f"A stall lasts from above 0 to {LONGEST_STALL:g} seconds: write for example 65."
                )
                return
            self.query_one(Notice).clear()
            self.run = self._begin(self.fault, seconds)
        elif self.run.is_over:
            self.run = None
        self.show_run()

    def action_leave(self) -> None:
        self.dismiss(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "begin" or self.run is None or self.run.is_over

    def action_words(self, action: str) -> str:
        """What an action does now."""
        return "another drill" if action == "begin" and self.run is not None else ""

    # The course

    def show_run(self) -> None:
        """Show the drill as it stands, or what can be chosen and what is to be expected of it."""
        if not self.is_mounted:
            return
        run, now = self.run, self._clock.now()
        self._show_strip(now)
        self.set_class(run is not None, "-running")
        is_stall = (run.fault if run is not None else self.fault) is Fault.STALL
        for row in self.query(".form-row"):
            row.display = run is None and (is_stall or row.id != "seconds-row")
        course = self.query_one("#drill-course", VerticalScroll)
        course.display = run is not None
        self.query_one("#drill-scale").display = run is not None and is_stall
        self.query_one("#drill-verdict").display = run is not None and run.is_over
        self.query_one("#drill-words", Static).update(self._words())
        if run is None:
            if not isinstance(self.focused, Choice | Field):
                self.query_one(Choice).focus()
        else:
            width = self.query_one(ConnectionStrip).content_size.width or 60
            self.query_one("#drill-scale", Static).update(scale(run, now, width - 2))
            self.query_one("#drill-steps", Static).update(timeline(run, now, width - 2))
            mark = MARKS["ok" if run.is_well else "warning"]
            self.query_one("#drill-verdict", Static).update(Content.assemble(mark, (f" {run.verdict}", "bold")))
            course.scroll_end(animate=False)
            if self.focused is not course:
                course.focus()
        self.refresh_bindings()

    def _show_strip(self, now: datetime) -> None:
        if (view := self._read(now)) is not None:
            self.query_one(ConnectionStrip).view = view

    def _words(self) -> Content:
        if self.run is not None:
            return Content.styled(f"promised: {expected(self.run.fault, self._bound, self.run.seconds)}", "$text-muted")
        fault = self.fault
        told = promise(fault, self._bound, self._given_seconds() or self._bound.usual_stall)
        return Content.assemble(f"{fault.capitalize()}: {EXPLAINED[fault]}.\n", (told, "$text-muted"))

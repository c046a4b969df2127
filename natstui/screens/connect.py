"""The dialog in which a connection is described, checked by `ConnectOptions` itself."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Label
from textual.worker import Worker, WorkerState

from natstui.confinement import Confined, Confinement
from natstui.connection.address import parse_server, url_with
from natstui.connection.errors import OptionError
from natstui.connection.options import ConnectOptions
from natstui.context_keys import unsigned
from natstui.keys import bindings
from natstui.screens.connect_rows import ROWS, SECTIONS, Section
from natstui.screens.leaving import Dialog
from natstui.stream.sanitise import sanitise
from natstui.widgets.choice import Choice
from natstui.widgets.field import Field
from natstui.widgets.fitting import part
from natstui.widgets.form_section import FormScroll, FormSection, SectionHeading
from natstui.widgets.key_line import KeyLine
from natstui.widgets.line import Line
from natstui.widgets.notice import Notice
from natstui.widgets.pasted_field import PastedField
from natstui.widgets.stage_list import StageList
from natstui.widgets.strip_text import server_words

if TYPE_CHECKING:
    from natstui.headless.diagnosis import StageReport
IDENTITY = frozenset({"user", "password", "token", "credentials_file", "credentials", "nkey_seed", "jwt"})
"""Options that say who one is. Entered, they hold for every server, whatever stood in its URL."""
HEADING_HINT = "enter shows or hides these; pgdn and pgup go to the other headings"
FRAME = 5
"""Lines of the dialog that are not the form: its border, the hint and the keys."""


@dataclass(frozen=True, slots=True)
class Connecting:
    """What was entered."""

    options: ConnectOptions
    is_for_all: bool
    """Whether every panel, and those to come, shall have it."""


class ConnectDialog(Dialog[Connecting | None]):
    """Shows and changes what a connection is made of. Stored secrets are never put into a field.

    What is entered is tried first, stage by stage before one's eyes, as `natstui check` does; it is taken once a server
    of it can be used.

    Args:
        options: what is changed.
        title: whose connection it is.
        offers_all: whether to ask if it is for one panel or for all; otherwise it is for all.
        confinement: what a hosted session may not change.
    """

    BINDINGS = bindings(
        "dialog.accept", "dialog.untried", "dialog.cancel", "dialog.next_section", "dialog.previous_section"
    )

    @dataclass
    class ServerTried(Message):
        """The walk to a server begins."""

        walk: int
        server: str
        place: str
        stages: Sequence[str]

    @dataclass
    class StageWalked(Message):
        """A stage is over."""

        walk: int
        server: str
        report: StageReport

    @dataclass
    class WalkEnded(Message):
        """A server can be used, or none."""

        walk: int
        is_connected: bool

    def __init__(
        self,
        options: ConnectOptions,
        title: str,
        *,
        offers_all: bool = False,
        confinement: Confinement | None = None,
    ) -> None:
        super().__init__()
        self._confinement = confinement
        self._options = options
        self._title = title
        self._offers_all = offers_all
        self._walk_number = 0
        """The walk under way or the last one; messages of an earlier one come too late."""
        self._entered: Connecting | None = None
        """What is being tried."""
        self._failures: list[tuple[str, StageReport]] = []
        self._widgets: dict[str, Field | Choice] = {}
        """The field of each option; "tls" for both that concern it."""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -form") as dialog:
            dialog.border_title = Content(sanitise(self._title))
            with FormScroll():
                for section in SECTIONS:
                    yield self._section(section)
                if self._offers_all:
                    with Vertical(classes="form-rows"):
                        yield _form_row("for", Choice(("this panel", "all panels"), id="scope"))
            yield StageList(id="stages")
            yield Line(id="field-hint")
            yield Notice()
            yield KeyLine()

    def _section(self, section: Section) -> FormSection:
        widgets = {row: row.widget(self._options) for row in section.rows}
        self._widgets |= {row.option: widget for row, widget in widgets.items()}

        def summary() -> list[str]:
            return section.summary([row.told(widget, self._options) for row, widget in widgets.items()])

        rows = [_form_row(row.label, widget) for row, widget in widgets.items()]
        return FormSection(section.title, rows, summary, is_open=section.is_first)

    def on_mount(self) -> None:
        self._open_what_fits()
        self._widgets["servers"].focus()

    def _open_what_fits(self) -> None:
        """Open sections from the first on, as far as the whole form can be seen without scrolling."""
        sections = list(self.query(FormSection))
        room = self.app.size.height - FRAME - len(sections) - int(self._offers_all)
        for section in sections:
            room -= section.height
            section.is_open = section.is_open or room >= 0
        self._fit()

    @on(FormSection.Turned)
    def _section_turned(self, message: FormSection.Turned) -> None:
        message.stop()
        self._fit()
        self.call_after_refresh(message.section.scroll_visible)

    def _fit(self) -> None:
        """Make the dialog as high as what it holds, or as the screen; a sentence takes its lines from the form."""
        lines = sum(1 + section.height * section.is_open for section in self.query(FormSection))
        stages = self.query_one(StageList)
        shown = lines + int(self._offers_all) + FRAME + (len(stages.stages) + 2 if stages.display else 0)
        self.query_one(".dialog").styles.height = min(self.app.size.height, shown)

    def on_resize(self) -> None:
        if self.is_mounted:
            self._fit()

    @on(events.DescendantFocus)
    def _tell_of_field(self, message: events.DescendantFocus) -> None:
        """Say what the field under the cursor sets, and its name everywhere else."""
        row = ROWS.get(message.widget.id or "")
        if row is None and not isinstance(message.widget, SectionHeading):
            self.query_one("#field-hint", Line).show(())
            return
        name = "" if row is None else "require_tls, tls_first" if row.option == "tls" else row.option
        told = [part(90, (HEADING_HINT if row is None else row.hint, "label")), part(80, (name, "quiet"))]
        self.query_one("#field-hint", Line).show(told)

    def action_step_section(self, step: int) -> None:
        """Move the focus to the next heading, or to the one before."""
        headings = [section.heading for section in self.query(FormSection)]
        focused = self.focused
        place = next(
            (
                number
                for number, section in enumerate(self.query(FormSection))
                if focused is not None and section in focused.ancestors_with_self
            ),
            len(headings),
        )
        is_within = place < len(headings) and focused is not headings[place]
        headings[(place + (0 if step < 0 and is_within else step)) % len(headings)].focus()

    def _reveal(self, option: str) -> None:
        """Focus the field of an option, and open the section that it is in."""
        widget = self._widgets.get("tls" if option in ("require_tls", "tls_first") else option)
        if widget is None:
            return
        for section in self.query(FormSection):
            if section in widget.ancestors:
                section.is_open = True
        self._fit()
        self.call_after_refresh(widget.focus)

    def _changes(self) -> dict[str, Any]:
        """What the fields say differently from the options."""
        options = self._options
        changes: dict[str, Any] = {}
        for option, widget in self._widgets.items():
            if self._confinement is not None and isinstance(widget, PastedField) and widget.path is not None:
                raise Confined("A hosted session reads no file that it was not given: paste the text instead.")
            changes |= ROWS[option].changes(widget, options)
        if "user" in changes and changes["user"] is None and "password" not in changes:
            changes["password"] = None
        jwt, seed = (changes.get(name, getattr(options, name)) for name in ("jwt", "nkey_seed"))
        if jwt is None or seed is not None:
            if options.sign_callback is unsigned or "jwt" in changes:
                changes["sign_callback"] = None
        elif options.sign_callback is None:
            changes["sign_callback"] = unsigned
        if "servers" in changes or changes.keys() & IDENTITY:
            changes["servers"] = self._with_credentials(changes)
        return changes

    def _with_credentials(self, changes: dict[str, Any]) -> list[str] | str:
        """The servers entered. Those known keep the credentials that stood in their URLs, unless others are entered."""
        entered = str(changes.get("servers", ", ".join(self._options.servers)))
        if changes.keys() & IDENTITY:
            return entered
        known = {address.url: url_with(address, userinfo) for address, userinfo in self._options.pool}
        return ",".join(known.get(_plain_url(url), url) for url in entered.split(","))

    def _read(self) -> Connecting | None:
        """What the fields say; None, and a sentence, where it cannot work."""
        try:
            changes = self._changes()
            if self._confinement is not None:
                self._confinement.check(self._options, changes)
            options = self._options.replace(**changes)
        except Confined as error:
            self.query_one(Notice).say(str(error))
            return None
        except OptionError as error:
            self.query_one(Notice).say(str(error))
            self._reveal(error.option)
            return None
        is_for_all = not self._offers_all or self.query_one("#scope", Choice).value == "all panels"
        return Connecting(options, is_for_all)

    @on(Input.Submitted)
    def action_accept(self) -> None:
        """Try what the fields say, or say what is wrong with it."""
        self._stop_walking()
        self._entered = self._read()
        if self._entered is None:
            return
        self.query_one(Notice).clear()
        self.run_worker(
            self._walk(self._walk_number, self._entered.options),
            name="connect dialog",
            group="walk",
            description="Trying what was entered",
            exclusive=True,
            exit_on_error=False,
        )

    def action_accept_untried(self) -> None:
        """Take what the fields say: a server may be down for now."""
        self._stop_walking()
        if (entered := self._read()) is not None:
            self.dismiss(entered)

    def action_cancel(self) -> None:
        if self._entered is None:
            self.dismiss(None)
        else:
            self._stop_walking()
            self.query_one(Notice).say("Stopped. F5 tries again, escape leaves everything as it was.", "plain")

    # Trying what was entered

    def _stop_walking(self) -> None:
        self._walk_number += 1
        self._entered = None
        self._failures.clear()
        self.workers.cancel_group(self, "walk")
        self.query_one(StageList).stop()

    async def _walk(self, walk: int, options: ConnectOptions) -> None:
        """Walk to one server after the other until one can be used; in a worker, which touches no widget."""
        from natstui.headless.diagnosis import STAGES, ServerDiagnosis, Status

        if not options.name:
            options = options.replace(name="natstui connect")
        pool = options.pool
        for number, (address, userinfo) in enumerate(pool, 1):
            place = f"({number} of {len(pool)})" if len(pool) > 1 else ""
            self.post_message(self.ServerTried(walk, address.url, place, STAGES))
            diagnosis = ServerDiagnosis(options, address, userinfo)
            async with aclosing(diagnosis.walk()) as reports:
                async for report in reports:
                    self.post_message(self.StageWalked(walk, address.url, report))
            if diagnosis.status is not Status.FAILED:
                self.post_message(self.WalkEnded(walk, True))
                return
        self.post_message(self.WalkEnded(walk, False))

    @on(ServerTried)
    def _server_tried(self, message: ServerTried) -> None:
        if message.walk == self._walk_number:
            self.query_one(StageList).begin(message.server, message.stages, message.place)
            self._fit()

    @on(StageWalked)
    def _stage_walked(self, message: StageWalked) -> None:
        if message.walk == self._walk_number:
            self.query_one(StageList).add(message.report)
            if message.report.status == "failed":
                self._failures.append((message.server, message.report))

    @on(WalkEnded)
    def _walk_ended(self, message: WalkEnded) -> None:
        if message.walk != self._walk_number:
            return
        entered, self._entered = self._entered, None
        if message.is_connected:
            self.dismiss(entered)
            return
        problems = " · ".join(
            f"{server_words(server)}, {report.stage}: {report.detail}" for server, report in self._failures
        )
        remedy = next((report.remedy for _, report in reversed(self._failures) if report.remedy), "")
        self.query_one(Notice).say(f"{problems}; {remedy}" if remedy else problems)

    @on(Worker.StateChanged)
    def _worker_changed(self, message: Worker.StateChanged) -> None:
        message.stop()
        if message.state is WorkerState.ERROR and self._entered is not None:
            error = message.worker.error
            self._stop_walking()
            self.query_one(Notice).say(f"Something unexpected went wrong: {type(error).__name__}: {error}")


def _form_row(label: str, widget: Field | Choice) -> Horizontal:
    return Horizontal(Label(label, classes="form-label", markup=False), widget, classes="form-row")


def _plain_url(url: str) -> str:
    """A URL as `ConnectOptions` keeps it; empty where it has credentials, or is none."""
    try:
        address, userinfo = parse_server(url)
    except OptionError:
        return ""
    return "" if userinfo else address.url

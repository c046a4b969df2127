"""The dialog in which a connection is described, checked by `ConnectOptions` itself."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Label
from textual.worker import Worker, WorkerState

from natstui.confinement import Confined, Confinement
from natstui.connection.durations import format_duration
from natstui.connection.errors import OptionError
from natstui.connection.options import ConnectOptions
from natstui.keys import bindings
from natstui.widgets.choice import Choice
from natstui.widgets.field import Field
from natstui.widgets.key_line import KeyLine
from natstui.widgets.notice import Notice
from natstui.widgets.stage_list import StageList
from natstui.widgets.strip_text import server_words
from natstui.widgets.time_words import minutes

if TYPE_CHECKING:
    from natstui.headless.diagnosis import StageReport

TEXTS = (
    ("servers", "servers", "nats://host:4222, tls://host:4222"),
    ("name", "name", "as the server's monitoring shows it"),
    ("user", "user", ""),
    ("credentials_file", "creds file", "~/.nkeys/user.creds"),
    ("root_certificates", "CA file", "the system's authorities"),
    ("client_certificate", "certificate", "client certificate, PEM"),
    ("client_key", "key", "its private key, PEM"),
    ("tls_hostname", "TLS name", "the name on the server's certificate, where it is another"),
)
SECRETS = (("password", "password"), ("token", "token"), ("nkey_seed", "nkey seed"))
DURATIONS = (
    ("ping_interval", "ping every", "20s"),
    ("idle_timeout", "sleep after", "30m, 0 for never"),
    ("connection_timeout", "open within", "5s"),
    ("request_timeout", "wait at most", "10s"),
)
ORDER = (
    *("servers", "name", "user", "password", "token", "credentials_file", "nkey_seed", "tls"),
    *("root_certificates", "client_certificate", "client_key", "tls_hostname"),
    *("ping_interval", "max_outstanding_pings", "idle_timeout", "idle_policy"),
    *("connection_timeout", "request_timeout"),
)
TLS_WORDS = ("as the URL says", "required", "first")


@dataclass(frozen=True, slots=True)
class Connecting:
    """What was entered."""

    options: ConnectOptions
    is_for_all: bool
    """Whether every panel, and those to come, shall have it."""


class ConnectDialog(ModalScreen[Connecting | None]):
    """Shows and changes what a connection is made of. Stored secrets are never put into a field.

    What is entered is tried first, stage by stage before one's eyes, as `natstui check` does; it is taken once a server
    of it can be used.

    Args:
        options: what is changed.
        title: whose connection it is.
        offers_all: whether to ask if it is for one panel or for all; otherwise it is for all.
        confinement: what a hosted session may not change.
    """

    BINDINGS = bindings("dialog.accept", "dialog.untried", "dialog.cancel")

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

    def compose(self) -> ComposeResult:
        fields = dict(self._fields())
        with Vertical(classes="dialog -form") as dialog:
            dialog.border_title = self._title
            with VerticalScroll(can_focus=False):
                for name in ORDER:
                    label, widget = fields[name]
                    with Horizontal(classes="form-row"):
                        yield Label(label, classes="form-label", markup=False)
                        yield widget
                if self._offers_all:
                    with Horizontal(classes="form-row"):
                        yield Label("for", classes="form-label")
                        yield Choice(("this panel", "all panels"), id="scope")
            yield StageList(id="stages")
            yield Notice()
            yield KeyLine()

    def _fields(self) -> list[tuple[str, tuple[str, Field | Choice]]]:
        options = self._options
        fields: list[tuple[str, tuple[str, Field | Choice]]] = []
        for name, label, hint in TEXTS:
            value = ", ".join(options.servers) if name == "servers" else str(getattr(options, name) or "")
            fields.append((name, (label, Field(value, placeholder=hint, id=name))))
        for name, label in SECRETS:
            hint = "set; - removes it" if getattr(options, name) is not None else ""
            fields.append((name, (label, Field(placeholder=hint, id=name, password=True))))
        for name, label, hint in DURATIONS:
            seconds = getattr(options, name)
            fields.append((name, (label, Field(_duration(seconds), placeholder=hint, id=name))))
        pings = Field(str(options.max_outstanding_pings), placeholder="2", id="max_outstanding_pings")
        tls = 2 if options.tls_first else 1 if options.require_tls else 0
        return [
            *fields,
            ("max_outstanding_pings", ("pings unanswered", pings)),
            ("tls", ("TLS", Choice(TLS_WORDS, tls, id="tls"))),
            (
                "idle_policy",
                (
                    "with subscriptions",
                    Choice(("hold", "close"), int(options.idle_policy == "close"), id="idle_policy"),
                ),
            ),
        ]

    def on_mount(self) -> None:
        self.query_one("#servers", Field).focus()

    def _changes(self) -> dict[str, Any]:
        """What the fields say differently from the options."""
        options = self._options
        changes: dict[str, Any] = {}
        for name, _, _ in TEXTS:
            text = self.query_one(f"#{name}", Field).text
            if name == "servers":
                if text != ", ".join(options.servers):
                    changes["servers"] = text
            elif text != str(getattr(options, name) or ""):
                changes[name] = text or ("" if name == "name" else None)
        for name, _ in SECRETS:
            value = self.query_one(f"#{name}", Field).value
            if value:
                changes[name] = None if value == "-" else SecretStr(value)
        for name, _, _ in DURATIONS:
            text = self.query_one(f"#{name}", Field).text
            if text != _duration(getattr(options, name)):
                changes[name] = text
        pings = self.query_one("#max_outstanding_pings", Field).text
        if pings != str(options.max_outstanding_pings):
            changes["max_outstanding_pings"] = int(pings) if pings.isdecimal() else pings
        tls = self.query_one("#tls", Choice).chosen
        if (tls > 0, tls == 2) != (options.require_tls or options.tls_first, options.tls_first):
            changes |= {"require_tls": tls > 0, "tls_first": tls == 2}
        policy = self.query_one("#idle_policy", Choice).value
        if policy != options.idle_policy:
            changes["idle_policy"] = policy
        if "user" in changes and changes["user"] is None and "password" not in changes:
            changes["password"] = None
        return changes

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
            if matches := self.query(f"#{error.option}"):
                matches.first().focus()
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
            self.query_one(".dialog").add_class("-walking")
            self.query_one(StageList).begin(message.server, message.stages, message.place)

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


def _duration(seconds: float) -> str:
    """As it is typed: "30m", "1h 30m" without its spaces, "250ms"."""
    return minutes(seconds).replace(" ", "") if seconds >= 1 and seconds == int(seconds) else format_duration(seconds)

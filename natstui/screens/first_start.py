"""What a first start says where no server answers: what was tried, who said so, why it failed, and the ways on."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from natstui.connection.errors import NoServerAvailableError, OpenError
from natstui.keys import bindings
from natstui.screens.leaving import Dialog
from natstui.stream.sanitise import sanitise

LABEL = 15
"""Cells of the column of labels."""


def _row(label: str, words: str, style: str = "") -> Content:
    return Content.assemble((f"{label:<{LABEL}}", "$text-muted"), (words, style) if style else words)


class FirstStart(Dialog[str]):
    """The result is "connect", "embedded", "retry", or "" for staying with the dashboard as it is."""

    BINDINGS = bindings("start.connect", "start.embedded", "start.retry", "screen.back")

    def __init__(
        self, servers: Sequence[str], error: OpenError, *, said_by: str = "", offers_embedded: bool = True
    ) -> None:
        super().__init__()
        self._said_by = said_by
        self._offers_embedded = offers_embedded
        self._servers = servers
        self._error = error

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide -bad") as dialog:
            dialog.border_title = "no connection"
            yield Static(self._words(), classes="dialog-text")

    def _words(self) -> Content:
        error = self._error
        servers = [sanitise(server) for server in self._servers]
        indent = "\n" + " " * LABEL
        lines = [_row("natstui tried", indent.join(servers))]
        if self._said_by:
            lines.append(_row("because", sanitise(self._said_by)))
        failures = error.attempts if isinstance(error, NoServerAvailableError) else (error,)
        several = len(self._servers) > 1
        told = []
        for failure in failures:
            problem = failure.problem.removeprefix(f"{failure.server}: ")
            told.append(
                f"{failure.server}, at {failure.stage}: {problem}" if several else f"at {failure.stage}: {problem}"
            )
        lines.append(_row("why it failed", indent.join(sanitise(words) for words in told), "$text-error"))
        if error.remedy:
            lines.append(_row("what helps", sanitise(error.remedy)))
        embedded = "\n[$text-primary bold]e[/]  start a server of your own, here and now, with sample traffic"
        lines.append(
            Content.from_markup(
                "\n[$text-primary bold]c[/]  connect elsewhere: another server, a user, TLS"
                f"{embedded if self._offers_embedded else ''}"
                "\n[$text-primary bold]r[/]  try again   [$text-primary bold]esc[/]  look at the dashboard all the same"
            )
        )
        return Content("\n").join(lines)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "embedded" or self._offers_embedded

    def action_connect(self) -> None:
        self.dismiss("connect")

    def action_embedded(self) -> None:
        self.dismiss("embedded")

    def action_retry(self) -> None:
        self.dismiss("retry")

    def action_back(self) -> None:
        self.dismiss("")

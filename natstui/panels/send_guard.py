"""Between the key that sends and the connection: nothing goes out where it may not, or before it was confirmed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from natstui.connection.errors import HeaderError
from natstui.connection.message import encode_headers
from natstui.sending import Headers, Sending, question

if TYPE_CHECKING:
    from natstui.panels.base import Panel


class SendGuard:
    """Guards what one panel sends.

    Args:
        panel: it is told where something is not sent.
        verb: what sending is called there, "publish" or "request".
    """

    def __init__(self, panel: Panel, verb: str) -> None:
        self._panel = panel
        self._verb = verb
        self._known: set[str] = set()
        """Production contexts that were confirmed for single messages."""

    @property
    def refusal(self) -> str:
        """Why nothing can be sent at all, in one sentence; empty where it can."""
        panel = self._panel
        return panel.session.safety.why_read_only(panel.context) if panel.options.read_only else ""

    def pass_on(
        self,
        subject: str,
        payload: bytes,
        headers: Headers,
        go: Callable[[], None],
        *,
        total: int = 1,
        interval: float = 0.0,
    ) -> None:
        """Call `go`, at once or when it was confirmed; where it was not, say so in the panel."""
        panel, connection = self._panel, self._panel.connection
        context, settings = panel.context, panel.session.launch.settings
        if connection is None:
            return
        size = len(payload) + header_size(headers)
        server = connection.stats().server or panel.options.servers[0]
        sending = Sending(self._verb, subject, headers, size, context, server, total, interval)
        asked = question(
            sending, settings.confirm_payload, settings.confirm_count, is_known=context.name in self._known
        )
        if asked is None:
            go()
            return

        def answered(is_confirmed: bool | None) -> None:
            if not panel.is_attached:
                return
            if not is_confirmed:
                panel.notice.say("Nothing was sent.", "plain")
            elif panel.connection is not connection:
                panel.notice.say("Nothing was sent: the connection was changed meanwhile. Send it again.", "warning")
            else:
                if context.is_production:
                    self._known.add(context.name)
                go()

        panel.post_message(panel.QuestionAsked(asked, answered))


def header_size(headers: Headers) -> int:
    """As they go onto the wire; 0 for headers that cannot, which the connection refuses."""
    try:
        return len(encode_headers(headers))
    except (HeaderError, UnicodeEncodeError):
        return 0

"""Messages as they are written in the dashboard, and those that were sent in this session."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from natstui.connection.errors import HeaderError
from natstui.connection.outcome import PublishOutcome

CAPACITY = 200
"""Sent messages that are remembered."""

MARK = "<secret-not-saved>"
"""What stands in a saved draft in place of a secret."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to publish, as it was typed."""

    subject: str = ""
    reply: str = ""
    headers: str = ""
    """One ``Name: value`` per line."""
    payload: str = ""


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A draft that was sent, and what became of it."""

    draft: Draft
    at: datetime
    outcome: PublishOutcome
    times: int = 1
    """How often it was sent in that run."""


@dataclass
class History:
    """What was sent in this session, newest first. Kept in memory only: payloads may hold secrets."""

    sent: deque[SentMessage] = field(default_factory=lambda: deque(maxlen=CAPACITY))

    def add(self, message: SentMessage) -> None:
        """Remember a message; one that was sent before moves to the front."""
        for known in list(self.sent):
            if known.draft == message.draft:
                self.sent.remove(known)
        self.sent.appendleft(message)

    def replace(self, known: SentMessage, message: SentMessage) -> None:
        """Tell anew what became of a message; nothing where it is no longer remembered."""
        for place, sent in enumerate(self.sent):
            if sent is known:
                self.sent[place] = message
                return


def parse_header_lines(text: str) -> dict[str, str | list[str]]:
    """Return the headers in lines of ``Name: value``; empty lines are skipped, a name may stand several times.

    Raises:
        HeaderError: a line has no colon, or nothing before it.
    """
    headers: dict[str, str | list[str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if not colon or not name:
            raise HeaderError(f"line {number} of the headers is no header", "write Name: value, one per line")
        known = headers.get(name)
        if known is None:
            headers[name] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            headers[name] = [known, value]
    return headers


def unsaved_secret(*texts: str) -> str:
    """A sentence for a draft that cannot be sent, since a secret in it was not saved; empty where it can."""
    if not any(MARK in text for text in texts):
        return ""
    return f"A secret in this was not saved with the workspace: put it in place of {MARK}."

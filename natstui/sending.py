"""What is to be confirmed by typing before it is sent: production, much or large messages, what destroys."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from natstui.connection.durations import format_duration
from natstui.context_labels import ContextLabel
from natstui.stream.sanitise import sanitise
from natstui.widgets.fitting import shorten_middle
from natstui.widgets.time_words import bytes_words, count, plural

Headers = Mapping[str, str | Sequence[str]]

NAME_CELLS = 40

_DESTROYS = (
    (re.compile(r"(?:^|\.)STREAM\.DELETE\.([^.]+)$"), "deletes the stream {}, with all its messages"),
    (re.compile(r"(?:^|\.)STREAM\.PURGE\.([^.]+)$"), "removes messages from the stream {}"),
    (re.compile(r"(?:^|\.)STREAM\.MSG\.DELETE\.([^.]+)$"), "deletes a message of the stream {}"),
    (re.compile(r"(?:^|\.)CONSUMER\.DELETE\.[^.]+\.([^.]+)$"), "deletes the consumer {}"),
    (re.compile(r"^\$JS\..*\bACCOUNT\.PURGE\.([^.]+)$"), "removes all that JetStream has of the account {}"),
    (re.compile(r"^\$JS\..*\bSERVER\.(REMOVE)$"), "takes a server out of JetStream for good ({})"),
    (
        re.compile(r"(?:^|\.)STREAM\.UPDATE\.([^.]+)$"),
        "changes the stream {}, and may remove messages beyond new limits",
    ),
    (re.compile(r"(?:^|\.)STREAM\.PEER\.REMOVE\.([^.]+)$"), "takes a copy of the stream {} away"),
    (re.compile(r"^\$SYS\.REQ\.(?:.+\.)?(CLAIMS\.(?:DELETE|UPDATE))$"), "changes or deletes accounts ({})"),
    (re.compile(r"^\$SYS\.REQ\.SERVER\.[^.]+\.(KICK|LDM|RELOAD)$"), "acts on a server or its clients ({})"),
)
"""Subjects of JetStream's API, under any prefix, and of the system account → what they do, and to what."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What is about to go out, and where."""

    verb: str
    """"publish" or "request"."""
    subject: str
    headers: Headers
    size: int
    """Bytes of payload and headers."""
    context: ContextLabel
    server: str
    total: int = 1
    """How often; 0 until it is stopped."""
    interval: float = 0.0
    """Seconds between the beginnings of two sends."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before something is sent."""

    title: str
    reasons: tuple[str, ...]
    """Why it is asked, one sentence each."""
    rows: tuple[tuple[str, str], ...]
    """What will be sent: labels and words."""
    phrase: str
    """What has to be typed."""
    verb: str

    def is_answered_by(self, typed: str) -> bool:
        """Whether this is what has to be typed; figures may be typed with or without separators."""
        wanted, given = _plain(self.phrase), _plain(typed)
        if not given:
            return False
        return wanted == given or (wanted.replace(",", "").isdecimal() and _bare(wanted) == _bare(given))


def question(sending: Sending, most_bytes: int, most_sends: int, *, is_known: bool) -> Question | None:
    """Return what to ask before something is sent; None for nothing.

    Args:
        most_bytes: larger messages are asked about.
        most_sends: more messages are asked about, and a run without end always.
        is_known: whether a single message to this production context was confirmed before.
    """
    reasons: list[str] = []
    phrases: list[str] = []
    if (destroys := _what_it_destroys(sending)) is not None:
        reasons.append(destroys[0])
        phrases.append(destroys[1])
    if sending.context.is_production and (sending.total != 1 or not is_known):
        name = sending.context.name or "production"
        once = " Single messages from this panel are not asked about again." if sending.total == 1 else ""
        reasons.append(f"{shorten_middle(sanitise(name), NAME_CELLS)} is production.{once}")
        phrases.append(name)
    if sending.total == 0:
        reasons.append("It goes on until you stop it.")
        phrases.append("until stopped")
    elif sending.total > most_sends:
        reasons.append(f"{count(sending.total)} messages are more than {count(most_sends)} (confirm_count).")
        phrases.append(count(sending.total))
    if sending.size > most_bytes:
        reasons.append(f"{count(sending.size)} bytes are more than {count(most_bytes)} (confirm_payload).")
        phrases.append(count(sending.size))
    if not phrases:
        return None
    phrase = next((phrase for phrase in phrases if _plain(phrase)), sending.verb)
    return Question(
        f"{sending.verb} on {sending.context.words}" if sending.context.is_production else sending.verb,
        tuple(reasons),
        tuple(_rows(sending)),
        phrase,
        sending.verb,
    )


def _rows(sending: Sending) -> list[tuple[str, str]]:
    rows = [
        ("subject", shorten_middle(sanitise(sending.subject), NAME_CELLS)),
        ("size", f"{count(sending.size)} bytes"),
    ]
    if sending.total != 1:
        pace = f"one every {format_duration(sending.interval)}" if sending.interval else "without pause"
        often = plural(sending.total, "message") if sending.total else "until you stop it"
        rows.append(("how often", f"{often}, {pace}"))
    if sending.total > 1:
        rows.append(("altogether", bytes_words(sending.total * sending.size)))
    where = f" ({sanitise(sending.context.name)})" if sending.context.name else ""
    return [*rows, ("to", f"{shorten_middle(sanitise(sending.server), NAME_CELLS)}{where}")]


def _what_it_destroys(sending: Sending) -> tuple[str, str] | None:
    """A sentence, and what to type."""
    for pattern, words in _DESTROYS:
        if found := pattern.search(sending.subject):
            return f"This {words.format(shorten_middle(sanitise(found[1]), NAME_CELLS))}.", found[1]
    headers = {name.casefold(): value for name, value in sending.headers.items()}
    given = headers.get("kv-operation", "")
    operations = {given} if isinstance(given, str) else set(given)
    if {operation.strip().upper() for operation in operations} & {"DEL", "PURGE"}:
        return "This deletes a key of a bucket (KV-Operation).", sending.subject
    if "nats-rollup" in headers:
        return "This removes earlier messages from the stream (Nats-Rollup).", sending.subject
    return None


def _plain(text: str) -> str:
    return " ".join(sanitise(text).split())


def _bare(text: str) -> str:
    return re.sub(r"[,_ ]", "", text)

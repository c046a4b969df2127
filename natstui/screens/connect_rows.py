"""The rows of the connect dialog: which options it shows, under which heading, and how each is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from natstui.connection.auth import split_credentials
from natstui.connection.durations import format_duration
from natstui.connection.errors import AuthenticationError, OptionError
from natstui.connection.options import ConnectOptions
from natstui.context_keys import ContextError, read_text, seed_in
from natstui.widgets.choice import Choice
from natstui.widgets.field import Field
from natstui.widgets.pasted_field import PastedField
from natstui.widgets.time_words import minutes

Kind = Literal["text", "secret", "pasted", "duration", "count", "limit", "switch", "choice"]
LARGEST_SECRET = 65_536
"""Bytes of a file that may hold a secret."""
UNLIMITED = "unlimited"
TLS_WORDS = ("as the URL says", "required", "first")


@dataclass(frozen=True, slots=True)
class Row:
    """One option of the dialog."""

    option: str
    """Its name in `ConnectOptions`; "tls" stands for require_tls and tls_first together."""
    label: str
    hint: str
    """What it does, told while its field has the focus."""
    kind: Kind = "text"
    placeholder: str = ""
    words: tuple[str, ...] = ("no", "yes")
    """Of a choice."""

    def default(self) -> str:
        """How its default is shown."""
        return self.shown(ConnectOptions())

    def shown(self, options: ConnectOptions) -> str:
        """How its value is shown; a secret never is."""
        if self.kind in ("secret", "pasted"):
            return ""
        if self.option == "tls":
            return TLS_WORDS[2 if options.tls_first else 1 if options.require_tls else 0]
        value = getattr(options, self.option)
        match self.kind:
            case "duration":
                return _duration(value)
            case "limit":
                return UNLIMITED if value is None else str(value)
            case "switch":
                return self.words[bool(value)]
        if self.option == "servers":
            return ", ".join(value)
        return str(value if value is not None else "")

    def widget(self, options: ConnectOptions) -> Field | Choice:
        """A field that shows it."""
        is_set = self.kind in ("secret", "pasted") and getattr(options, self.option) is not None
        placeholder = "set; - removes it" if is_set else self.placeholder
        if self.kind == "pasted":
            return PastedField(placeholder=placeholder, id=self.option)
        if self.kind == "secret":
            return Field(placeholder=placeholder, id=self.option, password=True)
        if self.kind in ("switch", "choice"):
            return Choice(self.words, self.words.index(self.shown(options)), id=self.option)
        return Field(self.shown(options), placeholder=placeholder, id=self.option)

    def told(self, widget: Field | Choice, options: ConnectOptions) -> str:
        """What is entered, in words for a folded section; empty where that is the default. Never a secret."""
        if self.kind in ("secret", "pasted"):
            entered = bool(_text(widget)) or (isinstance(widget, PastedField) and bool(widget.secret))
            is_set = entered or getattr(options, self.option) is not None
            return f"{self.label} set" if is_set and _text(widget) != "-" else ""
        text = _text(widget)
        return f"{self.label} {text}" if text != self.default() else ""

    def changes(self, widget: Field | Choice, options: ConnectOptions) -> dict[str, Any]:
        """The options that the field says differently.

        Raises:
            OptionError: it cannot be read. Values that can be read and cannot work are left to `ConnectOptions`.
        """
        text = _text(widget)
        if self.kind in ("secret", "pasted"):
            return self._secret(widget)
        if text == self.shown(options):
            return {}
        match self.kind:
            case "count":
                return {self.option: _number(text)}
            case "limit":
                return {self.option: self._limit(text)}
            case "switch":
                return {self.option: text == self.words[1]}
        if self.option == "tls":
            return {"require_tls": text != TLS_WORDS[0], "tls_first": text == TLS_WORDS[2]}
        if self.option == "custom_inbox_prefix":
            return {self.option: text or self.default()}
        return {self.option: text or ("" if self.option in ("name", "servers") or self.kind == "duration" else None)}

    def _limit(self, text: str) -> int | None:
        if text.casefold() in ("", UNLIMITED):
            return None
        if not text.isdecimal():
            raise OptionError(self.option, f"is {text!r}", f"give {UNLIMITED}, or a whole number of at least 0")
        return int(text)

    def _secret(self, widget: Field | Choice) -> dict[str, Any]:
        if not isinstance(widget, PastedField):
            value = widget.value
            return {self.option: None if value == "-" else SecretStr(value)} if value else {}
        secret = widget.secret
        if widget.path is not None:
            secret = _file_text(self.option, widget.path)
        if not secret:
            return {}
        return {self.option: None if secret == "-" else SecretStr(_checked(self.option, secret))}


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under one heading."""

    title: str
    rows: tuple[Row, ...]
    is_first: bool = False
    """Whether it is open whatever the room."""

    def summary(self, told: Sequence[str]) -> list[str]:
        """What the folded section says: what differs from the defaults, else what there is to set."""
        entered = [words for words in told if words]
        return entered or [row.label for row in self.rows]


_PASTE = "pasted, or a file's path"

SECTIONS = (
    Section(
        "server",
        (
            Row("servers", "servers", "URLs, with commas between them", placeholder="nats://host:4222, tls://…"),
            Row("name", "name", "what the server's monitoring shows", placeholder="natstui and the panel's name"),
        ),
        is_first=True,
    ),
    Section(
        "authentication",
        (
            Row("user", "user", "with a password"),
            Row("password", "password", "with a user", "secret"),
            Row("token", "token", "instead of a user, or beside one", "secret"),
            Row("credentials_file", "creds file", "read again at each connect", placeholder="~/.nkeys/user.creds"),
            Row("credentials", "creds text", "the whole text of a .creds file", "pasted", _PASTE),
            Row("nkey_seed", "nkey seed", "alone, or beside a JWT that it signs for", "pasted", _PASTE),
            Row("jwt", "JWT", "a user JWT, with its nkey seed; without one a bearer JWT", "pasted", _PASTE),
        ),
        is_first=True,
    ),
    Section(
        "TLS",
        (
            Row("tls", "TLS", "first: before the server's INFO, for its handshake_first", "choice", words=TLS_WORDS),
            Row("root_certificates", "CA file", "authorities to trust, PEM", placeholder="the system's authorities"),
            Row("client_certificate", "certificate", "our own certificate, PEM"),
            Row("client_key", "key", "the private key of our certificate, PEM"),
            Row(
                "tls_hostname",
                "TLS name",
                "the name on the server's certificate, where it is another",
                placeholder="the URL's host",
            ),
        ),
    ),
    Section(
        "liveness and sleep",
        (
            Row("ping_interval", "ping every", "how often the server is asked whether it lives", "duration", "20s"),
            Row("max_outstanding_pings", "pings unanswered", "so many may be; then it counts as lost", "count", "2"),
            Row("idle_timeout", "sleep after", "without use; 0 for never", "duration", "30m"),
            Row(
                "idle_policy",
                "with subscriptions",
                "at that time: hold goes on listening, close closes",
                "choice",
                words=("hold", "close"),
            ),
            Row("connection_timeout", "open within", "the whole of connecting to a server", "duration", "5s"),
            Row("request_timeout", "answer within", "how long to wait for any answer", "duration", "10s"),
        ),
    ),
    Section(
        "reconnecting",
        (
            Row(
                "max_reconnects",
                "give up after",
                "failed attempts in a row over all servers; 0 for no attempt at all",
                "limit",
                UNLIMITED,
            ),
            Row(
                "retry_on_initial_connect",
                "keep trying",
                "where the first connect fails; what is sent waits",
                "switch",
            ),
            Row("retain_servers_order", "servers in order", "as given, instead of shuffled", "switch"),
            Row("ignore_discovered_servers", "only these servers", "not those that the cluster tells of", "switch"),
            Row("local_address", "connect from", "an IP address of this machine", placeholder="any address"),
        ),
    ),
    Section(
        "messages",
        (
            Row("no_echo", "no echo", "do not deliver what this connection itself publishes", "switch"),
            Row("custom_inbox_prefix", "inbox prefix", "where replies go; permissions may ask for one's own"),
            Row(
                "subscription_capacity",
                "subscription holds",
                "messages that may wait for the panel; more are dropped, and told",
                "count",
                "65536",
            ),
            Row(
                "client_capacity",
                "offline holds",
                "messages that may wait while reconnecting; more are refused",
                "count",
                "2048",
            ),
            Row(
                "skip_subject_validation",
                "unchecked subjects",
                "publish to subjects with white space in them",
                "switch",
            ),
        ),
    ),
)
ROWS = {row.option: row for section in SECTIONS for row in section.rows}


def _text(widget: Field | Choice) -> str:
    return widget.value if isinstance(widget, Choice) else widget.text


def _number(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _duration(seconds: float) -> str:
    """As it is typed: "30m", "1h 30m" without its spaces, "250ms"."""
    return minutes(seconds).replace(" ", "") if seconds >= 1 and seconds == int(seconds) else format_duration(seconds)


def _file_text(option: str, path: Path) -> str:
    try:
        path = path.expanduser()
        if not path.is_file():
            raise OptionError(option, f"names {path}, which is no file", "paste the text, or give the path of a file")
        if path.stat().st_size > LARGEST_SECRET:
            raise OptionError(option, f"names {path}, which is too large for it", "give the path of another file")
        return read_text(path).strip()
    except ContextError as error:
        raise OptionError(option, "cannot be read", str(error)) from None
    except (OSError, RuntimeError) as error:
        raise OptionError(option, f"names {path}, which cannot be read", str(error)) from None


def _checked(option: str, text: str) -> str:
    """The secret out of what was pasted. A sentence about it never repeats it.

    Raises:
        OptionError: it is none.
    """
    if option == "credentials":
        try:
            split_credentials(text)
        except AuthenticationError as error:
            raise OptionError(option, "is no credentials file", f"{error.problem}; {error.remedy}") from None
        return text
    if "NKEY SEED-----" in text and "USER JWT-----" in text:
        raise OptionError(option, "holds a whole credentials file", "put it into creds text, or name it in creds file")
    if option == "jwt":
        jwt = "".join(part for part in text.splitlines() if not part.lstrip().startswith("---"))
        jwt = "".join(jwt.split())
        if jwt.count(".") != 2 or not all(jwt.split(".")):
            raise OptionError(option, "is no JWT", "give its three parts with dots between them")
        return jwt
    try:
        return seed_in(text, option).get_secret_value()
    except ContextError:
        raise OptionError(option, "is no nkey seed", "give the one that begins with SU") from None

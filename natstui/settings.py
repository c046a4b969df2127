"""Settings: what natstui is told, by whom, and which word counts.

The order, strongest first: command line, ``NATSTUI_*`` variables, the nats context and ``NATS_*`` variables, the TOML
file, defaults. `load_settings` (natstui/settings_sources.py) applies it; a `Settings` made by hand reads nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from natstui.connection.address import parse_servers
from natstui.connection.durations import format_duration, parse_duration
from natstui.connection.errors import OptionError
from natstui.connection.options import ConnectOptions
from natstui.context_keys import read_seed, read_text, unsigned
from natstui.context_rules import ContextRule, ContextSafety, context_safety, read_rules
from natstui.contexts import NatsContext

MASK = "**********"
UI_FIELDS = (
    *("theme", "keymap", "ring_capacity", "ssh_profile", "log_file", "autosave", "save_drafts"),
    *("confirm_payload", "confirm_count"),
)
"""What concerns the screen only: broken ones are told and left out, and never keep natstui from starting."""
SECRET_FILES = {
    "token_file": "token",
    "password_file": "password",
    "nkey_seed_file": "nkey_seed",
    "jwt_file": "jwt",
}
"""Fields that name a file with a secret → the connect option that it fills."""


def _seconds(value: object) -> float:
    if not isinstance(value, str | int | float):
        raise ValueError("should be a duration; write for example 30m, 1m30s, 250ms or a number of seconds")
    return parse_duration(value)


def _servers(value: object) -> object:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple) or not _all_text(value):
        raise ValueError("should be a list of URLs, or text with commas between them")
    return tuple(url.strip() for urls in value for url in urls.split(",") if url.strip())


def _attempts(value: object) -> object:
    return None if isinstance(value, str) and value.strip().lower() == "unlimited" else value


def _keys(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    return {
        name: ",".join(keys) if isinstance(keys, list) and _all_text(keys) else keys for name, keys in value.items()
    }


def _rules(value: object) -> object:
    return read_rules(value)[0]


def _all_text(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def at_home(path: Path) -> Path:
    """Return a path with ~ resolved; as it is where there is no such home."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


Seconds = Annotated[float, BeforeValidator(_seconds)]
FilePath = Annotated[Path, AfterValidator(at_home)]


class Settings(BaseSettings):
    """Every setting with its effective value. Secrets are `SecretStr`: no repr and no listing shows one.

    The connection's names and defaults are those of `natstui.connection.ConnectOptions`, which explains them.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    context: str = ""
    """A context of the nats CLI; empty for the one selected there."""
    no_context: bool = False
    """Read no nats context, not even the selected one."""
    servers: Annotated[tuple[str, ...], BeforeValidator(_servers)] = ("nats://127.0.0.1:4222",)
    """`nats://`, `tls://`, `ws://` or `wss://`, tried in turn. Shown without the credentials in their URLs."""
    name: str = ""

    token: SecretStr | None = None
    token_file: FilePath | None = None
    """A file with a token."""
    user: str | None = None
    """With a password; alone, it is a token, as in the nats CLI."""
    password: SecretStr | None = None
    password_file: FilePath | None = None
    """A file with the password of `user`."""
    nkey_seed: SecretStr | None = None
    nkey_seed_file: FilePath | None = None
    """A file with an nkey user seed."""
    jwt: SecretStr | None = None
    """A user JWT, with `nkey_seed` to sign for it; without, a bearer JWT."""
    jwt_file: FilePath | None = None
    """A file with a user JWT."""
    credentials_file: FilePath | None = None
    credentials: SecretStr | None = None

    require_tls: bool = False
    tls_first: bool = False
    root_certificates: FilePath | None = None
    client_certificate: FilePath | None = None
    client_key: FilePath | None = None
    tls_hostname: str | None = None

    connection_timeout: Seconds = 5.0
    request_timeout: Seconds = 10.0
    ping_interval: Seconds = 20.0
    max_outstanding_pings: int = 2
    retry_on_initial_connect: bool = False
    max_reconnects: Annotated[int | None, BeforeValidator(_attempts)] = None
    """Failed attempts in a row, over all servers, before the connection counts as failed; `unlimited` for no limit."""
    ignore_discovered_servers: bool = False
    retain_servers_order: bool = False
    skip_subject_validation: bool = False
    subscription_capacity: int = 65_536
    client_capacity: int = 2_048
    custom_inbox_prefix: str = "_INBOX"
    read_buffer_capacity: int = 65_535
    local_address: str | None = None
    no_echo: bool = False
    idle_timeout: Seconds = 1_800.0
    idle_policy: Literal["hold", "close"] = "hold"
    fault_drill: bool = False
    check_interval: Seconds = 300.0
    """Time between two looks for idle connections, at most (HeyNATS: 5 minutes)."""

    theme: str = ""
    """A theme's name: natstui's own, `natstui`, `natstui-light` and `natstui-16`, or one of Textual's. By default
    `natstui`; where the terminal has 16 colours or none, or NO_COLOR is set, `natstui-16`."""
    keymap: Annotated[dict[str, str], BeforeValidator(_keys)] = Field(default_factory=dict)
    """Binding id → keys, with commas between them; [Keys](keys.md) has the ids."""
    ring_capacity: int = Field(default=10_000, ge=1)
    """Messages that a subscribe panel keeps."""
    ssh_profile: bool = False
    """Draw less often, without animation or mouse; by default on where SSH_CONNECTION is set."""
    log_file: FilePath | None = None
    """Where the event log is written; by default `events.log` in natstui's directory for state."""
    read_only: bool = False
    """Let no message leave: neither publish nor request, on any connection."""
    contexts: Annotated[dict[str, ContextRule], BeforeValidator(_rules)] = Field(default_factory=dict)
    """A context's name, or a glob of names → what holds for it; see [safety](safety.md)."""
    confirm_payload: int = Field(default=65_536, ge=0)
    """Bytes of headers and payload beyond which sending has to be confirmed by typing."""
    confirm_count: int = Field(default=1_000, ge=0)
    """Sends of one draft beyond which it has to be confirmed by typing; without end it always has."""
    autosave: bool = True
    """Save a workspace as it changes, and without one what was there last; see [workspaces](workspaces.md)."""
    save_drafts: bool = True
    """Save drafts too: payloads, headers and reply subjects."""
    hosted: bool = False
    """For users without a shell here: no file but in the state directory, no credentials elsewhere, no server of its
    own; see [hosting](hosting-over-ssh.md#hosted)."""

    _urls: tuple[SecretStr, ...] = PrivateAttr(default=())
    _provenance: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _warnings: tuple[str, ...] = PrivateAttr(default=())
    _nats_context: NatsContext | None = PrivateAttr(default=None)
    _config_file: Path | None = PrivateAttr(default=None)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed in; `load_settings` puts the sources in order, and keeps where each value came from."""
        return (init_settings,)

    @field_validator("servers")
    @classmethod
    def _check_servers(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        parse_servers(servers)
        return servers

    @field_validator("check_interval")
    @classmethod
    def _check_check_interval(cls, seconds: float) -> float:
        if not seconds:
            raise OptionError("check_interval", "must be longer than 0", "give seconds, or text such as 5m")
        return seconds

    def model_post_init(self, context: Any, /) -> None:
        super().model_post_init(context)
        self._urls = tuple(SecretStr(url) for url in self.servers)
        object.__setattr__(self, "servers", tuple(address.url for address, _ in parse_servers(self.servers)))

    def connect_options(self, **overrides: Any) -> ConnectOptions:
        """Return the options of a connection, with `overrides` over them.

        Files with secrets (`token_file` …) are read now.

        Raises:
            OptionError: a value cannot work, or values contradict each other.
            ContextError: a file with a secret cannot be read.
        """
        values = {name: getattr(self, name) for name in CONNECT_FIELDS}
        values["servers"] = [url.get_secret_value() for url in self._urls]
        for name, option in SECRET_FILES.items():
            path: Path | None = getattr(self, name)
            if path is not None and values[option] is None:
                values[option] = read_seed(path) if option == "nkey_seed" else SecretStr(read_text(path).strip())
        values["read_only"] = self.read_only or self.safety_of(self.context).read_only
        values["fault_drill"] = self.allows_fault_drill(self.context)
        values |= overrides
        if values["jwt"] is not None and values["nkey_seed"] is None:
            values.setdefault("sign_callback", unsigned)
        return ConnectOptions(**values)

    def safety_of(self, context: str) -> ContextSafety:
        """What holds for a context by its name; empty for a connection that comes from none."""
        return context_safety(context, self.contexts)

    def allows_fault_drill(self, context: str) -> bool:
        """Whether a context's connections may be broken on purpose: as its own table says, else as `fault_drill`.

        On production only where a table names it, and ``*`` names nothing.
        """
        safety = self.safety_of(context)
        if not safety.is_production:
            return self.fault_drill if safety.fault_drill is None else safety.fault_drill
        named = {pattern: rule for pattern, rule in self.contexts.items() if pattern.strip("*")}
        return safety.fault_drill is True and context_safety(context, named).fault_drill is True

    @property
    def provenance(self) -> Mapping[str, str]:
        """For every field where its value came from.

        One of "command line", "environment variable NAME", "context NAME", "file PATH", "default"; and "program" for
        what a `Settings` made by hand was given.
        """
        made = {name: "program" if name in self.model_fields_set else "default" for name in type(self).model_fields}
        return made | dict(self._provenance)

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each thing that was left out; secrets never stand in one, control characters may."""
        return self._warnings

    @property
    def nats_context(self) -> NatsContext | None:
        """The nats context in force, with its colour, description and JetStream domain."""
        return self._nats_context

    @property
    def config_file(self) -> Path | None:
        """The TOML file that was, or would have been, read."""
        return self._config_file

    def listing(self) -> list[tuple[str, Any, str]]:
        """Every field as (name, value, where it came from); secrets masked, paths and durations as they are."""
        options = self.connect_options()
        rows: list[tuple[str, Any, str]] = []
        for name in type(self).model_fields:
            value, origin = getattr(self, name), self.provenance[name]
            if value is None and name in ("user", "password", "token") and getattr(options, name) is not None:
                file = next((key for key, option in SECRET_FILES.items() if option == name), "")
                in_file = bool(file) and getattr(self, file, None) is not None
                value = getattr(options, name)
                origin = self.provenance[file] if in_file else f"{self.provenance['servers']} (in the URL)"
            rows.append((name, MASK if isinstance(value, SecretStr) else value, origin))
        return rows


CONNECT_FIELDS = tuple(option.name for option in fields(ConnectOptions) if option.name in Settings.model_fields)
"""The options of a connection that can be given as text."""


def shown(name: str, value: Any) -> str:
    """Return a field's value as text that could be given again."""
    if Settings.model_fields[name].annotation is float:
        return format_duration(value)
    if name == "max_reconnects" and value is None:
        return "unlimited"
    if value is None or value in ("", {}, ()):
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {words}" for key, words in value.items())
    return str(value)

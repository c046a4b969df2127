"""Where a connection leads, written down without any secret, and found again from that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from natstui.confinement import Confined
from natstui.connection.errors import OptionError
from natstui.connection.options import ConnectOptions
from natstui.context_labels import NO_CONTEXT, ContextLabel
from natstui.context_options import options_on
from natstui.contexts import ContextError, context_directory, list_contexts, load_context
from natstui.safety import Safety
from natstui.saved_secrets import SECRETS

if TYPE_CHECKING:
    from natstui.confinement import Confinement
    from natstui.launch import Launch

PATHS = ("credentials_file", "root_certificates", "client_certificate", "client_key")
"""Options that name a file."""
PLAIN = (
    *("name", "user", *PATHS, "require_tls", "tls_first", "tls_hostname", "local_address", "custom_inbox_prefix"),
    *("connection_timeout", "request_timeout", "ping_interval", "max_outstanding_pings", "idle_timeout", "idle_policy"),
    *("retry_on_initial_connect", "max_reconnects", "ignore_discovered_servers", "retain_servers_order", "no_echo"),
    *("skip_subject_validation", "subscription_capacity", "client_capacity", "read_buffer_capacity"),
)
"""Options that may be written down. What may be sent, and what may be broken, is for the settings alone to say."""
_WHERE = ("user", *PATHS, "require_tls", "tls_first", "tls_hostname", "custom_inbox_prefix")
_IDENTITY = ("user", *SECRETS, "sign_callback", "auth_callback", *PATHS, "tls_client_config")
_WORDS = {"nkey_seed": "nkey seed", "jwt": "JWT"}


@dataclass(frozen=True)
class Place:
    """Where a connection leads: to a nats context, or to servers."""

    context: str = ""
    servers: tuple[str, ...] = ()
    """Without credentials; empty where a context is named."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of `PLAIN`, what is other than the context has it, or than it is by default."""
    without: tuple[str, ...] = ()
    """Of `SECRETS`, those that the connection had and nothing but its user knows."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a place comes to, here and now."""

    options: ConnectOptions
    label: ContextLabel
    problem: str = ""
    """Why it cannot be connected to, in one sentence; empty where it can."""
    origin: ConnectOptions | None = None
    """What its context alone says; None for a place without one."""


def place_of(
    options: ConnectOptions, label: ContextLabel, given: ConnectOptions, origin: ConnectOptions | None
) -> Place:
    """Write down where a connection leads.

    Args:
        given: what natstui was started with: its pings, timeouts … are not the place's.
        origin: what the context alone says, where that is known.
    """
    if label.name:
        if origin is None:
            return Place(label.name)
        return Place(label.name, (), _other(options, origin, PLAIN), _secrets(options, origin))
    plain = ConnectOptions()
    behaviour = [name for name in PLAIN if name not in _WHERE]
    other = _other(options, plain, _WHERE) | _other(options, given, behaviour)
    return Place("", tuple(options.servers), other, _secrets(options, plain))


def _other(options: ConnectOptions, base: ConnectOptions, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(options, name) for name in names if _text(options, name) != _text(base, name)}


def _text(options: ConnectOptions, name: str) -> object:
    value = getattr(options, name)
    return str(value) if isinstance(value, Path) else value


def _secrets(options: ConnectOptions, base: ConnectOptions) -> tuple[str, ...]:
    return tuple(
        name for name in SECRETS if getattr(options, name) is not None and getattr(options, name) != getattr(base, name)
    )


def find_place(place: Place, launch: Launch, *, confinement: Confinement | None = None) -> Found:
    """Find out how to connect to a place.

    Credentials that natstui was started with go to the servers that it was started with, and nowhere else; a connection
    that settings make read-only stays so.

    Args:
        launch: what natstui was started with.
        confinement: the bounds of a hosted session: it is on what it was given, and reads no context.
    """
    label, origin = ContextLabel(place.context) if place.context else NO_CONTEXT, None
    try:
        if place.context:
            options, label = _of_context(place.context, launch, confinement)
            origin = options
        else:
            options = _of_servers(place.servers, launch.options)
            if set(place.servers) <= set(launch.options.servers):
                # It gets the context's credentials, so that what holds for the context holds here.
                label = _given_label(launch)
        changes = {name: value for name, value in place.options.items() if name in PLAIN}
        if "user" in changes:
            missing = place.without or ("password",)
        else:
            missing = tuple(name for name in place.without if place.context or getattr(options, name) is None)
        if missing:
            return Found(launch.options, label, _unknown(missing), origin)
        if confinement is not None:
            confinement.check(launch.options, {"servers": options.servers, **changes})
        settings = launch.settings
        read_only = options.read_only or settings.read_only or settings.safety_of(label.name).read_only
        return Found(options.replace(**changes, read_only=read_only), label, "", origin)
    except ContextError as error:
        words = str(error)
        return Found(launch.options, label, f"{words[:1].upper()}{words[1:]}.")
    except OptionError as error:
        return Found(launch.options, label, f"This connection cannot be used: {error}.")
    except Confined as error:
        return Found(launch.options, label, str(error))


def _of_context(name: str, launch: Launch, confinement: Confinement | None) -> tuple[ConnectOptions, ContextLabel]:
    if name == launch.context_name:
        return launch.options, _given_label(launch)
    if confinement is not None:
        raise ContextError(f"the context {name!r} is not one that this hosted session was given")
    if "/" in name or "\\" in name or name not in list_contexts():
        raise ContextError(
            f"there is no nats context {name!r} on this machine; natstui looked in {path_words(context_directory())}"
        )
    context = load_context(name)
    options = options_on(context, Safety(launch).elsewhere(launch.options))
    return options, ContextLabel(name, context.color_scheme)


def _given_label(launch: Launch) -> ContextLabel:
    context = launch.settings.nats_context
    return ContextLabel(launch.context_name, context.color_scheme if launch.context_name and context else "")


def _of_servers(servers: tuple[str, ...], given: ConnectOptions) -> ConnectOptions:
    if set(servers) == set(given.servers):
        return given
    if set(servers) <= set(given.servers):
        return given.replace(servers=servers)
    defaults = ConnectOptions()
    return given.replace(servers=servers, **{name: getattr(defaults, name) for name in (*_IDENTITY, *_WHERE)})


def _unknown(missing: tuple[str, ...]) -> str:
    words = " and ".join(_WORDS.get(name, name) for name in missing)
    return f"This connection was saved without its {words}."


def path_words(path: Path) -> str:
    """The path, with ~ for the home directory."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)

"""The nats CLI's contexts, read as the CLI reads them and never written.

They live in ``$XDG_CONFIG_HOME/nats`` (else ``~/.config/nats``): ``context/NAME.json`` and ``context.txt``, which names
the selected one. Read from nats-io/jsm.go ``natscontext`` and nats-io/natscli; see also ADR-21.

What natstui does not honour becomes a warning that names the key, never silence. In particular it runs no other
program to get at credentials, so ``nsc``, ``nsc://`` and ``op://`` are told and left out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from natstui.context_keys import ContextError, KeyReader, read_text

__all__ = [
    "ContextError",
    "NatsContext",
    "context_directory",
    "effective_context",
    "list_contexts",
    "load_context",
    "selected_context",
]

_VARIABLES = {
    "NATS_URL": "url",
    "NATS_USER": "user",
    "NATS_PASSWORD": "password",
    "NATS_TOKEN": "token",
    "NATS_CREDS": "creds",
    "NATS_NKEY": "nkey",
    "NATS_JWT": "user_jwt",
    "NATS_SEED": "user_seed",
    "NATS_CERT": "cert",
    "NATS_KEY": "key",
    "NATS_CA": "ca",
    "NATS_TIMEOUT": "timeout",
    "NATS_SOCKS_PROXY": "socks_proxy",
    "NATS_COLOR": "color_scheme",
}


@dataclass(frozen=True)
class NatsContext:
    """What a context, with the NATS_* variables over it where asked for, says about a connection."""

    name: str = ""
    """Empty where no context is in force and all comes from variables."""
    path: Path | None = None
    description: str = ""
    color_scheme: str = ""
    """A hint for tools, such as "red"; untrusted text."""
    jetstream_domain: str = ""
    jetstream_api_prefix: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Keyword arguments for `natstui.connection.ConnectOptions`; secrets are `SecretStr`."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """For each of `options`, where it came from: "context prod", "environment variable NATS_URL"."""
    warnings: tuple[str, ...] = ()
    """One sentence for each key that natstui cannot honour."""


def context_directory() -> Path:
    """Return the directory in which the contexts are, whether it exists or not."""
    return _root() / "context"


def list_contexts() -> tuple[str, ...]:
    """Return the names of all contexts, sorted; empty where there are none."""
    directory = context_directory()
    try:
        files = [entry for entry in directory.iterdir() if entry.suffix == ".json" and entry.is_file()]
        return tuple(sorted(entry.stem for entry in files if entry.stat().st_size and not _name_problem(entry.stem)))
    except OSError:
        return ()


def selected_context() -> str:
    """Return the name of the context that the CLI has selected (``context.txt``), or "" for none."""
    try:
        return (_root() / "context.txt").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def load_context(name: str) -> NatsContext:
    """Read one context, as it stands: no NATS_* variable goes over it.

    `name` may also be the path of an existing file that ends in ``.json``, as the CLI takes it.

    Raises:
        ContextError: there is no such context, its name is refused, or it cannot be read.
    """
    return _load(name, {})


def effective_context(name: str = "", *, use_contexts: bool = True) -> NatsContext:
    """Read the context in force and lay the NATS_* variables over it, key by key, as the CLI does.

    `name` is that of ``--context``; without it NATS_CONTEXT counts, then the selected context. With
    `use_contexts` false (``--no-context``) only the variables are read. NATS_USER without NATS_PASSWORD is a token.

    Raises:
        ContextError: as `load_context`; for the selected context it says how to go without.
    """
    variables = {
        key: (variable, os.environ[variable]) for variable, key in _VARIABLES.items() if os.environ.get(variable)
    }
    if "user" in variables and "password" not in variables:
        variables.setdefault("token", variables["user"])
        del variables["user"]
    if not use_contexts:
        return _translate("", None, {}, variables)
    chosen = name or os.environ.get("NATS_CONTEXT", "")
    if chosen:
        return _load(chosen, variables)
    selected = selected_context()
    if not selected:
        return _translate("", None, {}, variables)
    try:
        return _load(selected, variables)
    except ContextError as error:
        raise ContextError(
            f"{error} (it is the selected one; choose another with --context, or --no-context)"
        ) from None


def _root() -> Path:
    configured = os.environ.get("XDG_CONFIG_HOME")
    return (Path(configured) if configured else Path.home() / ".config") / "nats"


def _name_problem(name: str) -> str:
    if not name:
        return "is empty"
    for refused in ("..", "/", "\\"):
        if refused in name:
            return f"holds {refused!r}"
    return "" if name.isprintable() else "holds control characters"


def _load(name: str, variables: Mapping[str, tuple[str, str]]) -> NatsContext:
    path = Path(name)
    if name.endswith(".json") and path.is_file():
        name = path.stem
    else:
        problem = _name_problem(name)
        if problem:
            raise ContextError(f"the context name {name!r} {problem}; give a name as 'nats context ls' shows it")
        path = _root() / "context" / f"{name}.json"
        if not path.is_file():
            known = ", ".join(list_contexts())
            raise ContextError(
                f"there is no nats context {name!r}; "
                + (f"there are: {known}" if known else f"{path.parent} holds none")
            )
    try:
        content = json.loads(read_text(path))
    except ValueError as error:
        if isinstance(error, ContextError):
            raise
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ContextError(f"the nats context {name!r} is not JSON ({path}{where}); correct it there") from None
    if not isinstance(content, dict):
        raise ContextError(f"the nats context {name!r} is no JSON object ({path}); correct it there")
    return _translate(name, path, content, variables)


def _translate(
    name: str, path: Path | None, content: Mapping[str, Any], variables: Mapping[str, tuple[str, str]]
) -> NatsContext:
    reader = KeyReader(name, content, variables)
    reader.translate()
    return NatsContext(
        name=name,
        path=path,
        description=reader.text("description"),
        color_scheme=reader.text("color_scheme"),
        jetstream_domain=reader.text("jetstream_domain"),
        jetstream_api_prefix=reader.text("jetstream_api_prefix"),
        options=reader.options,
        origins=reader.origins,
        warnings=tuple(reader.warnings),
    )

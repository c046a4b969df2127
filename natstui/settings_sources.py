"""Where settings come from, and the order in which they count."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from natstui.connection.address import parse_server
from natstui.connection.errors import OptionError
from natstui.context_keys import without_userinfo
from natstui.context_rules import read_rules
from natstui.contexts import ContextError, NatsContext, effective_context
from natstui.settings import SECRET_FILES, UI_FIELDS, Settings, at_home

COMMAND_LINE = "command line"
_PREFIX = "NATSTUI_"
_STRAY = "environment variable NATS_PASSWORD"
_WAYS = (
    {"user", "password", "password_file"},
    {"token", "token_file"},
    {"nkey_seed", "nkey_seed_file", "jwt", "jwt_file"},
    {"credentials_file"},
    {"credentials"},
)
_RIVALS = SECRET_FILES | {option: file for file, option in SECRET_FILES.items()}
_AUTHENTICATION = frozenset().union(*_WAYS)
_IDENTITY = _AUTHENTICATION | {"servers", "client_certificate", "client_key"}
CONNECTING = _IDENTITY | {"require_tls", "tls_first", "root_certificates", "tls_hostname", "context", "no_context"}
"""Fields that say where to connect, and as whom."""


class SettingsError(ValueError):
    """natstui cannot start with these settings; ``str()`` is one sentence that says what and where, and no secret."""


@dataclass
class _Layer:
    """One source: values under the fields' names, and where each stands."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    """For a file, the line of each key."""

    def drop(self, names: frozenset[str] | set[str]) -> None:
        self.values = {name: value for name, value in self.values.items() if name not in names}

    def place(self, name: str) -> str:
        origin = self.origins.get(name, "")
        if origin == COMMAND_LINE:
            return f"{origin}, {flag(name)}"
        return f"{origin}, line {self.lines[name]}" if name in self.lines else origin


def flag(name: str) -> str:
    """Return the command line's name of a field."""
    return "--server" if name == "servers" else "--" + name.replace("_", "-")


def config_path() -> Path:
    """Return where natstui's TOML file stands unless told otherwise.

    ``$XDG_CONFIG_HOME/natstui/config.toml`` (else ``~/.config``), macOS ``~/Library/Application Support``, Windows
    ``%APPDATA%``.
    """
    from platformdirs import user_config_path

    return user_config_path("natstui", appauthor=False, roaming=True) / "config.toml"


def settings_file(config: Path | None) -> tuple[Path, bool]:
    """Return the TOML file to read, and whether `config` or NATSTUI_CONFIG asked for this very one."""
    if config is not None:
        return at_home(config), True
    named = os.environ.get("NATSTUI_CONFIG")
    return (at_home(Path(named)), True) if named else (config_path(), False)


def has_userinfo(servers: object) -> bool:
    """Whether any of these URLs (a list, or text with commas) holds credentials."""
    return any(_holds_userinfo(url) for url in _urls(servers))


def load_settings(
    command_line: Mapping[str, Any] | None = None, *, config: Path | None = None, embedded: bool = False
) -> Settings:
    """Read every source and return what counts.

    `command_line` holds fields' names → values as given; `config` is another TOML file than the default. With
    `embedded` everything that says where to connect, and as whom, is left out: natstui brings the server.

    User and password, token, nkey, JWT and credentials are one choice: the strongest source that names any of
    them decides, so that a token on the command line is not mixed with the password of a context. A nats context in
    force replaces the file's servers and credentials together. A user without password is a token, as in the nats CLI.

    Raises:
        SettingsError: a file or a setting of the connection is broken.
    """
    warnings: list[str] = []
    file, given = settings_file(config)
    command = _Layer(dict(command_line or {}), dict.fromkeys(command_line or {}, COMMAND_LINE))
    environment = _environment(warnings)
    toml = _toml(file, given, warnings)
    layers = [command, environment, toml]
    context = None
    if not embedded:
        context = _context(layers)
        layers.insert(2, _Layer(dict(context.options), dict(context.origins)))
        warnings += context.warnings
        if context.name:
            toml.drop(_IDENTITY)
    for layer in layers:
        layer.values.pop("context", None)
        layer.values.pop("sign_callback", None)
        if embedded:
            layer.drop(CONNECTING)
        _take_context_rules(layer, warnings)
        _drop_broken_ui(layer, warnings)
    _one_authentication(layers)
    values, source = _merge(layers)
    _user_as_token(values, source)
    provenance = {name: layer.origins[name] for name, layer in source.items()}
    if context is not None and context.name:
        values["context"], provenance["context"] = context.name, _context_origin(command, environment, toml)
    if "ssh_profile" not in values and os.environ.get("SSH_CONNECTION"):
        values["ssh_profile"], provenance["ssh_profile"] = True, "environment variable SSH_CONNECTION"
    settings = _validated(values, source)
    settings._provenance = provenance
    settings._warnings = tuple(warnings)
    settings._nats_context = context if context is not None and context.name else None
    settings._config_file = file
    return settings


class _Variables(EnvSettingsSource):
    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        if field_name == "servers":
            return value
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


def _environment(warnings: list[str]) -> _Layer:
    source = _Variables(Settings, case_sensitive=False, env_prefix=_PREFIX, env_ignore_empty=True)
    values = source()
    known = {name.upper() for name in Settings.model_fields} | {"CONFIG"}
    for variable, value in os.environ.items():
        name = variable.upper().removeprefix(_PREFIX)
        if value and variable.upper().startswith(_PREFIX) and name not in known:
            meant = _nearest(name, known)
            warnings.append(
                f"The environment variable {variable} is not used: "
                + (f"did you mean {_PREFIX}{meant}?" if meant else "natstui has no such setting.")
            )
    return _Layer(values, {name: f"environment variable {_PREFIX}{name.upper()}" for name in values})


def _toml(path: Path, given: bool, warnings: list[str]) -> _Layer:
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except FileNotFoundError:
        if given:
            raise SettingsError(f"there is no settings file {path}; give another with --config") from None
        return _Layer()
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", str(error), re.DOTALL)
        what = (found[1] if found else str(error)).rstrip(".")
        where = f"line {found[2]}, column {found[3]}" if found and found[2] else "at its end"
        raise SettingsError(f"{path}, {where}: {what[:1].lower()}{what[1:]}; correct the TOML there") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}); check the path and its permissions") from None
    layer = _Layer({}, dict.fromkeys(values, f"file {path}"), _lines(text, values))
    for name, value in values.items():
        if name in Settings.model_fields:
            layer.values[name] = value
            continue
        meant = _nearest(name, Settings.model_fields)
        warnings.append(
            f"{name} is not used ({layer.place(name)}): "
            + (f"did you mean {meant}?" if meant else "natstui has no such setting.")
        )
    return layer


def _lines(text: str, names: Mapping[str, Any]) -> dict[str, int]:
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(r"""\s*\[{0,2}\s*["']?([\w-]+)""", line)
        if found and found[1] in names:
            lines.setdefault(found[1], number)
    return lines


def _nearest(name: str, known: Mapping[str, Any] | set[str]) -> str:
    return next(iter(difflib.get_close_matches(name, known, n=1)), "")


def _context(layers: list[_Layer]) -> NatsContext:
    """The nats context that the strongest source chose, with the NATS_* variables over it."""
    name, use = "", True
    for layer in layers:
        is_file = bool(layer.lines)
        if is_file and os.environ.get("NATS_CONTEXT"):
            break
        if layer.values.get("context"):
            name = str(layer.values["context"])
            break
        if _is_true(layer.values.get("no_context")):
            use = False
            break
    try:
        return effective_context(name, use_contexts=use)
    except ContextError as error:
        raise SettingsError(str(error)) from None


def _is_true(value: object) -> bool:
    try:
        return value is not None and TypeAdapter(bool).validate_python(value)
    except ValidationError:
        return False


def _context_origin(*layers: _Layer) -> str:
    *own, file = layers
    for layer in own:
        if "context" in layer.origins:
            return layer.origins["context"]
    if os.environ.get("NATS_CONTEXT"):
        return "environment variable NATS_CONTEXT"
    return file.origins.get("context", "selected with the nats CLI")


def _take_context_rules(layer: _Layer, warnings: list[str]) -> None:
    if "contexts" not in layer.values:
        return
    try:
        layer.values["contexts"], problems = read_rules(layer.values["contexts"])
    except ValueError as error:
        raise SettingsError(f"contexts {error} ({layer.place('contexts')})") from None
    warnings += [f"{problem.removesuffix('.')} ({layer.place('contexts')})." for problem in problems]


def _drop_broken_ui(layer: _Layer, warnings: list[str]) -> None:
    for name in UI_FIELDS:
        if name not in layer.values:
            continue
        if name == "keymap" and isinstance(layer.values[name], Mapping):
            _drop_broken_keys(layer, warnings)
            continue
        try:
            layer.values[name] = _adapter(name).validate_python(layer.values[name])
        except ValidationError as error:
            if layer.origins[name] == COMMAND_LINE:
                raise SettingsError(f"{flag(name)} {_message(error)}") from None
            warnings.append(f"{name} is not used ({layer.place(name)}): it {_message(error)}.")
            del layer.values[name]


def _drop_broken_keys(layer: _Layer, warnings: list[str]) -> None:
    kept: dict[str, str] = {}
    for binding, keys in layer.values["keymap"].items():
        try:
            kept |= _adapter("keymap").validate_python({binding: keys})
        except ValidationError:
            warnings.append(
                f'keymap.{binding} is not used ({layer.place("keymap")}): give its keys as text, such as "f5".'
            )
    layer.values["keymap"] = kept


def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(Settings.model_fields[name].rebuild_annotation())


def check_setting(name: str, value: object) -> Any:
    """Return a field's value as `Settings` takes it.

    Raises:
        ValueError: it is no such value; says what it should be.
    """
    try:
        return _adapter(name).validate_python(value)
    except ValidationError as error:
        raise ValueError(_message(error)) from None


def _message(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, OptionError):
        return str(cause).removeprefix(f"{cause.option} ")
    return first["msg"].removeprefix("Value error, ").replace("Input should", "should")


def _one_authentication(layers: list[_Layer]) -> None:
    """Leave the credentials of the strongest source that has any, and from weaker ones only what completes them."""
    decided: set[str] | None = None
    counting = _AUTHENTICATION
    if not any("user" in layer.values for layer in layers):
        counting -= {"password", "password_file"}
    for layer in layers:
        if decided is None:
            named = counting & layer.values.keys()
            if named:
                decided = set().union(*(way for way in _WAYS if way & named))
            elif has_userinfo(layer.values.get("servers")):
                decided = set()
        else:
            layer.drop(_AUTHENTICATION - decided)
            if "servers" in layer.values:
                layer.values["servers"] = without_userinfo(_urls(layer.values["servers"]))


def _urls(servers: object) -> list[str]:
    given = [servers] if isinstance(servers, str) else servers if isinstance(servers, list | tuple) else []
    return [url for urls in given if isinstance(urls, str) for url in urls.split(",")]


def _holds_userinfo(url: str) -> bool:
    try:
        return parse_server(url)[1] is not None
    except OptionError:
        return "@" in url


def _without_userinfo(servers: object) -> object:
    if not has_userinfo(servers):
        return servers
    try:
        return [parse_server(url)[0].url for url in _urls(servers)]
    except OptionError:
        return servers


def _merge(layers: list[_Layer]) -> tuple[dict[str, Any], dict[str, _Layer]]:
    """The strongest value of each field; of the keymap, of each binding; of the contexts, of each table."""
    values: dict[str, Any] = {}
    source: dict[str, _Layer] = {}
    for layer in layers:
        for name, value in layer.values.items():
            rival = _RIVALS.get(name, "")
            if rival in source and source[rival] is not layer:
                continue
            if name in ("keymap", "contexts") and name in values:
                values[name] = value | values[name]
            elif name not in values:
                values[name], source[name] = value, layer
    for file, option in SECRET_FILES.items():
        if file in values and option in values:
            raise SettingsError(f"{option} and {file} are both set ({source[file].place(file)}); keep one of them")
    return values, source


def _user_as_token(values: dict[str, Any], source: dict[str, _Layer]) -> None:
    if "user" not in values and "password" in values and source["password"].origins["password"] == _STRAY:
        del values["password"], source["password"]
    if "user" not in values or source["user"].origins["user"].startswith("context "):
        return
    if "token" in values or "token_file" in values:
        return
    for name in ("password", "password_file"):
        if name in values and not source[name].origins[name].startswith("context "):
            return
    source["user"].origins["token"] = source["user"].origins["user"]
    values["token"], source["token"] = values.pop("user"), source.pop("user")
    values.pop("password", None)
    source.pop("password", None)


def _validated(values: dict[str, Any], source: Mapping[str, _Layer]) -> Settings:
    try:
        settings = Settings(**values)
        settings.connect_options()
    except ValidationError as error:
        name = str(error.errors(include_input=False)[0]["loc"][0])
        raise SettingsError(_complaint(f"{name} {_message(error)}", name, source)) from None
    except OptionError as error:
        raise SettingsError(_complaint(str(error), error.option, source)) from None
    except ContextError as error:
        raise SettingsError(str(error)) from None
    return settings


def _complaint(sentence: str, name: str, source: Mapping[str, _Layer]) -> str:
    if name not in source:
        name = next((file for file, option in SECRET_FILES.items() if option == name and file in source), name)
    return f"{sentence} ({source[name].place(name)})" if name in source else sentence

"""Writes a workspace as TOML that people can read, keep in a repository and edit, without any secret in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from natstui.launch import PanelSpec
from natstui.places import PATHS, PLAIN, Place
from natstui.saved_secrets import headers_without_secrets, without_secrets
from natstui.workspace import KEYS, VERSION, Workspace

HEADER = (
    "# A natstui workspace: `natstui FILE` opens it and saves what changes there.\n"
    "# No password, token or key stands in it.\n"
)

_STRING = re.compile(r'"""\n.*?(?<!\\)"""|"(?:[^"\\\n]|\\.)*"', re.DOTALL)


def write_workspace(workspace: Workspace, directory: Path, header: str = HEADER) -> str:
    """Return a workspace as TOML; it should be one `without_secrets_in`."""
    import tomli_w

    table = _table(workspace, directory)
    text = _with_fewer_escapes(tomli_w.dumps(table, multiline_strings=True))
    try:
        is_same = tomllib.loads(text) == table
    except tomllib.TOMLDecodeError:
        is_same = False
    # Line ends other than \n do not survive text of several lines.
    return header + "\n" + (text if is_same else tomli_w.dumps(table))


def _with_fewer_escapes(text: str) -> str:
    """JSON as people write it: quotes need no backslash in text of several lines, nor in a literal string."""
    return _STRING.sub(lambda found: _lines(found[0]) if found[0].startswith('"""') else _literal(found[0]), text)


def _lines(string: str) -> str:
    return string if '\\"\\"\\"' in string else string.replace('\\"', '"')


def _literal(string: str) -> str:
    if '\\"' not in string or "'" in string or re.search(r'\\[^"\\]', string.replace("\\\\", "")):
        return string
    return "'" + re.sub(r'\\(["\\])', r"\1", string[1:-1]) + "'"


def without_secrets_in(workspace: Workspace, known: Iterable[str]) -> Workspace:
    """Return a workspace as it may be written down. A filter with a secret in it is left out."""
    known = tuple(known)
    return replace(workspace, panels=tuple(_masked(panel, known) for panel in workspace.panels))


def _masked(spec: PanelSpec, known: tuple[str, ...]) -> PanelSpec:
    values = {name: _without(value, known) for name, value in spec.saved.items()}
    if isinstance(lines := spec.saved.get("headers"), tuple):
        values["headers"] = tuple(headers_without_secrets("\n".join(lines), known).split("\n"))
    if values.get("filter") != spec.saved.get("filter"):
        values["filter"] = ""
    return replace(spec, saved=values)


def _without(value: Any, known: tuple[str, ...]) -> Any:
    if isinstance(value, tuple):
        return tuple(without_secrets(text, known) for text in value)
    return without_secrets(value, known) if isinstance(value, str) else value


def _table(workspace: Workspace, directory: Path) -> dict[str, Any]:
    table: dict[str, Any] = {"version": VERSION, "layout": workspace.layout}
    if workspace.is_zoomed:
        table["zoomed"] = True
    if len(workspace.panels) > 1:
        table["focused"] = workspace.focused
    table |= workspace.unknown
    if workspace.connection is not None:
        table["connection"] = _place_table(workspace.connection, directory)
    table["panels"] = [*(_panel_table(panel, directory) for panel in workspace.panels), *workspace.unopened]
    encodable: dict[str, Any] = _encodable(table)
    return encodable


def _panel_table(spec: PanelSpec, directory: Path) -> dict[str, Any]:
    table: dict[str, Any] = {"kind": spec.kind}
    for name, default in KEYS[spec.kind].items():
        value = spec.saved.get(name, default)
        if value != default:
            table[name] = list(value) if isinstance(value, tuple) else value
    table |= spec.unknown
    if spec.place is not None:
        table |= _place_table(spec.place, directory)
    return table


def _place_table(place: Place, directory: Path) -> dict[str, Any]:
    table: dict[str, Any] = {"context": place.context} if place.context else {"servers": list(place.servers)}
    if place.without:
        table["without"] = list(place.without)
    options = {name: _option(name, place.options[name], directory) for name in PLAIN if name in place.options}
    options = {name: value for name, value in options.items() if value is not None}
    return table | ({"options": options} if options else {})


def _option(name: str, value: Any, directory: Path) -> Any:
    from natstui.connection.durations import format_duration
    from natstui.settings import Settings

    if name == "max_reconnects" and value is None:
        return "unlimited"
    if name in PATHS and value is not None:
        return _path(Path(value), directory)
    if isinstance(value, float) and Settings.model_fields[name].annotation is float:
        return format_duration(value)
    return value


def _path(path: Path, directory: Path) -> str:
    """As it means the same elsewhere: relative to the workspace, or to the home directory, where it is in there."""
    for base, prefix in ((directory, ""), (Path.home(), "~/")):
        try:
            return prefix + path.relative_to(base).as_posix()
        except ValueError:
            continue
    return str(path)


def _encodable(value: Any) -> Any:
    """With every text such as UTF-8 can hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_encodable(name): _encodable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(one) for one in value]
    return value

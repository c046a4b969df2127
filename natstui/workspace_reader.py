"""Reads a workspace from TOML; whatever is wrong with it is told with its line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from natstui.launch import MOST_PANELS, PANEL_KINDS, PanelSpec
from natstui.places import PATHS, PLAIN, Place
from natstui.saved_secrets import SECRETS
from natstui.workspace import KEYS, LAYOUTS, VERSION, Value, Workspace, WorkspaceError

_PLACE = ("context", "servers", "without", "options")
MOST_WARNINGS = 3
"""Sentences about one file that are told one by one."""
_TOP = ("version", "layout", "zoomed", "focused", "connection", "panels")


def parse_workspace(text: str, name: str, directory: Path) -> Workspace:
    """Read a workspace.

    Args:
        name: what the file is called in a sentence.
        directory: what relative paths in it are relative to.

    Raises:
        WorkspaceError: it is no TOML, or a value is no such thing; with the line.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", str(error), re.DOTALL)
        what = (found[1] if found else str(error)).rstrip(".")
        where = f"line {found[2]}, column {found[3]}" if found and found[2] else "at its end"
        raise WorkspaceError(f"{name}, {where}: {what[:1].lower()}{what[1:]}; correct the TOML there") from None
    except RecursionError:
        raise WorkspaceError(f"{name} is nested too deeply to be a workspace") from None
    return _Reader(text, name, directory).workspace(content)


class _Reader:
    def __init__(self, text: str, name: str, directory: Path) -> None:
        self._lines = text.splitlines()
        self._name = name
        self._directory = directory
        self._warnings: list[str] = []
        self._section = ""
        self._panel = 0
        """The number of the panel being read; 0 outside of panels."""

    def workspace(self, content: Mapping[str, Any]) -> Workspace:
        version = content.get("version", VERSION)
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise self._error("version", f"should be {VERSION}")
        if version > VERSION:
            self._warnings.append(
                f"{self._name} was written by a later natstui (version {version}): what is not known here is kept."
            )
        layout = self._text(content, "layout", "grid")
        if layout not in LAYOUTS:
            raise self._error("layout", f"should be one of {', '.join(LAYOUTS)}, and is {layout!r}")
        focused = content.get("focused", 1)
        if not isinstance(focused, int) or isinstance(focused, bool) or focused < 1:
            raise self._error("focused", "should be the number of a panel")
        unknown = self._unknown(content, _TOP)
        connection = self._connection(content)
        panels, unopened = self._panels(content)
        return Workspace(
            panels,
            connection,
            layout,
            self._flag(content, "zoomed"),
            min(focused, max(1, len(panels))),
            unknown,
            unopened,
            self._few_warnings(),
        )

    def _few_warnings(self) -> tuple[str, ...]:
        """Not a toast for each key of each panel that a later version wrote."""
        more = len(self._warnings) - MOST_WARNINGS
        if more <= 1:
            return tuple(self._warnings)
        return (*self._warnings[:MOST_WARNINGS], f"{self._name} has {more} more keys or panels like these.")

    def _connection(self, content: Mapping[str, Any]) -> Place | None:
        table = content.get("connection")
        if table is None:
            return None
        if not isinstance(table, Mapping):
            raise self._error("connection", "should be a table, written [connection]")
        self._section = "connection"
        place = self._place(table)
        for name in sorted(table.keys() - set(_PLACE)):
            self._warn(name, f"{name} is not used", table.keys() | set(_PLACE))
        self._section = ""
        return place

    def _panels(self, content: Mapping[str, Any]) -> tuple[tuple[PanelSpec, ...], tuple[Mapping[str, Any], ...]]:
        tables = content.get("panels", [])
        if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
            raise self._error("panels", "should be tables, each written [[panels]]")
        panels: list[PanelSpec] = []
        unopened: list[Mapping[str, Any]] = []
        too_many = 0
        for self._panel, table in enumerate(tables, 1):
            kind = table.get("kind")
            if not isinstance(kind, str):
                raise self._error("kind", f"should say the kind of panel: {', '.join(PANEL_KINDS)}")
            if kind not in PANEL_KINDS:
                self._warnings.append(
                    f"{self._where('kind')}: there is no panel kind {kind!r}; the panel is kept and not opened."
                )
                unopened.append(table)
            elif len(panels) == MOST_PANELS:
                too_many += 1
                unopened.append(table)
            else:
                panels.append(self._spec(kind, table))
        self._panel = 0
        if too_many:
            self._warnings.append(
                f"{self._name} has {too_many} panels more than the {MOST_PANELS} that there is room for: they are kept "
                "and not opened."
            )
        return tuple(panels), tuple(unopened)

    def _spec(self, kind: str, table: Mapping[str, Any]) -> PanelSpec:
        values: dict[str, Value] = {}
        for name, default in KEYS[kind].items():
            if name in table:
                values[name] = self._value(table, name, default)
        if values.get("replies", "one") not in ("one", "many"):
            raise self._error("replies", 'should be "one" or "many"')
        self._check_columns(values.get("columns", ()))
        self._check_filter(_one(values, "filter"))
        subject = " ".join(_texts(values, "subjects")) if kind == "subscribe" else _one(values, "subject")
        place = self._place(table) if any(name in table for name in ("context", "servers")) else None
        unknown = self._unknown(table, ("kind", *KEYS[kind], *_PLACE))
        return PanelSpec(kind, subject, _one(values, "queue"), place, values, unknown)

    def _check_columns(self, columns: object) -> None:
        from natstui.widgets.message_columns import parse_columns

        if isinstance(columns, tuple) and columns:
            try:
                parse_columns(columns)
            except ValueError as error:
                raise self._error("columns", f"cannot be used: {str(error).rstrip('.')}") from None

    def _check_filter(self, expression: str) -> None:
        if not expression:
            return
        from natstui.stream.filter import FilterError, parse_filter

        try:
            parse_filter(expression)
        except FilterError as error:
            raise self._error("filter", f"cannot be used: {str(error).rstrip('.')}") from None

    def _place(self, table: Mapping[str, Any]) -> Place:
        context, servers = self._text(table, "context", ""), self._value(table, "servers", ())
        if bool(context) == bool(servers):
            raise self._error("context", 'should name a nats context, or else servers = ["nats://…"]')
        self._check_servers(servers)
        without = self._value(table, "without", ())
        options = table.get("options", {})
        if not isinstance(options, Mapping):
            raise self._error("options", "should be a table")
        values: dict[str, Any] = {}
        for name, value in options.items():
            self._refuse_secret(name)
            if name not in PLAIN:
                self._warn(name, f"{name} is not used", PLAIN)
                continue
            values[name] = self._option(name, value)
        known = tuple(name for name in SECRETS if isinstance(without, tuple) and name in without)
        return Place(context, servers if isinstance(servers, tuple) else (), values, known)

    def _option(self, name: str, value: object) -> Any:
        from natstui.settings_sources import check_setting

        if name in PATHS and not isinstance(value, str):
            raise self._error(name, "should be the path of a file")
        try:
            checked = check_setting(name, value)
        except ValueError as error:
            words = str(error)
            raise self._error(name, words if words.startswith("should") else f"cannot be used: {words}") from None
        return self._directory / checked if isinstance(checked, Path) else checked

    def _check_servers(self, servers: Value) -> None:
        from natstui.connection.address import parse_servers
        from natstui.connection.errors import OptionError

        if not servers or not isinstance(servers, tuple):
            return
        try:
            found = parse_servers(list(servers))
        except OptionError as error:
            raise self._error("servers", str(error).removeprefix("servers ")) from None
        if any(userinfo for _, userinfo in found):
            raise self._error("servers", "holds credentials; take them out: workspaces are for sharing")

    # Values

    def _value(self, table: Mapping[str, Any], name: str, default: Value) -> Value:
        if isinstance(default, bool):
            return self._flag(table, name)
        if isinstance(default, str):
            return self._text(table, name, default)
        value = table.get(name, list(default))
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self._error(name, 'should be a list of texts, such as ["a", "b"]')
        return tuple(value)

    def _text(self, table: Mapping[str, Any], name: str, default: str) -> str:
        value = table.get(name, default)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise self._error(name, "should be text")
        return value

    def _flag(self, table: Mapping[str, Any], name: str) -> bool:
        value = table.get(name, False)
        if not isinstance(value, bool):
            raise self._error(name, "should be true or false")
        return value

    def _unknown(self, table: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
        known, found = tuple(known), {}
        for name, value in table.items():
            if name not in known:
                self._refuse_secret(name)
                self._warn(name, f"{name} is kept and not used", known)
                found[name] = value
        return found

    # What is said

    def _refuse_secret(self, name: str) -> None:
        if name in SECRETS:
            raise self._error(name, "does not belong into a workspace; take it out, and use a nats context")

    def _warn(self, name: str, words: str, known: Iterable[str]) -> None:
        meant = next(iter(difflib.get_close_matches(name, tuple(known), n=1)), "")
        self._warnings.append(
            f"{self._where(name)}: {words}: "
            + (f"did you mean {meant}?" if meant else "this version of natstui has no such key.")
        )

    def _error(self, name: str, words: str) -> WorkspaceError:
        return WorkspaceError(f"{self._where(name)}: {name} {words}")

    def _where(self, name: str) -> str:
        """The file and the line of a key of the panel, or the section, that is being read."""
        panel, section, start = 0, "", 0
        for number, line in enumerate(self._lines, 1):
            if line.lstrip().startswith("[["):
                panel += 1
                section, start = "", number if panel == self._panel else start
            elif found := re.match(r"\s*\[([\w.]+)\]", line):
                section = found[1]
            is_here = panel == self._panel and (panel or section in (self._section, name, f"{self._section}.options"))
            if is_here and re.match(rf"""\s*\[?["']?{re.escape(name)}\b""", line):
                return f"{self._name}, line {number}"
        return f"{self._name}, line {start}" if start else self._name


def _texts(values: Mapping[str, Value], name: str) -> tuple[str, ...]:
    value = values.get(name, ())
    return value if isinstance(value, tuple) else ()


def _one(values: Mapping[str, Value], name: str) -> str:
    value = values.get(name, "")
    return value if isinstance(value, str) else ""

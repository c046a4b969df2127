"""Workspaces: which there are, to open one, and where to save this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from natstui.confinement import Confined, Confinement
from natstui.keys import bindings
from natstui.places import path_words
from natstui.screens.leaving import Dialog
from natstui.stream.sanitise import sanitise
from natstui.widgets.field import Field, LabelledField
from natstui.widgets.fitting import shorten
from natstui.widgets.key_line import KeyLine
from natstui.widgets.notice import Notice
from natstui.widgets.time_words import plural
from natstui.workspace import WorkspaceError
from natstui.workspace_files import WorkspaceFile, is_workspace_file, workspace_path

NAME_CELLS = 20


@dataclass(frozen=True, slots=True)
class Listed:
    """A workspace, and what is in it or wrong with it."""

    path: Path
    words: str
    is_broken: bool = False


def look_at(paths: Sequence[Path]) -> list[Listed]:
    """Read what there is to say of each."""
    found = []
    for path in paths:
        try:
            workspace = WorkspaceFile(path).read()
        except WorkspaceError as error:
            found.append(Listed(path, str(error), is_broken=True))
            continue
        if workspace is None:
            continue
        place = workspace.connection
        where = f" on {place.context or place.servers[0]}" if place is not None else ""
        kinds = " ".join(" ".join(filter(None, (panel.kind, panel.argument))) + "," for panel in workspace.panels)
        found.append(Listed(path, f"{plural(len(workspace.panels), 'panel')}{where}: {kinds.rstrip(',')}"))
    return found


class WorkspaceList(OptionList):
    """The workspaces; enter opens one."""

    BINDINGS = bindings("workspaces.open")


class OpenWorkspace(Dialog[Path | None]):
    """Offers the workspaces that have a name, and takes the path of any other; the result is the file to open.

    Args:
        confinement: the bounds of a hosted session, which opens only what it saved.
    """

    BINDINGS = bindings("screen.back")

    def __init__(
        self, listed: Sequence[Listed], directory: Path, current: Path | None, confinement: Confinement | None
    ) -> None:
        super().__init__()
        self._listed = listed
        self._directory = directory
        self._current = current
        self._confinement = confinement

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide") as dialog:
            dialog.border_title = "open workspace"
            if self._listed:
                yield WorkspaceList(*(Option(self._line(listed)) for listed in self._listed), compact=True)
            else:
                yield Static(
                    f"There is none in {sanitise(path_words(self._directory))} yet: ^g saves what is here as one.",
                    classes="dialog-text",
                    markup=False,
                )
            if self._confinement is None:
                yield LabelledField("file", Field(placeholder="or any other: ~/ops/prod.toml", id="file"))
            yield Notice()
            yield KeyLine()

    def on_mount(self) -> None:
        self.query_one(WorkspaceList if self._listed else Field if self._confinement is None else KeyLine).focus()

    def _line(self, listed: Listed) -> Content:
        name = shorten(sanitise(listed.path.stem), NAME_CELLS)
        mark = ("● ", "$text-success") if listed.path == self._current else "  "
        words = f"✕ {listed.words}" if listed.is_broken else listed.words
        return Content.assemble(
            mark,
            (f"{name:<{NAME_CELLS}}  ", "bold"),
            (sanitise(words), "$text-error" if listed.is_broken else "$text-muted"),
        )

    @on(OptionList.OptionSelected)
    def _selected(self, message: OptionList.OptionSelected) -> None:
        listed = self._listed[message.option_index]
        if listed.is_broken:
            self.query_one(Notice).say(listed.words)
        else:
            self.dismiss(listed.path)

    @on(Input.Submitted)
    def _named(self, message: Input.Submitted) -> None:
        message.stop()
        try:
            path = workspace_path(message.value)
            if WorkspaceFile(path).read() is None:
                raise WorkspaceError(f"there is no workspace {path_words(path)}; check the path")
        except WorkspaceError as error:
            self.query_one(Notice).say(_sentence(error))
        else:
            self.dismiss(path)

    def action_back(self) -> None:
        self.dismiss(None)


@dataclass(frozen=True, slots=True)
class SaveAs:
    """Where to save."""

    path: Path
    overwrites: bool


class SaveWorkspace(Dialog[SaveAs | None]):
    """Asks for a name or a file.

    Args:
        confinement: the bounds of a hosted session, which gives names only.
    """

    BINDINGS = bindings("screen.back")

    def __init__(self, directory: Path, confinement: Confinement | None) -> None:
        super().__init__()
        self._directory = directory
        self._confinement = confinement
        self._warned: Path | None = None
        """What exists, and is overwritten when asked again."""

    def compose(self) -> ComposeResult:
        words = f"A name, kept in {sanitise(path_words(self._directory))}"
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "save workspace as"
            yield LabelledField("save as", Field(placeholder="ops", id="name"))
            yield Static(
                f"{words}; enter saves."
                if self._confinement
                else f"{words}, or a file such as ~/repo/ops.toml; enter saves.",
                classes="dialog-text",
                markup=False,
            )
            yield Notice()
            yield KeyLine()

    def on_mount(self) -> None:
        self.query_one(Field).focus()

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        message.stop()
        notice = self.query_one(Notice)
        try:
            path = self._path(message.value)
        except (WorkspaceError, Confined) as error:
            notice.say(_sentence(error))
            return
        if is_workspace_file(message.value.strip()) and not path.absolute().parent.is_dir():
            notice.say(f"There is no directory {path_words(path.absolute().parent)}: make it first, or give another.")
        elif path.exists() and path != self._warned:
            self._warned = path
            notice.say(f"{path_words(path)} exists: enter again overwrites it, or change the name.", "warning")
        else:
            self.dismiss(SaveAs(path, overwrites=path == self._warned))

    def _path(self, word: str) -> Path:
        if self._confinement is None:
            return workspace_path(word)
        name = workspace_path(word).name
        return self._confinement.place(name) if not is_workspace_file(word) else self._confinement.place(word)

    def action_back(self) -> None:
        self.dismiss(None)


def _sentence(error: Exception) -> str:
    words = str(error)
    return words[:1].upper() + words[1:] + ("" if words.endswith(".") else ".")

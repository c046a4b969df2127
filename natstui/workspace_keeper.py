"""Saves the dashboard as it changes, and opens another workspace in its place."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from natstui import screens
from natstui.launch import PanelSpec
from natstui.places import path_words
from natstui.workspace import DRAFT, KEYS, Workspace, WorkspaceError
from natstui.workspace_files import (
    ChangedOnDisk,
    HoldsComments,
    IsProtected,
    WorkspaceFile,
    as_sentence,
    list_workspaces,
    workspace_directory,
)

if TYPE_CHECKING:
    from natstui.app import NatstuiApp
    from natstui.panels.base import Panel
    from natstui.screens.workspaces import SaveAs

QUIET, LONGEST = 2, 10
"""Seconds without a change after which it is saved, and seconds after which it is saved all the same."""
ASKED_ABOUT = (ChangedOnDisk, HoldsComments, IsProtected)
"""What keeps a file from being written unless the user says so."""
LAST_WRITE = 3.0
"""Seconds that the last write may take before natstui ends without it."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a write."""

    file: WorkspaceFile
    workspace: Workspace
    was_asked: bool
    """Whether the user asked for it, and wants to be told."""
    error: WorkspaceError | None = None


class WorkspaceKeeper:
    """Keeps the file of a dashboard. What it writes is written in a thread.

    Args:
        file: where the dashboard is saved; None for nowhere unless the user says where.
    """

    def __init__(self, app: NatstuiApp) -> None:
        self._app = app
        launch = app.launch
        self.file = launch.workspace_file
        """Where the dashboard is saved; None for nowhere unless the user says where."""
        if self.file is None and launch.session_file is not None:
            self.file = WorkspaceFile(launch.session_file, is_session=True)
        self._opened = launch.workspace or Workspace()
        self._written: Workspace | None = None
        """The dashboard as the file says it; None where the file says something else."""
        self._has_begun = False
        self._seen: Workspace | None = None
        self._quiet = self._waited = 0
        self._is_writing = False
        self._is_held = False
        """Whether it is saved only when the user says so."""
        self.unsaved = ""
        """What the end could not save, in one sentence; empty for nothing."""

    def _begin(self) -> None:
        """Being opened is no change, but what was done since is one."""
        self._has_begun = True
        dashboard = self._app.dashboard
        if dashboard.opened is None or dashboard.opened == dashboard.state():
            self._written = self.workspace(self.file)

    @property
    def name(self) -> str:
        """What the workspace is called; empty where it has no name of its own."""
        return self.file.path.stem if self.file is not None and not self.file.is_session else ""

    # What there is

    def workspace(self, file: WorkspaceFile | None) -> Workspace:
        """The dashboard as it is now, for a file of its kind."""
        dashboard, is_session = self._app.dashboard, file is not None and file.is_session
        panels = dashboard.panels
        current = dashboard.current
        return Workspace(
            tuple(self._spec(panel, is_session) for panel in panels),
            None if is_session else self._app.session.places.of_session,
            str(dashboard.grid.panel_layout),
            dashboard.grid.zoomed is not None,
            panels.index(current) + 1 if current in panels else 1,
            self._opened.unknown,
            self._opened.unopened,
        )

    def _spec(self, panel: Panel, is_session: bool) -> PanelSpec:
        values = dict(panel.saved_values() if panel.is_composed else panel.spec.saved)
        if not self._app.launch.settings.save_drafts:
            for name in DRAFT:
                if name in values:
                    values[name] = panel.spec.saved.get(name, KEYS[panel.KIND][name])
        place = self._app.session.places.of(panel, like_started=is_session)
        values = {name: value for name, value in values.items() if value != KEYS[panel.KIND][name]}
        return PanelSpec(panel.KIND, place=place, saved=values, unknown=panel.spec.unknown)

    # Saving

    @property
    def _saves_itself(self) -> bool:
        return not self._is_held and self._app.launch.settings.autosave

    def tick(self) -> None:
        """Save what has changed; once a second."""
        if self.file is None or not self._saves_itself or self._is_writing:
            return
        if not self._has_begun:
            self._begin()
        now = self.workspace(self.file)
        if now == self._written:
            self._seen, self._quiet, self._waited = now, 0, 0
            return
        self._quiet = self._quiet + 1 if now == self._seen else 0
        self._waited += 1
        self._seen = now
        if self._quiet >= QUIET or self._waited >= LONGEST:
            self._quiet = self._waited = 0
            self._write(self.file, now)

    def save(self) -> None:
        """Save it now, and tell; ask where to, if that is not known."""
        if self.file is None or self.file.is_session:
            self.ask_where()
        elif not self._is_writing:
            self._write(self.file, self.workspace(self.file), was_asked=True)

    def save_as(self, path: Path, overwrites: bool) -> None:
        """Save it to another file, and go on there."""
        if self._is_writing:
            self._app.tell("The workspace is being saved just now: try once more.", "warning")
            return
        file = WorkspaceFile(path)
        # What it says already is known before it is overwritten, and its comments at the top stay.
        with suppress(WorkspaceError):
            if overwrites:
                file.read()
        self._write(file, self.workspace(file), was_asked=True, overwrites=overwrites)

    def _write(
        self, file: WorkspaceFile, workspace: Workspace, *, was_asked: bool = False, overwrites: bool = False
    ) -> None:
        self._is_writing = True
        secrets = frozenset(self._app.session.secrets)

        async def write() -> None:
            error: WorkspaceError | None = None
            try:
                await asyncio.to_thread(file.write, workspace, secrets, overwrites=overwrites)
            except WorkspaceError as known:
                error = known
            finally:
                self._is_writing = False
            self._written_to(Saved(file, workspace, was_asked, error))

        self._app.run_worker(
            write(),
            group="workspace",
            name="workspace",
            description="Saving the workspace",
            exit_on_error=False,
        )

    def _written_to(self, saved: Saved) -> None:
        error = saved.error
        if error is None:
            self.file, self._written, self._is_held = saved.file, saved.workspace, False
            if saved.was_asked:
                self._app.tell(f"Saved to {saved.file.name}.")
            return
        if isinstance(error, ASKED_ABOUT) and saved.was_asked:
            self._ask_to_overwrite(saved)
            return
        self._is_held = self._is_held or saved.file is self.file
        way = "^g saves it all the same" if isinstance(error, ASKED_ABOUT) else "^g tries again"
        self._app.tell(f"{as_sentence(error)}: changes are not saved from now on; {way}.", "warning")

    async def finish(self) -> None:
        """Save what has changed up to the end, within a deadline; `unsaved` says what came of it."""
        if self.file is None or not self._saves_itself:
            return
        if not self._has_begun:
            self._begin()
        file, now, secrets = self.file, self.workspace(self.file), frozenset(self._app.session.secrets)
        if now == self._written:
            return

        try:
            writing = asyncio.get_running_loop().run_in_executor(None, file.write, now, secrets)
            await asyncio.wait_for(writing, LAST_WRITE)
        except WorkspaceError as error:
            self.unsaved = f"{as_sentence(error)}: the last changes were not saved."
        except TimeoutError:
            self.unsaved = f"{file.name} took too long to write: the last changes may not be saved."

    def _ask_to_overwrite(self, saved: Saved) -> None:
        def answered(is_yes: bool | None) -> None:
            if is_yes:
                self._write(saved.file, saved.workspace, was_asked=True, overwrites=True)

        question = f"{as_sentence(saved.error)}. Overwrite it?"
        self._app.push_screen(screens.Confirm(question, "overwrite it", "leave it"), answered)

    # Asking

    @property
    def directory(self) -> Path:
        """Where workspaces that have a name are."""
        confinement = self._app.session.confinement
        return workspace_directory() if confinement is None else confinement.directory

    def ask_where(self) -> None:
        """Ask for a name, and save under it."""

        def answered(answer: SaveAs | None) -> None:
            if answer is not None:
                self.save_as(answer.path, answer.overwrites)

        self._app.push_screen(screens.SaveWorkspace(self.directory, self._app.session.confinement), answered)

    def ask_which(self) -> None:
        """Ask which workspace to open."""
        current = self.file.path if self.file is not None else None
        listed = screens.look_at(list_workspaces(self.directory))

        def answered(path: Path | None) -> None:
            if path is not None:
                self._open_if_nothing_is_lost(path)

        self._app.push_screen(
            screens.OpenWorkspace(listed, self.directory, current, self._app.session.confinement), answered
        )

    def _open_if_nothing_is_lost(self, path: Path) -> None:
        is_kept = self.file is not None and self._saves_itself
        panels = [panel for panel in self._app.dashboard.panels if panel.unsent]
        lost = [panel for panel in panels if not is_kept or panel.is_busy]
        if not lost:
            self._open(path)
            return

        def answered(is_yes: bool | None) -> None:
            if is_yes:
                self._open(path)

        words = " ".join(f"Panel {panel.number}, {panel.KIND}: {panel.unsent}." for panel in lost)
        self._app.push_screen(screens.Confirm(f"Open {path_words(path)}? {words}", "open it", "stay here"), answered)

    # Opening

    def _open(self, path: Path) -> None:
        self._app.run_worker(
            self.open(path),
            group="opening a workspace",
            name="opening a workspace",
            description="Opening a workspace",
            exclusive=True,
            exit_on_error=False,
        )

    async def open(self, path: Path) -> None:
        """Open another workspace in place of this one.

        Raises:
            WorkspaceError: it cannot be read; all stays as it is.
        """
        file = WorkspaceFile(path)
        workspace = await asyncio.get_running_loop().run_in_executor(None, file.read)
        if workspace is None:
            raise WorkspaceError(f"There is no workspace {path_words(path)}")
        await self.finish()
        if self.unsaved:
            self._app.tell(self.unsaved, "warning")
            self.unsaved = ""
        self.file, self._opened = file, workspace
        self._is_held, self._seen = False, None
        await self._app.dashboard.open_workspace(workspace)
        self._has_begun, self._written = True, self.workspace(file)
        for warning in workspace.warnings:
            self._app.tell(warning, "warning")

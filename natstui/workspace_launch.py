"""Which workspace a start opens: the one that is named, else what was there last on the same connection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from natstui.event_log import state_directory
from natstui.launch import MOST_PANELS, Launch, PanelSpec
from natstui.places import path_words
from natstui.workspace import WorkspaceError
from natstui.workspace_files import WorkspaceFile, is_workspace_file, workspace_path

_WHERE = ("servers", "context", "no_context")


def with_workspace(launch: Launch, word: str) -> Launch:
    """Return what to start with to open the workspace of a name, or in a file.

    Raises:
        WorkspaceError: it cannot be read.
    """
    provenance = launch.settings.provenance
    is_given = any(provenance[name] == "command line" for name in _WHERE)
    launch = replace(launch, is_connection_given=is_given)
    file = WorkspaceFile(_path(launch, word))
    is_own = not launch.settings.hosted or not is_workspace_file(word)
    workspace = file.read()
    warnings: list[str] = []
    if workspace is None:
        if is_workspace_file(word) and (not is_own or not file.path.absolute().parent.is_dir()):
            raise WorkspaceError(f"there is no workspace {path_words(file.path)}; check the path")
        warnings.append(f"{file.name} does not exist yet: it is made as soon as there is something to save.")
    else:
        warnings += workspace.warnings
        workspace = replace(workspace, panels=_with_panels(workspace.panels, launch.panels))
    return replace(
        launch,
        workspace=workspace,
        workspace_file=file if is_own else None,
        warnings=(*launch.warnings, *warnings),
    )


def _path(launch: Launch, word: str) -> Path:
    if launch.settings.hosted and not is_workspace_file(word):
        return state_directory() / "saved" / workspace_path(word).name
    return workspace_path(word)


def _with_panels(panels: tuple[PanelSpec, ...], more: tuple[PanelSpec, ...]) -> tuple[PanelSpec, ...]:
    known = {(panel.kind, panel.argument, panel.queue) for panel in panels}
    return (*panels, *(panel for panel in more if (panel.kind, panel.argument, panel.queue) not in known))[:MOST_PANELS]


def with_last_session(launch: Launch, path: Path) -> Launch:
    """Return what to start with to go on where the last session ended; one that is broken is told and left alone."""
    file = WorkspaceFile(path, is_session=True)
    try:
        workspace = file.read()
    except WorkspaceError as error:
        broken = f"The last session is not opened, and this one is not saved: {error}, or delete the file."
        return replace(launch, session_file=None, warnings=(*launch.warnings, broken))
    if workspace is None or not workspace.panels:
        return launch
    return replace(launch, workspace=workspace, workspace_file=file)

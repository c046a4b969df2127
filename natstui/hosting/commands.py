"""What `natstui serve` and `natstui web` need before they start: sound arguments, and what each is built on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from natstui.arguments import Arguments, UsageError, parse_arguments
from natstui.hosting.options import LOOPBACK, SSH_PORT, WEB_PORT, Address

if TYPE_CHECKING:
    from pathlib import Path

IDLE_TIMEOUT = 1_800.0
MAX_SESSIONS = 20


class HostingError(Exception):
    """Hosting cannot start; ``str()`` is one sentence."""


def run_hosting(arguments: Arguments) -> int:
    """Serve until stopped; return the exit code.

    Raises:
        HostingError: it cannot start.
    """
    if sys.platform == "win32":
        raise HostingError(f"natstui {arguments.command} needs a system with terminals of its own: Linux, macOS or BSD")
    session = _checked_session(arguments)
    if arguments.command == "serve":
        return _serve(arguments, session)
    return _web(arguments, session)


def _checked_session(arguments: Arguments) -> tuple[str, ...]:
    """The arguments of each session, after refusing now what each would refuse later."""
    from natstui.settings_sources import SettingsError, load_settings

    if {"-h", "--help", "--version"} & set(arguments.session):
        raise HostingError("after --: give options of the dashboard, not --help or --version")
    try:
        session = parse_arguments(arguments.session)
        if session.command is not None:
            raise UsageError(f"it is the dashboard that is hosted, without the command {session.command}")
        load_settings(session.settings(), config=session.config)
    except (UsageError, SettingsError) as error:
        raise HostingError(f"after --: {error}") from None
    return _with_whole_path(tuple(arguments.session), session.workspace or "")


def _with_whole_path(session: tuple[str, ...], workspace: str) -> tuple[str, ...]:
    """With the whole path of a workspace's file: sessions have working directories of their own."""
    from natstui.workspace import WorkspaceError
    from natstui.workspace_files import WorkspaceFile, is_workspace_file, workspace_path

    if not is_workspace_file(workspace):
        return session
    try:
        path = workspace_path(workspace).absolute()
        if WorkspaceFile(path).read() is None:
            raise WorkspaceError(f"there is no workspace {path}; check the path")
    except WorkspaceError as error:
        raise HostingError(f"after --: {error}") from None
    option = "--workspace="
    return tuple(
        str(path) if word == workspace else f"{option}{path}" if word == option + workspace else word
        for word in session
    )


def _serve(arguments: Arguments, session: tuple[str, ...]) -> int:
    try:
        from natstui.hosting.ssh_server import Hosting, serve
    except ImportError as error:
        raise _missing("serve", "asyncssh", error) from None
    given = arguments.session_idle_timeout
    return serve(
        Hosting(
            arguments.listen or Address(LOOPBACK, SSH_PORT),
            arguments.authorized_keys or default_authorized_keys(),
            IDLE_TIMEOUT if given is None else given,
            arguments.max_sessions or MAX_SESSIONS,
            session,
        )
    )


def _web(arguments: Arguments, session: tuple[str, ...]) -> int:
    try:
        from natstui.hosting.web import WebHosting, serve_web
    except ImportError as error:
        raise _missing("web", "textual-serve", error) from None
    return serve_web(
        WebHosting(
            arguments.listen or Address(LOOPBACK, WEB_PORT),
            arguments.max_sessions or MAX_SESSIONS,
            session,
        )
    )


def default_authorized_keys() -> Path:
    """Beside natstui's settings file."""
    from natstui.settings_sources import config_path

    return config_path().parent / "authorized_keys"


def _missing(command: str, package: str, error: ImportError) -> HostingError:
    return HostingError(f"natstui {command} needs {package} ({error}); run pip install 'natstui[{command}]'")

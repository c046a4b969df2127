"""The command line: what each command does, and its exit code.

0 for success, 2 for bad usage or settings, 1 where the embedded server cannot start; `natstui check` returns 0, 1 or 2
as monitoring plugins do. Each failure is one sentence on stderr.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn, TextIO

from natstui import garbage
from natstui.arguments import HOSTING, Arguments, UsageError, parse_arguments
from natstui.launch import Launch, PanelSpec

if TYPE_CHECKING:
    from natstui.settings import Settings

OK, FAILED, USAGE = 0, 1, 2
INTERRUPTED = 130
PIPE_CLOSED = 141
NO_TERMINAL = "natstui needs a terminal; over ssh use: ssh -t host natstui"
ERRORS_ELSEWHERE = "natstui draws on standard error, which must be the terminal too; leave out what redirects it (2>)"
NO_TEXTUAL_LOG = (
    "{} is not used: Textual would log every key that is pressed, those of passwords too. F3 says where the events are "
    "written."
)
DEMO_PANELS = (
    PanelSpec("subscribe", "orders.>"),
    PanelSpec("publish", "orders.created"),
    PanelSpec("request", "svc.echo"),
)
_TEXTUAL_LOGS = ("TEXTUAL", "TEXTUAL_LOG", "TEXTUAL_DEBUG")
"""A log for whoever listens on a port, one in a file, one of keys in the working directory."""
_SSH_PROFILE = {"TEXTUAL_FPS": "12", "TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run natstui with these arguments (default: the process's own) and return its exit code."""
    try:
        arguments = parse_arguments(sys.argv[1:] if argv is None else argv)
    except UsageError as error:
        return _refuse(str(error))
    except SystemExit as after_help:
        return after_help.code if isinstance(after_help.code, int) else OK
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def _run(arguments: Arguments) -> int:
    if arguments.command in (None, "demo"):
        garbage.hold()
    log = logging.getLogger("natstui")
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    if arguments.command in HOSTING:
        return _host(arguments)
    from natstui.settings_sources import CONNECTING, SettingsError, flag, load_settings, settings_file

    if arguments.command == "config" and arguments.what == "path":
        print(settings_file(arguments.config)[0])
        return OK
    demo, given = arguments.command == "demo", arguments.settings()
    for name in sorted(CONNECTING & given.keys()) if demo else ():
        return _refuse(f"natstui demo brings its own server; leave {flag(name)} out")
    try:
        settings = load_settings(given, config=arguments.config, embedded=demo)
    except SettingsError as error:
        return _refuse(str(error))
    warnings = (*settings.warnings, *_exposed_passwords(given))
    if demo and settings.hosted:
        return _refuse("natstui demo starts a server, and a hosted session starts none; leave --hosted out, or demo")
    match arguments.command:
        case None:
            panels, options = tuple(arguments.panels), settings.connect_options()
            launch = Launch(settings, options, panels, context_name=settings.context, warnings=warnings)
            try:
                launch = with_what_is_saved(launch, arguments.workspace)
            except UsageError as error:
                return _refuse(str(error))
            return _dashboard(launch)
        case "demo":
            return _demo(settings, arguments, warnings)
    for warning in warnings:
        _say(warning)
    return _headless(settings, arguments)


def _dashboard(launch: Launch) -> int:
    if not _has_terminal():
        return _refuse(_no_terminal())
    if launch.settings.ssh_profile:
        for name, value in _SSH_PROFILE.items():
            os.environ.setdefault(name, value)
    if told := [name for name in _TEXTUAL_LOGS if os.environ.pop(name, "")]:
        launch = replace(launch, warnings=(*launch.warnings, NO_TEXTUAL_LOG.format(" and ".join(told))))
    from natstui.app import run_dashboard

    return run_dashboard(launch)


def with_what_is_saved(launch: Launch, workspace: str | None) -> Launch:
    """Return what to start with: the workspace that is named, else what was there last on the same connection.

    Raises:
        UsageError: the workspace that was asked for cannot be read.
    """
    if workspace is not None:
        from natstui.workspace import WorkspaceError
        from natstui.workspace_launch import with_workspace

        try:
            return with_workspace(launch, workspace)
        except WorkspaceError as error:
            raise UsageError(str(error)) from None
    if launch.panels or not launch.settings.autosave:
        return launch
    from natstui.session import session_path

    path = session_path(launch)
    launch = replace(launch, session_file=path)
    if not path.exists():
        return launch
    from natstui.workspace_launch import with_last_session

    return with_last_session(launch, path)


def _demo(settings: Settings, arguments: Arguments, warnings: tuple[str, ...]) -> int:
    if not _has_terminal():
        return _refuse(_no_terminal())
    from natstui.embedded import EmbeddedServer, EmbeddedServerError

    _end_on_signals()
    server = EmbeddedServer(traffic=arguments.traffic, seed=arguments.seed, rate=arguments.rate)
    try:
        with server:
            options = settings.connect_options(servers=[server.url])
            panels = tuple(arguments.panels) or DEMO_PANELS
            return _dashboard(Launch(settings, options, panels, demo=True, warnings=warnings))
    except EmbeddedServerError as error:
        _say(str(error))
        return FAILED


def _host(arguments: Arguments) -> int:
    from natstui.hosting.commands import HostingError, run_hosting

    try:
        return run_hosting(arguments)
    except HostingError as error:
        return _refuse(str(error))


def _end_on_signals() -> None:
    """Let SIGTERM and SIGHUP unwind, so that the server ends with natstui also before the dashboard handles them."""

    def leave(number: int, _frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), leave)


def _headless(settings: Settings, arguments: Arguments) -> int:
    if arguments.command == "config":
        from natstui.headless.config import print_config

        return print_config(settings, as_json=arguments.json)
    if arguments.command == "check":
        from natstui.headless.check import run_check

        return run_check(settings, as_json=arguments.json)
    if arguments.command == "stats":
        from natstui.headless.stats import run_stats

        return run_stats(settings, as_json=arguments.json, interval=arguments.interval)
    from natstui.headless.events import run_events

    return run_events(settings, as_json=arguments.json)


def _exposed_passwords(given: Mapping[str, object]) -> Iterator[str]:
    from natstui.settings_sources import has_userinfo

    if has_userinfo(given.get("servers")):
        yield (
            "The credentials in the --server URL stand in the list of processes, where other users can read them, and "
            "natstui cannot take them back; use --user with NATSTUI_PASSWORD or --password-file, or --credentials-file."
        )


def _has_terminal() -> bool:
    """Textual draws on stderr, so all three count."""
    from natstui.terminal_driver import is_in_browser

    return is_in_browser() or all(_is_terminal(stream) for stream in (sys.stdin, sys.stdout, sys.stderr))


def _no_terminal() -> str:
    return ERRORS_ELSEWHERE if _is_terminal(sys.stdin) and _is_terminal(sys.stdout) else NO_TERMINAL


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _refuse(sentence: str) -> int:
    _say(sentence)
    return USAGE


def _say(sentence: str) -> None:
    from natstui.stream.sanitise import sanitise

    print(sanitise(sentence if sentence.startswith("natstui") else f"natstui: {sentence}"), file=sys.stderr)

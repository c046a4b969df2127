"""The command line's words: every option, the subcommands, the help.

Imports neither pydantic nor Textual nor nats-py, so that ``--version``, ``--help`` and a typing error answer at once.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from natstui import __version__
from natstui.hosting.options import Address, add_serve, add_web
from natstui.launch import PanelSpec, parse_panel

COMMANDS = ("demo", "config", "check", "stats", "events", "serve", "web")
HOSTING = ("serve", "web")
"""Commands that give what stands after ``--`` to natstui again."""
_OUTSIDE_SETTINGS = frozenset(
    {"command", "panels", "workspace", "config", "json", "what", "interval", "seed", "rate", "traffic"}
    | {"session", "listen", "authorized_keys", "session_idle_timeout", "max_sessions"}
)

_SECRETS = {
    "--password": "NATSTUI_PASSWORD or --password-file",
    "--token": "NATSTUI_TOKEN or --token-file",
    "--nkey-seed": "NATSTUI_NKEY_SEED or --nkey-seed-file",
    "--jwt": "NATSTUI_JWT or --jwt-file",
    "--credentials": "NATSTUI_CREDENTIALS or --credentials-file",
}

_EPILOG = """\
examples:
  natstui                                      a dashboard on nats://127.0.0.1:4222, or on the selected nats context
  natstui demo                                 a server of natstui's own with sample traffic, and a dashboard on it
  natstui --server nats://n1:4222 --panel 'subscribe:orders.>' --panel publish:orders.new --panel request:svc.echo
  natstui --context prod --panel 'subscribe:orders.>@workers'            in the queue group "workers"
  natstui ops.toml                             a workspace: its panels, filters, drafts and layout, saved as they change
  natstui --workspace ops                      one with a name, kept beside the settings file; ^o lists them, ^g saves
  natstui check --context prod                 each stage of connecting, with its time, and advice
  natstui config                               every setting, its value, and where that came from

A workspace that does not exist yet is made when there is something to save. Without one, natstui opens what was there
last on the same context or servers; --panel opens exactly the panels named, and then nothing is saved by itself.

Settings come from the command line, then NATSTUI_* variables (NATSTUI_PING_INTERVAL=5s), then the nats context and
NATS_* variables, then the settings file ('natstui config path'), then defaults. Durations: 30m, 1m30s, 250ms.
"""


class UsageError(Exception):
    """The command line cannot be understood; ``str()`` is one sentence without any option's value in it."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        wrong = re.match(r"argument (COMMAND|what): invalid choice: (.*?) \(choose", message)
        if wrong and wrong[1] == "COMMAND":
            raise UsageError(
                f"there is no command {wrong[2]}; the commands are {', '.join(COMMANDS)}; "
                "a workspace is a file that ends in .toml, or --workspace NAME"
            )
        if wrong:
            raise UsageError(f"'{self.prog}' takes no word but path; it was {wrong[2]}")
        raise UsageError(f"{message.removeprefix('argument ')}; '{self.prog} --help' lists what there is")


class Arguments(argparse.Namespace):
    """What the command line holds. Settings stand in it under their fields' names, where they were given at all."""

    command: str | None = None
    panels: list[PanelSpec]
    workspace: str | None = None
    """The name or the file of a workspace."""
    config: Path | None = None
    json: bool = False
    what: str | None = None
    interval: float | None = None
    seed: int | None = None
    rate: float = 1.0
    traffic: bool = True
    session: Sequence[str] = ()
    """What stands after ``--``."""
    listen: Address | None = None
    authorized_keys: Path | None = None
    session_idle_timeout: float | None = None
    """Seconds."""
    max_sessions: int | None = None

    def settings(self) -> dict[str, object]:
        """The settings that were given, as they were given."""
        return {name: value for name, value in vars(self).items() if name not in _OUTSIDE_SETTINGS}


def parse_arguments(arguments: Sequence[str]) -> Arguments:
    """Return what the command line asks.

    Raises:
        UsageError: it cannot be understood.
        SystemExit: after ``--help`` and ``--version``, which have printed.
    """
    parser = build_parser()
    end = arguments.index("--") if "--" in arguments else len(arguments)
    arguments, session = arguments[:end], arguments[end + 1 :]
    arguments = _with_workspace(parser, arguments)
    _refuse_unknown(parser, arguments)
    found, unknown = parser.parse_known_args(arguments, Arguments(panels=[], session=session))
    if found.workspace is not None and found.command is not None:
        raise UsageError(f"a workspace is for the dashboard; leave it out, or the command {found.command}")
    if session and found.command not in HOSTING:
        raise UsageError(f"only natstui {' and natstui '.join(HOSTING)} take anything after --")
    if unknown:
        names = [word for word in unknown if word.startswith("-")]
        what = f"{_name(names[0])} does not belong to '{found.command}'" if names else "there is a word too many"
        if found.command in HOSTING and names:
            raise UsageError(f"{what}; what is for its sessions stands after --: natstui {found.command} -- …")
        raise UsageError(f"{what}; 'natstui {found.command or ''} --help' lists what there is".replace("  ", " "))
    return found


def _with_workspace(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> Sequence[str]:
    """Write ``natstui ops.toml`` as ``natstui --workspace ops.toml``."""
    options = parser._option_string_actions
    before: argparse.Action | None = None
    for place, word in enumerate(arguments):
        takes_value = before is not None and before.nargs is None
        if word in COMMANDS and not takes_value:
            break
        if not takes_value and not word.startswith("-") and word.endswith(".toml"):
            return [*arguments[:place], "--workspace", *arguments[place:]]
        before = options.get(word)
    return arguments


def _name(word: str) -> str:
    return word.partition("=")[0] if word.startswith("--") else word[:2]


def _refuse_unknown(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Tell of a wrong option by its name only: what stands beside it may be a password."""
    commands = _subparsers(parser).choices
    every = {name: command for command in COMMANDS for name in commands[command]._option_string_actions}
    own = set(parser._option_string_actions)
    chosen = next((word for word in arguments if word in commands), None)
    if chosen:
        own |= set(commands[chosen]._option_string_actions)
    for word in arguments:
        name = _name(word)
        if not word.startswith("-") or name in own or word in ("-", "--") or word[1].isdigit():
            continue
        if name in _SECRETS:
            raise UsageError(
                f"there is no {name}, since others could read its value in the list of processes; use {_SECRETS[name]}"
            )
        if name in every:
            raise UsageError(f"{name} belongs to 'natstui {every[name]}'")
        nearest = next(iter(difflib.get_close_matches(name, own, n=1)), "")
        raise UsageError(
            f"there is no option {name}; " + (f"did you mean {nearest}?" if nearest else "'natstui --help' lists them")
        )


def _subparsers(parser: argparse.ArgumentParser) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    return next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))


def _panel(text: str) -> PanelSpec:
    try:
        return parse_panel(text)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def _duration(text: str) -> float:
    from natstui.connection.durations import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _interval(text: str) -> float:
    seconds = _duration(text)
    if seconds < 0.01:
        raise argparse.ArgumentTypeError(f"{text!r} is too short; give at least 10ms")
    return seconds


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = _Parser(
        prog="natstui",
        usage="natstui [OPTION …] [FILE.toml | COMMAND]",
        description="A NATS operations console for the terminal. Without a command it opens the dashboard.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"natstui {__version__}")
    _add_dashboard(parser)
    _add_workspace(parser)
    _add_connection(parser)
    _add_behaviour(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=_Parser)

    demo = _command(commands, "demo", "open a dashboard on a nats-server of natstui's own, with sample traffic")
    demo.add_argument("--seed", type=int, metavar="N", help="the same traffic each time")
    demo.add_argument("--rate", type=_positive, metavar="FACTOR", help="traffic this many times as fast (default 1)")
    demo.add_argument("--no-traffic", dest="traffic", action="store_false", help="the server alone")
    _add_dashboard(demo)
    _add_behaviour(demo)

    config = _command(
        commands, "config", "print every setting, its value, and where that came from; secrets are masked"
    )
    config.add_argument("what", nargs="?", choices=["path"], default=None, help="print only where the settings file is")
    config.add_argument("--json", action="store_true", help="print JSON")
    _add_dashboard(config, panels=False)
    _add_workspace(config, opens=False)

    check = _command(commands, "check", "walk the stages of connecting, print each with its time, and give advice")
    check.epilog = "exit status: 0 all well, 1 warning, 2 failed"
    check.add_argument("--json", action="store_true", help="print JSON")
    _add_file(check)

    stats = _command(commands, "stats", "connect, and print the connection's statistics")
    stats.add_argument("--json", action="store_true", help="print one JSON object a line")
    stats.add_argument(
        "--interval", type=_interval, metavar="DURATION", help="go on, printing once in this time, until interrupted"
    )
    _add_file(stats)

    events = _command(
        commands, "events", "connect, and print the connection's events as they happen, until interrupted"
    )
    events.epilog = (
        "A monitor: where no server answers it says so and goes on trying until interrupted,\n"
        "whatever --retry-on-initial-connect says.\n"
        "exit status: 2 where credentials are refused or --max-reconnects is reached"
    )
    events.add_argument("--json", action="store_true", help="print one JSON object a line")
    _add_file(events)

    add_serve(_command(commands, "serve", "host natstui over SSH, for whoever's key stands in a file"), _duration)
    add_web(_command(commands, "web", "host natstui for browsers on this machine"))

    for command in (config, check, stats, events):
        _add_connection(command)
        _add_behaviour(command)
    return parser


def _command(commands: argparse._SubParsersAction[_Parser], name: str, purpose: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        prog=f"natstui {name}",
        usage=f"natstui {name} [OPTION …]"
        + {"config": " [path]"}.get(name, " [-- OPTION …]" if name in HOSTING else ""),
        help=purpose,
        description=purpose[0].upper() + purpose[1:] + ".",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )


def _add_file(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="the settings file, instead of the usual one")


def _add_dashboard(parser: argparse.ArgumentParser, panels: bool = True) -> None:
    group = parser.add_argument_group("dashboard")
    if panels:
        group.add_argument(
            "--panel",
            dest="panels",
            action="append",
            type=_panel,
            metavar="KIND[:SUBJECT]",
            help="open this panel: subscribe, publish or request, for example 'subscribe:orders.>', "
            "or 'subscribe:orders.>@workers' in a queue group; may be given several times",
        )
    group.add_argument("--theme", metavar="NAME", help="the colours")
    group.add_argument("--ring-capacity", type=int, metavar="N", help="messages that a subscribe panel keeps")
    group.add_argument("--log-file", type=Path, metavar="FILE", help="write the event log there too")
    _add_switch(group, "--hosted", "for users without a shell here: confined to its own directory and servers")
    _add_switch(group, "--ssh-profile", "draw less, for slow lines; the default where SSH_CONNECTION is set")
    _add_file(group)


def _add_workspace(parser: argparse.ArgumentParser, opens: bool = True) -> None:
    group = parser.add_argument_group("workspace")
    if opens:
        group.add_argument(
            "--workspace",
            metavar="NAME|FILE",
            help="open this workspace, and save what changes in it; 'natstui FILE.toml' does the same. One that does "
            "not exist yet begins with the panels that --panel names, which an existing one gets beside its own",
        )
    _add_switch(group, "--autosave", "save what changes, and open what was there last (the default)")
    _add_switch(group, "--save-drafts", "save payloads, headers and reply subjects too (the default)")


def _add_switch(group: argparse._ActionsContainer, name: str, purpose: str) -> None:
    group.add_argument(name, action=argparse.BooleanOptionalAction, help=purpose)


def _add_connection(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where to connect")
    group.add_argument(
        "-s",
        "--server",
        dest="servers",
        action="append",
        metavar="URL",
        help="nats://, tls://, ws:// or wss://; may be given several times",
    )
    chosen = group.add_mutually_exclusive_group()
    chosen.add_argument("--context", metavar="NAME", help="a context of the nats CLI (default: the selected one)")
    chosen.add_argument("--no-context", action="store_true", help="no context, not even the selected one")
    group.add_argument("--name", metavar="NAME", help="the connection's name, which the server shows")
    group.add_argument("--local-address", metavar="ADDRESS", help="the local IP address to connect from")

    group = parser.add_argument_group(
        "authentication", "Secrets are taken from files and NATSTUI_* variables, as others can read the command line."
    )
    group.add_argument("--user", metavar="NAME", help="with --password-file or NATSTUI_PASSWORD; alone, a token")
    for secret, purpose in (
        ("password", "the password"),
        ("token", "a token"),
        ("nkey-seed", "an nkey seed"),
        ("jwt", "a user JWT"),
    ):
        group.add_argument(f"--{secret}-file", type=Path, metavar="FILE", help=f"a file with {purpose}")
    group.add_argument("--credentials-file", type=Path, metavar="FILE", help="a .creds file, read at each connect")

    group = parser.add_argument_group("TLS")
    _add_switch(group, "--require-tls", "refuse a server that offers no TLS")
    _add_switch(group, "--tls-first", "TLS before the server's INFO (its handshake_first)")
    group.add_argument("--root-certificates", type=Path, metavar="FILE", help="authorities to trust (PEM)")
    group.add_argument("--client-certificate", type=Path, metavar="FILE", help="our own certificate (PEM)")
    group.add_argument("--client-key", type=Path, metavar="FILE", help="the key that belongs to it (PEM)")
    group.add_argument("--tls-hostname", metavar="NAME", help="the name that the server's certificate must carry")


def _add_behaviour(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the connection's behaviour")
    for name, metavar, purpose in (
        ("--ping-interval", "DURATION", "time between keep-alive pings (20s)"),
        ("--max-outstanding-pings", "N", "unanswered pings allowed (2)"),
        ("--connection-timeout", "DURATION", "for the whole of connecting to a server (5s)"),
        ("--request-timeout", "DURATION", "for any answer (10s)"),
        ("--idle-timeout", "DURATION", "close a connection that nobody used for so long; 0 for never (30m)"),
        ("--idle-policy", "POLICY", "hold (the default) or close an idle connection with subscriptions"),
        ("--check-interval", "DURATION", "between two looks for idle connections, at most (5m)"),
        ("--max-reconnects", "N", "failed attempts before giving up; unlimited by default"),
        ("--subscription-capacity", "N", "messages that may wait for a subscription's handler (65536)"),
        ("--client-capacity", "N", "messages that may wait for a server while reconnecting (2048)"),
        ("--read-buffer-capacity", "BYTES", "read from the socket at a time (65535)"),
        ("--custom-inbox-prefix", "SUBJECT", "of inboxes (_INBOX)"),
    ):
        group.add_argument(name, metavar=metavar, help=purpose)
    _add_switch(group, "--read-only", "let no message leave: neither publish nor request")
    _add_switch(group, "--fault-drill", "allow connections to be broken on purpose (docs/stale-connections.md)")
    _add_switch(group, "--retry-on-initial-connect", "keep trying when the first connect fails")
    _add_switch(group, "--retain-servers-order", "try the servers in the order given")
    _add_switch(group, "--ignore-discovered-servers", "stay with the servers given")
    _add_switch(group, "--skip-subject-validation", "publish to subjects as they are")
    group.add_argument("--no-echo", action="store_true", help="do not receive what this very connection published")
    group.add_argument("--echo", dest="no_echo", action="store_false", help="receive it (the default)")

"""Workspaces from the command line, in a real terminal too."""

from __future__ import annotations

import signal
import tomllib
from pathlib import Path

import pytest

from natstui.arguments import UsageError, parse_arguments
from natstui.cli import main
from tests.hosting.display import Display
from tests.servers import NatsServer
from tests.terminals import Terminal
from tests.waiting import until_sync

F6, F9 = "\x1b[17~", "\x1b[20~"


@pytest.mark.parametrize(
    ("arguments", "workspace"),
    [
        ([], None),
        (["ops.toml"], "ops.toml"),
        (["./a/ops.toml", "--read-only"], "./a/ops.toml"),
        (["--context", "prod", "ops.toml"], "ops.toml"),
        (["--read-only", "ops.toml"], "ops.toml"),
        (["--config=x.toml", "ops.toml"], "ops.toml"),
        (["--config", "x.toml"], None),
        (["--config", "x.toml", "ops.toml"], "ops.toml"),
        (["--workspace", "ops"], "ops"),
        (["--workspace", "ops.toml"], "ops.toml"),
    ],
)
def test_a_workspace_is_named_by_option_or_as_a_file(arguments: list[str], workspace: str | None) -> None:
    assert parse_arguments(arguments).workspace == workspace


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["demo", "ops.toml"], "a word too many"),
        (["ops.toml", "demo"], "a workspace is for the dashboard"),
        (["demo", "--workspace", "ops"], "--workspace"),
        (["check", "--workspace", "ops"], "--workspace"),
        (["ops"], "--workspace NAME"),
        (["a.toml", "b.toml"], "b.toml"),
    ],
)
def test_a_workspace_belongs_to_the_dashboard_alone(arguments: list[str], said: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_arguments(arguments)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("layout = \n", "line 1"),
        ('[[panels]]\nkind = "publish"\nsubject = 5.5\n', "line 3: subject should be text"),
        ('[[panels]]\nkind = "publish"\npassword = "5f2a9"\n', "line 3: password does not belong"),
    ],
)
def test_a_broken_workspace_that_was_asked_for_is_refused_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    path = tmp_path / "ops.toml"
    path.write_text(content)
    assert main([str(path)]) == 2
    told = capsys.readouterr().err
    assert said in told and str(path) in told and told.count("\n") == 1 and "5f2a9" not in told
    assert path.read_text() == content


@pytest.mark.parametrize(
    ("word", "said"), [("nowhere/ops.toml", "there is no workspace"), (".", "is no name"), ("", "is no name")]
)
def test_what_cannot_become_a_workspace_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], word: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--workspace", word]) == 2
    assert said in capsys.readouterr().err and list(tmp_path.glob("*.toml")) == []


def leave(terminal: Terminal) -> None:
    terminal.type("\x11")
    assert terminal.ended() == 0


def test_a_terminal_session_is_there_again_after_a_restart(nats_server: NatsServer, tmp_path: Path) -> None:
    path = tmp_path / "ops.toml"
    panels = ["--panel", "publish:orders.new", "--panel", "subscribe:>"]
    with Terminal([str(path), "--server", nats_server.url, *panels]) as one:
        screen = Display(one)
        screen.shows_soon("2 connected")
        one.type("typed-before")
        screen.shows_soon("typed-before")
        one.type(F6)
        one.type("/needle\r")
        screen.shows_soon("needle")
        one.type(F9)
        until_sync(lambda: path.exists() and "needle" in path.read_text(), 20, "it is saved by itself")
        leave(one)
    saved = tomllib.loads(path.read_text())
    assert saved["layout"] == "columns" and saved["connection"] == {"servers": [nats_server.url]}
    assert [panel["kind"] for panel in saved["panels"]] == ["publish", "subscribe"]
    assert saved["panels"][0]["payload"] == "typed-before" and saved["panels"][1]["filter"] == "needle"
    with Terminal([str(path)]) as two:
        screen = Display(two)
        for words in ("2 connected", "typed-before", "needle", "orders.new"):
            screen.shows_soon(words)
        leave(two)
    assert tomllib.loads(path.read_text()) == saved


def test_what_was_typed_last_survives_a_lost_line(nats_server: NatsServer, own_environment: Path) -> None:
    with Terminal(["--server", nats_server.url]) as one:
        screen = Display(one)
        screen.shows_soon("3 connected")
        one.type(F6)
        one.type("a.b\r\r\rlast-words")
        screen.shows_soon("last-words")
        one.process.send_signal(signal.SIGHUP)
        assert one.ended() == 128 + signal.SIGHUP
    sessions = list((own_environment / "state" / "natstui" / "sessions").glob("*.toml"))
    assert len(sessions) == 1 and "last-words" in sessions[0].read_text()
    with Terminal(["--server", nats_server.url]) as two:
        Display(two).shows_soon("last-words")
        leave(two)

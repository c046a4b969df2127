"""`natstui serve` with a real ssh client and a pty: natstui for whoever has a key, within bounds, and nothing else."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from nats.aio.client import Client

from tests.hosting.openssh import CLIENT, HOST, NO_CLIENT, SshClient, first_byte, free_port, make_key, processes_of
from tests.hosting.served import Served
from tests.servers import NatsServer
from tests.terminals import Terminal
from tests.waiting import until, until_sync

pytestmark = pytest.mark.skipif(CLIENT is None, reason=NO_CLIENT)

Connect = Callable[..., Awaitable[Client]]
Serve = Callable[..., Served]
PROMISED = 5.0
"""Seconds within which a session ends whose client is gone."""
LEAVES_ALTERNATE_SCREEN = b"\x1b[?1049l"


@pytest.fixture
def marker() -> str:
    """A word in the command line of this test's sessions, by which their processes are found."""
    return f"session-{secrets.token_hex(8)}"


@pytest.fixture
def serve(tmp_path: Path, nats_server: NatsServer, marker: str) -> Iterator[Serve]:
    """`serve(*options)`: a started `natstui serve`, whose sessions have two panels on `nats_server`."""
    started: list[Served] = []

    def make(*options: str) -> Served:
        session = ["--server", nats_server.url, "--name", marker, "--panel", "publish", "--panel", "subscribe:news"]
        started.append(Served(tmp_path / "serve", options, session))
        return started[-1]

    yield make
    for one in started:
        one.stop()
    until_sync(lambda: not sessions_of(marker), 20, "no session is left behind")


def sessions_of(marker: str) -> list[int]:
    """The processes of natstui's sessions; not the one that serves."""
    return [pid for pid, line in processes_of(marker).items() if "natstui.hosting.session_process" in line]


def connected(terminal: Terminal, server: NatsServer, sessions: int = 1) -> None:
    """Wait for the dashboard, with both its connections."""
    terminal.shows("waiting for messages")
    until_sync(lambda: len(server.connections()) == 2 * sessions, 30, "two connections a session")


async def test_a_session_from_the_first_key_to_the_last(
    serve: Serve, nats_server: NatsServer, marker: str, connect: Connect
) -> None:
    served = serve()
    with served.client.terminal() as terminal:
        connected(terminal, nats_server)
        assert len(sessions_of(marker)) == 1
        # The SSH profile is on by itself.
        assert not [mode for mode in (b"\x1b[?1000h", b"\x1b[?1002h", b"\x1b[?1003h") if mode in terminal.output]
        listener = await connect(nats_server.url)
        subscription = await listener.subscribe("typed.>")
        await listener.flush()
        terminal.type("typed.here\t\t\tby hand\x13")
        message = await subscription.next_msg(30)
        assert (message.subject, message.data) == ("typed.here", b"by hand")
        terminal.resize(50, 15)
        await until(lambda: "here are 50×15".encode() in terminal.output, 30)
        terminal.type("\x11")
        await until(lambda: terminal.process.poll() is not None, 30)
        assert terminal.ended() == 0
        assert LEAVES_ALTERNATE_SCREEN in terminal.output
    await until(lambda: served.audit("ended"), 10)
    (opened,), (ended,) = served.audit("opened"), served.audit("ended")
    fingerprint = _fingerprint(served.key)
    for event in (opened, ended):
        assert (event["user"], event["name"], event["key"]) == ("ann", "ann@example", fingerprint)
        assert event["from"].startswith(HOST) and event["session"] == opened["session"]
    assert ended["exit"] == 0 and ended["reason"] == "left" and ended["seconds"] > 0
    assert ended["at"] > opened["at"]
    assert [stat.S_IMODE((served.state / name).stat().st_mode) for name in ("audit.log", "host_key")] == [0o600] * 2
    assert stat.S_IMODE(served.state.stat().st_mode) == 0o700


def _fingerprint(key: Path) -> str:
    words = ["ssh-keygen", "-l", "-f", str(key)]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout.split()[1]


def test_a_killed_client_takes_its_session_along(serve: Serve, nats_server: NatsServer, marker: str) -> None:
    served = serve()
    with served.client.terminal() as one, served.client.terminal() as other:
        connected(one, nats_server, 2)
        connected(other, nats_server, 2)
        assert len(sessions_of(marker)) == 2
        one.process.kill()
        one.process.wait()
        until_sync(
            lambda: len(sessions_of(marker)) == 1 and len(nats_server.connections()) == 2,
            PROMISED,
            "natstui and its connections go",
        )
        other.type("\x11")
        assert other.ended() == 0
    until_sync(lambda: len(served.audit("ended")) == 2, 10)
    assert [event["reason"] for event in served.audit("ended")] == ["the client is gone", "left"]


def test_a_session_in_which_nobody_types_is_ended(serve: Serve, nats_server: NatsServer) -> None:
    served = serve("--idle-timeout", "4s")
    with served.client.terminal() as terminal:
        connected(terminal, nats_server)
        assert terminal.ended() == 128 + signal.SIGTERM
        assert b"this session was ended: idle for 4s" in terminal.output
        assert LEAVES_ALTERNATE_SCREEN in terminal.output
    until_sync(lambda: served.audit("ended"), 10)
    assert served.audit("ended")[0]["reason"] == "idle for 4s"
    assert nats_server.connections() == []


def test_there_are_no_more_sessions_than_allowed(serve: Serve, nats_server: NatsServer) -> None:
    served = serve("--max-sessions", "1")
    with served.client.terminal() as first:
        connected(first, nats_server)
        with served.client.terminal() as second:
            assert second.ended() == 2
            assert b"all 1 sessions are in use" in second.output
        first.type("\x11")
        assert first.ended() == 0
    until_sync(lambda: served.audit("ended"), 10)
    with served.client.terminal() as third:
        connected(third, nats_server)


def test_a_natstui_that_is_killed_leaves_a_clean_terminal(serve: Serve, nats_server: NatsServer, marker: str) -> None:
    served = serve()
    with served.client.terminal() as terminal:
        connected(terminal, nats_server)
        (pid,) = sessions_of(marker)
        os.kill(pid, signal.SIGKILL)
        assert terminal.ended() == 128 + signal.SIGKILL
        assert LEAVES_ALTERNATE_SCREEN in terminal.output and b"killed by SIGKILL" in terminal.output
    until_sync(lambda: served.audit("ended"), 10)
    assert nats_server.connections() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_no_session_outlives_the_server(
    serve: Serve, nats_server: NatsServer, marker: str, number: signal.Signals
) -> None:
    served = serve()
    with served.client.terminal() as terminal:
        connected(terminal, nats_server)
        code = served.stop(number)
        until_sync(lambda: not sessions_of(marker) and not nats_server.connections(), 20)
        if number is signal.SIGTERM:
            assert code == 0
            assert terminal.ended() == 128 + signal.SIGTERM
            assert LEAVES_ALTERNATE_SCREEN in terminal.output and b"the server stops" in terminal.output
            assert [event["reason"] for event in served.audit("ended")] == ["the server stops"]
            assert served.audit("stopped")


def test_a_restarted_server_has_the_same_key(serve: Serve) -> None:
    first = serve()
    client = first.client
    first.stop()
    again = serve()
    assert SshClient(again.port, client.key, again.client.known_hosts, "ann").run().returncode == 2
    assert again.client.known_hosts.read_text().split()[1:] == client.known_hosts.read_text().split()[1:]


def test_nothing_but_natstui_is_to_be_had(serve: Serve, nats_server: NatsServer, marker: str, tmp_path: Path) -> None:
    served = serve()
    client = served.client
    no_terminal = client.run()
    assert (no_terminal.returncode, no_terminal.stdout) == (2, "") and "ssh -t" in no_terminal.stderr
    for command in ("cat /etc/passwd", "natstui --no-hosted"):
        result = client.run(command=[command])
        assert (result.returncode, result.stdout) == (2, "") and "leave the command out" in result.stderr
    with client.terminal(command=["/bin/sh", "-i"]) as terminal:
        assert terminal.ended() == 2
    for words in (["sftp", "-b", "-"], ["scp"], ["scp", "-O"]):
        target = tmp_path / "stolen"
        remote = f"ann@{HOST}" + ("" if words[0] == "sftp" else ":/etc/passwd")
        moved = subprocess.run(
            [words[0], *client.options(), "-P", str(client.port), *words[1:], remote]
            + ([] if words[0] == "sftp" else [str(target)]),
            input=f"get /etc/passwd {target}\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert moved.returncode != 0 and not target.exists()
    for option, value in (("-R", f"{free_port()}:{HOST}:22"), ("-R", f"{tmp_path}/socket:{HOST}:22")):
        result = client.run("-N", "-o", "ExitOnForwardFailure=yes", option, value)
        assert result.returncode == 255 and "forwarding failed" in result.stderr
    port = free_port()
    forward = client.arguments("-N", "-L", f"{HOST}:{port}:{HOST}:{nats_server.port}")
    with subprocess.Popen([str(CLIENT), *forward], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as forwarder:
        try:
            assert first_byte(port) == b""
        finally:
            forwarder.kill()
    assert not served.audit("opened") and nats_server.connections() == []
    reasons = {event["reason"] for event in served.audit("refused")}
    assert "subsystem sftp" in reasons and any("leave the command out" in reason for reason in reasons)


def test_a_client_has_no_say_in_the_environment(serve: Serve, nats_server: NatsServer, marker: str) -> None:
    served = serve()
    smuggled = {
        "NATSTUI_SERVERS": "evil",
        "NATSTUI_HOSTED": "false",
        "TEXTUAL_DRIVER": "evil:Driver",
        "PYTHONPATH": "/evil",
        "LD_PRELOAD": "/evil.so",
        "HOME": "/evil",
        "XDG_STATE_HOME": "/evil",
        "SSH_CONNECTION": "evil",
        "COLORTERM": "truecolor",
    }
    option = "SetEnv=" + " ".join(f"{name}={value}" for name, value in smuggled.items())
    with served.client.terminal("-A", "-o", option, environment={"TERM": "xterm-kitty"}) as terminal:
        connected(terminal, nats_server)
        (pid,) = sessions_of(marker)
        entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        assert not [entry for entry in entries if b"evil" in entry]
        variables = dict(entry.split(b"=", 1) for entry in entries if b"=" in entry)
        assert not variables.keys() & {b"SSH_AUTH_SOCK", b"NATSTUI_HOSTED", b"TEXTUAL_DRIVER", b"LD_PRELOAD"}
        assert (variables[b"TERM"], variables[b"COLORTERM"]) == (b"xterm-kitty", b"truecolor")
        assert variables[b"SSH_CONNECTION"].startswith(HOST.encode())


def test_every_key_has_files_of_its_own(serve: Serve, nats_server: NatsServer, tmp_path: Path) -> None:
    served = serve()
    with served.authorized_keys.open("a") as file:
        file.write(make_key(tmp_path / "bob", "bob@example") + "\n")
    bob = SshClient(served.port, tmp_path / "bob", served.client.known_hosts, "ann")
    for client in (served.client, bob):
        with client.terminal() as terminal:
            connected(terminal, nats_server)
            terminal.type("\x11")
            assert terminal.ended() == 0
    logs = sorted((served.state / "people").glob("*/natstui/events.log"))
    assert len(logs) == 2
    assert [stat.S_IMODE(log.parents[1].stat().st_mode) for log in logs] == [0o700, 0o700]
    until_sync(lambda: len(served.audit("ended")) == 2, 10)
    assert {event["name"] for event in served.audit("ended")} == {"ann@example", "bob@example"}


def test_keys_are_read_anew_for_each_login(serve: Serve, tmp_path: Path) -> None:
    served = serve()
    client = served.client
    assert client.run().returncode == 2
    known = served.authorized_keys.read_text()
    served.authorized_keys.write_text(make_key(tmp_path / "other"))
    refused = client.run()
    assert refused.returncode == 255 and "Permission denied" in refused.stderr
    assert SshClient(served.port, tmp_path / "other", client.known_hosts, "bob").run().returncode == 2
    served.authorized_keys.write_text(known)
    served.authorized_keys.chmod(0o666)
    assert client.run().returncode == 255
    assert "nobody can log in" in served.output and "chmod 600" in served.output
    served.authorized_keys.chmod(0o600)
    assert client.run().returncode == 2
    until_sync(lambda: any(event.get("keys") for event in served.audit("refused")), 10)


def test_passwords_and_silence_lead_nowhere(serve: Serve) -> None:
    served = serve()
    result = served.client.run("-o", "PubkeyAuthentication=no")
    assert result.returncode == 255 and "Permission denied (publickey)" in result.stderr
    with socket.create_connection((HOST, served.port), 20) as peer:
        assert peer.recv(64).startswith(b"SSH-2.0-natstui")


def test_a_session_that_cannot_be_noted_is_not_opened(serve: Serve) -> None:
    served = serve()
    client = served.client
    (served.state / "audit.log").unlink()
    (served.state / "audit.log").mkdir()
    with client.terminal() as terminal:
        assert terminal.ended() == 2
        assert b"cannot be noted" in terminal.output
    assert "audit.log cannot be written" in served.output
    (served.state / "audit.log").rmdir()


def test_strangers_take_no_room_from_those_who_have_a_key(serve: Serve, nats_server: NatsServer) -> None:
    served = serve("--max-sessions", "1")
    client = served.client
    with contextlib.ExitStack() as stack:
        strangers = [stack.enter_context(socket.create_connection((HOST, served.port), 20)) for _ in range(60)]

        def greeted() -> int:
            count = 0
            for peer in strangers:
                peer.settimeout(5)
                try:
                    count += bool(peer.recv(1, socket.MSG_PEEK))
                except ConnectionResetError:
                    pass
            return count

        assert 1 <= greeted() <= 17
    until_sync(lambda: client.run().returncode == 2, 30, "there is room again")
    with client.terminal() as terminal:
        connected(terminal, nats_server)


async def test_a_client_that_reads_nothing_holds_up_nobody_but_itself(
    serve: Serve, nats_server: NatsServer, connect: Connect
) -> None:
    served = serve()
    publisher = await connect(nats_server.url)
    with served.client.terminal() as frozen, served.client.terminal() as lively:
        await until(lambda: len(nats_server.connections()) == 5, 30)
        await until(lambda: b"waiting for messages" in frozen.output and b"waiting for" in lively.output, 30)
        os.kill(frozen.process.pid, signal.SIGSTOP)
        for number in range(200):
            await publisher.publish("news", f"item {number} {'x' * 80}".encode())
            await publisher.flush()
        await publisher.publish("news", b"the-very-last")
        await until(lambda: b"the-very-last" in lively.output, 30)
        os.kill(frozen.process.pid, signal.SIGCONT)
        await until(lambda: b"the-very-last" in frozen.output, 30)
        for terminal in (frozen, lively):
            terminal.type("\x11")
            await until(lambda terminal=terminal: terminal.process.poll() is not None, 30)
            assert terminal.ended() == 0


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "natstui", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve"], "there is no file"),
        (["serve", "--authorized-keys", "{empty}"], "holds no key"),
        (["serve", "--authorized-keys", "{options}"], "line 2"),
        (["serve", "--authorized-keys", "{writable}"], "chmod 600"),
        (["serve", "--authorized-keys", "{directory}"], "is no file"),
        (["serve", "--authorized-keys", "{keys}", "--listen", "{used}"], "cannot be listened on"),
        (["serve", "--listen", "here:there"], "no address"),
        (["serve", "--max-sessions", "0"], "whole number"),
        (["serve", "--idle-timeout", "long"], "--idle-timeout"),
        (["serve", "--context", "prod"], "after --"),
        (["serve", "--server=nats://ann:s3cret@n1"], "after --"),
        (["serve", "--", "demo"], "without the command demo"),
        (["serve", "--", "--panel", "chart"], "no panel kind"),
        (["serve", "--", "--context", "nowhere"], "no nats context 'nowhere'"),
        (["serve", "--", "--help"], "not --help"),
        (["--panel", "publish", "--", "serve"], "take anything after --"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_served_is_refused_in_one_sentence(tmp_path: Path, arguments: list[str], said: str) -> None:
    key = make_key(tmp_path / "key")
    contents = {"empty": "# none\n", "keys": key, "options": f'\ncommand="/bin/sh" {key}', "writable": key}
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o622 if name == "writable" else 0o600)
    with socket.create_server((HOST, 0)) as used:
        places = {name: str(tmp_path / name) for name in contents}
        places |= {"directory": str(tmp_path), "used": f"{HOST}:{used.getsockname()[1]}"}
        result = _run(*(word.format(**places) for word in arguments))
    assert result.returncode == 2 and result.stdout == ""
    assert said in result.stderr and len(result.stderr.strip().splitlines()) == 1
    assert "s3cret" not in result.stderr


@pytest.mark.parametrize("command", ["serve", "web"])
def test_help_loads_nothing_that_takes_time(command: str) -> None:
    slow = {"asyncssh", "textual", "textual_serve", "aiohttp", "pydantic", "nats"}
    script = (
        f"import sys; from natstui.cli import main; main([{command!r}, '--help']); print({slow!r} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert "--max-sessions" in result.stdout and result.stdout.rstrip().endswith("set()")


@pytest.mark.parametrize(("command", "package"), [("serve", "asyncssh"), ("web", "textual_serve")])
def test_without_the_extra_it_says_which_to_install(command: str, package: str) -> None:
    script = f"import sys; sys.modules[{package!r}] = None\nfrom natstui.cli import main; sys.exit(main([{command!r}]))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 2 and f"pip install 'natstui[{command}]'" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1

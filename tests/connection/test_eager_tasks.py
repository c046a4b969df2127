"""The connection on a loop whose tasks start eagerly, as Textual's do from Python 3.12 on."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable

import pytest

from natstui.connection import ConnectionState, OpenError, ServerError
from natstui.connection.tasks import begin
from tests.connection.conftest import Managed
from tests.connection.event_record import EventRecord
from tests.faults import Peer, Script, ScriptedServer
from tests.servers import NatsServer
from tests.waiting import until

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")


async def test_what_the_server_says_right_behind_the_handshake_is_heard(
    scripted_server: Callable[[Script], Awaitable[ScriptedServer]], managed: Managed
) -> None:
    async def script(peer: Peer) -> None:
        await peer.send_info()
        await peer.expect(b"CONNECT")
        await peer.expect(b"PING")
        await peer.send(b"PONG\r\n-ERR 'something odd'\r\n")
        await peer.serve()

    connection = managed((await scripted_server(script)).url)
    record = EventRecord(connection)
    await connection.open()
    await until(lambda: record.of(ServerError))


async def test_a_connection_that_may_not_reconnect_fails_once(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url, max_reconnects=0)
    await connection.open()
    nats_server.kill()
    await until(lambda: connection.state is ConnectionState.FAILED)
    with pytest.raises(OpenError):
        await connection.open()
    nats_server.restart()
    await connection.open()
    assert connection.state is ConnectionState.CONNECTED


async def test_a_task_does_nothing_before_its_maker_has_it() -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("task")

    task = begin(work(), "work")
    done.append("maker")
    await task
    assert done == ["maker", "task"]

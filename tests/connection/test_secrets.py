"""Credentials never come into sight: not in URLs that are wrong, not in errors, events, stats or tracebacks."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from rich.console import Console
from rich.traceback import Traceback

from natstui.connection import (
    Auth,
    AuthenticationError,
    ClientError,
    ConnectOptions,
    ManagedConnection,
    OptionError,
    Reconnected,
    ServerNotInPoolError,
    ServerStats,
)
from tests.clusters import NatsCluster
from tests.connection.conftest import Managed
from tests.connection.event_record import EventRecord
from tests.credentials import Nkey, Operator
from tests.servers import NatsServer
from tests.waiting import until

Servers = Callable[..., NatsServer]
Clusters = Callable[..., NatsCluster]
SECRET = "s3cr3tXYZ"


def with_all_locals(error: BaseException) -> str:
    """The most that a traceback ever shows of an error, but for the frames of the test itself."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code.co_filename == __file__:
        traceback = traceback.tb_next
    shown = Traceback.from_exception(
        type(error), error, traceback, show_locals=True, locals_max_length=10_000, locals_max_string=100_000, width=400
    )
    console = Console(file=io.StringIO(), width=400)
    console.print(shown)
    console.print(repr(error))
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def everything(connection: ManagedConnection) -> str:
    """All that a connection tells of itself."""
    events = "".join(f"{event} {event!r}" for event in connection.events)
    return f"{connection.options!r} {connection.stats()!r} {connection.stats().model_dump_json()} {events}"


@pytest.mark.parametrize(
    "options",
    [
        {"user": "ann", "password": SECRET},
        {"token": SECRET},
        {"servers": f"nats://ann:{SECRET}@HOST"},
        {"servers": f"nats://{SECRET}@HOST"},
    ],
)
async def test_a_refusal_shows_no_credentials_in_a_traceback_with_all_its_variables(
    nats_server_factory: Servers, managed: Managed, options: dict[str, str]
) -> None:
    server = nats_server_factory(user="ann", password="other")
    options = {"servers": server.url} | options
    urls = options.pop("servers").replace("HOST", f"127.0.0.1:{server.port}")
    connection = managed(urls, **options)
    with pytest.raises(AuthenticationError) as caught:
        await connection.open()
    assert "in establish" not in with_all_locals(caught.value)
    assert SECRET not in with_all_locals(caught.value) + everything(connection)


async def test_nor_does_a_callback_or_a_key_that_fails(nats_server_factory: Servers, managed: Managed) -> None:
    server = nats_server_factory(user="ann", password=SECRET)

    async def fail(nonce: bytes) -> Auth:
        raise ValueError("no answer")

    for options in (
        {"user": "ann", "password": SECRET, "auth_callback": fail},
        {"nkey_seed": f"SU{SECRET}"},
        {"jwt": "a.b.c", "nkey_seed": Nkey.user().seed[:-1] + SECRET},
        {"credentials": Operator().user().text.replace("-SU", f"-SU{SECRET}").replace("\nSU", f"\nSU{SECRET}")},
    ):
        connection = managed(server.url, **options)
        with pytest.raises(AuthenticationError) as caught:
            await connection.open()
        assert SECRET not in with_all_locals(caught.value) + everything(connection)


async def test_a_server_that_the_callback_chose_outside_the_pool_is_named_without_its_credentials(
    nats_server_factory: Servers, managed: Managed
) -> None:
    async def choose(servers: list[ServerStats], info: Mapping[str, Any]) -> tuple[str, float]:
        return f"nats://ann:{SECRET}@192.0.2.1:4222", 0.0

    connection = managed(nats_server_factory().url, reconnect_to_server_callback=choose)
    record = EventRecord(connection)
    await connection.open()
    await connection.force_reconnect()
    told = await record.first(ClientError)
    assert isinstance(told.error, ServerNotInPoolError)
    assert "192.0.2.1:4222" in str(told)
    assert SECRET not in everything(connection)


@pytest.mark.parametrize(
    "url",
    [
        f"nats://ann:{SECRET}",
        f"nats://ann:{SECRET}/x@host:4222",
        f"nats://ann:12/{SECRET}@host:4222",
        f"ws://ann:12/{SECRET}@host",
        f"ws://ann:12?{SECRET}@host",
        f"ws://ann:12#{SECRET}@host",
        f"ann:{SECRET}://x@host",
        f"nats://ann:{SECRET}@host:port",
        f"https://ann:{SECRET}@host",
        f"nats://ann:{SECRET}@ho st",
        f"nats://ann:{SECRET}@[::1",
    ],
)
def test_a_url_that_is_refused_is_quoted_without_what_may_be_its_password(url: str) -> None:
    with pytest.raises(OptionError) as caught:
        ConnectOptions(servers=url)
    assert SECRET not in f"{caught.value} {caught.value!r}"


async def test_credentials_in_the_urls_of_a_new_pool_hold_for_the_servers_discovered_there(
    nats_server: NatsServer, nats_cluster_factory: Clusters, managed: Managed
) -> None:
    cluster = nats_cluster_factory(2, user="ann", password=SECRET)
    first, second = cluster.nodes
    connection = managed(nats_server.url)
    record = EventRecord(connection)
    await connection.open()
    connection.set_server_pool([first.url.replace("://", f"://ann:{SECRET}@")])
    await connection.force_reconnect()
    await record.first(Reconnected, server=first.url)
    await until(lambda: len(connection.stats().server_pool) == 2)
    first.kill()
    await record.first(Reconnected, server=second.url)
    assert SECRET not in everything(connection)


async def test_a_new_password_counts_over_the_one_in_the_url(nats_server_factory: Servers, managed: Managed) -> None:
    server = nats_server_factory(user="ann", password="new")
    options = ConnectOptions(servers=server.url.replace("://", "://ann:old@"))
    changed = options.replace(password="new")
    await managed(*changed.servers, user=changed.user, password=changed.password).open()
    assert [userinfo for _, userinfo in changed.pool] == [None]
    kept = options.replace(name="other")
    assert kept.pool == options.pool and kept.user == "ann"

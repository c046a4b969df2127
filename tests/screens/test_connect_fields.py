"""What is entered in the connect dialog has its effect on real servers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual import events

from natstui.connection import (
    BufferFullError,
    ConnectionManager,
    ConnectionState,
    ConnectOptions,
    ManagedConnection,
    Message,
    SubjectError,
)
from natstui.screens.connect import ConnectDialog
from natstui.widgets.choice import Choice
from natstui.widgets.field import Field
from natstui.widgets.notice import Notice
from natstui.widgets.pasted_field import PastedField
from tests.clusters import NatsCluster
from tests.credentials import Nkey, Operator
from tests.screens.test_connect import SIZE, DialogApp
from tests.servers import NatsServer
from tests.waiting import until

Servers = Callable[..., NatsServer]


async def entered(options: ConnectOptions, key: str = "f5", **fields: str) -> ConnectOptions:
    """Enter these in the dialog, paste what has several lines, have it tried (f5) or taken untried (f8)."""
    app = DialogApp(options)
    async with app.run_test(size=SIZE) as pilot:
        for name, value in fields.items():
            widget = app.screen.query_one(f"#{name}")
            assert isinstance(widget, Field | Choice)
            if isinstance(widget, PastedField) and not value.startswith("/"):
                widget.focus()
                await pilot.pause()
                app.post_message(events.Paste(value))
                await pilot.pause()
            else:
                widget.value = value
        await pilot.press(key)
        await until(lambda: bool(app.answers or app.screen.query_one(Notice).sentence), 15)
        assert app.answers, app.screen.query_one(Notice).sentence
    (answer,) = app.answers
    assert answer is not None
    return answer.options


async def using(options: ConnectOptions, use: Callable[[ManagedConnection], Awaitable[None]]) -> None:
    async with ConnectionManager() as manager:
        await use(manager.add(options))


# Authentication: a connection that opens is the proof, and the first test says that it would not without


async def test_without_what_is_pasted_the_server_refuses(nats_server_factory: Servers) -> None:
    server = nats_server_factory(Operator().server_config())
    app = DialogApp(ConnectOptions(servers=server.url))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f5")
        await until(lambda: "authentication" in app.screen.query_one(Notice).sentence, 15)
        assert isinstance(app.screen, ConnectDialog)


async def test_credentials_pasted_open_a_connection(nats_server_factory: Servers) -> None:
    operator = Operator()
    server = nats_server_factory(operator.server_config())
    options = await entered(ConnectOptions(servers=server.url), credentials=operator.user().text)
    await using(options, lambda connection: connection.flush())


async def test_a_jwt_and_a_seed_pasted_open_a_connection(nats_server_factory: Servers) -> None:
    operator = Operator()
    server = nats_server_factory(operator.server_config())
    user = operator.user()
    await entered(ConnectOptions(servers=server.url), jwt=user.jwt, nkey_seed=user.key.seed)


async def test_a_bearer_jwt_pasted_alone_opens_a_connection(nats_server_factory: Servers) -> None:
    operator = Operator()
    server = nats_server_factory(operator.server_config())
    user = operator.user(permissions={"bearer_token": True})
    await entered(ConnectOptions(servers=server.url), jwt=user.jwt)


async def test_a_jwt_and_a_seed_in_files_open_a_connection(nats_server_factory: Servers, tmp_path: Path) -> None:
    operator = Operator()
    server = nats_server_factory(operator.server_config())
    user = operator.user()
    (tmp_path / "jwt").write_text(user.jwt + "\n")
    (tmp_path / "seed").write_text(user.key.seed + "\n")
    await entered(ConnectOptions(servers=server.url), jwt=str(tmp_path / "jwt"), nkey_seed=str(tmp_path / "seed"))


async def test_a_seed_pasted_opens_a_connection(nats_server_factory: Servers) -> None:
    user = Nkey.user()
    server = nats_server_factory(nkeys=[user.public])
    await entered(ConnectOptions(servers=server.url), nkey_seed=user.seed)


async def test_another_user_than_that_of_the_url_is_the_one_who_connects(nats_server_factory: Servers) -> None:
    server = nats_server_factory(users=[{"user": "ann", "password": "a"}, {"user": "bob", "password": "b"}])
    options = ConnectOptions(servers=f"nats://ann:a@127.0.0.1:{server.port}")
    changed = await entered(options, user="bob", password="b")

    async def use(connection: ManagedConnection) -> None:
        await connection.open()
        assert [client["authorized_user"] for client in server.connz(auth=True)["connections"]] == ["bob"]

    await using(changed, use)


# Reconnecting


async def test_giving_up_after_so_many_attempts(nats_server: NatsServer) -> None:
    options = await entered(ConnectOptions(servers=nats_server.url), max_reconnects="1")

    async def use(connection: ManagedConnection) -> None:
        await connection.open()
        nats_server.kill()
        await until(lambda: connection.state is ConnectionState.FAILED, 15)

    await using(options, use)


async def test_trying_on_where_the_first_connect_fails(nats_server: NatsServer) -> None:
    nats_server.kill()
    options = await entered(ConnectOptions(servers=nats_server.url), "f8", retry_on_initial_connect="yes")

    async def use(connection: ManagedConnection) -> None:
        await connection.open()
        nats_server.restart()
        await until(lambda: connection.state is ConnectionState.CONNECTED, 20)

    await using(options, use)


async def test_only_the_servers_named_and_in_their_order(
    nats_cluster_factory: Callable[..., NatsCluster], unused_tcp_port: int
) -> None:
    cluster = nats_cluster_factory(2)
    servers = [f"nats://127.0.0.1:{unused_tcp_port}", cluster.nodes[1].url]
    options = await entered(
        ConnectOptions(servers=servers), ignore_discovered_servers="yes", retain_servers_order="yes"
    )

    async def use(connection: ManagedConnection) -> None:
        await connection.open()
        pool = connection.stats().server_pool
        assert [server.url for server in pool] == servers and pool[0].failed_attempts == 1

    await using(options, use)


async def test_the_address_to_connect_from(nats_server: NatsServer) -> None:
    options = await entered(ConnectOptions(servers=nats_server.url), local_address="127.0.0.2")

    async def use(connection: ManagedConnection) -> None:
        await connection.open()
        assert [client["ip"] for client in nats_server.connections()] == ["127.0.0.2"]

    await using(options, use)


# Messages


async def test_no_echo_an_inbox_of_ones_own_and_unchecked_subjects(nats_server: NatsServer) -> None:
    options = await entered(
        ConnectOptions(servers=nats_server.url),
        no_echo="yes",
        custom_inbox_prefix="mine",
        skip_subject_validation="yes",
    )
    received: list[str] = []

    async def use(connection: ManagedConnection) -> None:
        async with ConnectionManager() as manager:
            service = manager.add(ConnectOptions(servers=nats_server.url))

            async def answer(message: Message) -> None:
                await service.publish(message.reply, message.reply.encode())

            await service.subscribe("svc", answer)
            await connection.subscribe("own", lambda message: received.append(message.subject))
            await connection.publish("own")
            assert (await connection.request("svc")).data.startswith(b"mine.")
            with pytest.raises(SubjectError):
                await service.publish("a b")
            await connection.publish("a b")
        assert received == []

    await using(options, use)


async def test_how_much_waits_for_a_handler_and_for_a_server(nats_server: NatsServer) -> None:
    options = await entered(ConnectOptions(servers=nats_server.url), subscription_capacity="2", client_capacity="1")

    async def use(connection: ManagedConnection) -> None:
        begun, gate = asyncio.Event(), asyncio.Event()

        async def handler(_message: Message) -> None:
            begun.set()
            await gate.wait()

        subscription = await connection.subscribe("flood", handler)
        await connection.publish("flood")
        await begun.wait()
        for _ in range(5):
            await connection.publish("flood")
        await connection.flush()
        assert subscription.dropped == 3
        gate.set()
        nats_server.kill()
        await until(lambda: connection.state is ConnectionState.RECONNECTING)
        await connection.publish("flood")
        with pytest.raises(BufferFullError):
            await connection.publish("flood")

    await using(options, use)

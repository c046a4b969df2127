"""The servers and faults that other tests rely on do what they say."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest
from nats.aio.client import Client

from tests.certificates import CertificateAuthority
from tests.clusters import NatsCluster
from tests.conftest import Connect
from tests.credentials import Nkey, Operator
from tests.servers import NatsServer, alive
from tests.waiting import until, until_sync

Servers = Callable[..., NatsServer]


# --- servers -----------------------------------------------------------------------------------------


def test_a_restarted_server_has_the_same_ports_and_a_new_process(nats_server: NatsServer) -> None:
    before = nats_server.pid, nats_server.port, nats_server.monitoring_url
    nats_server.kill()
    assert not nats_server.running
    nats_server.restart()
    assert nats_server.port == before[1]
    assert nats_server.monitoring_url == before[2]
    assert nats_server.varz()["port"] == before[1]
    assert nats_server.pid != before[0]


def test_a_frozen_server_accepts_but_does_not_answer_until_it_is_thawed(nats_server: NatsServer) -> None:
    nats_server.freeze()
    with socket.create_connection(("127.0.0.1", nats_server.port), timeout=0.2) as client:
        with pytest.raises(TimeoutError):
            client.recv(10)
        nats_server.thaw()
        client.settimeout(5)
        assert client.recv(5) == b"INFO "


def test_stop_leaves_no_process_and_no_directory_even_of_a_frozen_server() -> None:
    server = NatsServer().start()
    server.freeze()
    server.stop()
    assert not alive(server.pid)
    assert not server.directory.exists()


async def test_connz_shows_clients_and_their_subscriptions(nats_server: NatsServer, connect: Connect) -> None:
    client = await connect(nats_server.url, name="watched")
    await client.subscribe("orders.>")
    # nats-py's own flush is no barrier: its PING may overtake the SUB.
    await until(lambda: any(seen.get("subscriptions_list") for seen in nats_server.connections()))
    (seen,) = nats_server.connections()
    assert (seen["name"], seen["subscriptions_list"]) == ("watched", ["orders.>"])


async def test_a_reload_changes_the_limits(nats_server: NatsServer, connect: Connect) -> None:
    nats_server.reload(max_payload=1000)
    assert (await connect(nats_server.url)).max_payload == 1000


async def test_lame_duck_mode_is_announced_and_then_closes_the_client(
    nats_server_factory: Servers, connect: Connect
) -> None:
    server = nats_server_factory(lame_duck_grace_period=0.05)
    told = asyncio.Event()

    async def lame_duck() -> None:
        told.set()

    client = await connect(server.url, lame_duck_mode_cb=lame_duck)
    server.lame_duck()
    await until(told.is_set)
    await until(lambda: client.is_closed)


async def test_token_users_and_nkeys_are_asked_for(nats_server_factory: Servers, connect: Connect) -> None:
    token = nats_server_factory(token="s3cr3t")
    await connect(token.url, token="s3cr3t")
    key = Nkey.user()
    users = nats_server_factory(
        users=[{"user": "ann", "password": "pw", "permissions": {"publish": ["ok"]}}], nkeys=[key.public]
    )
    await connect(users.url, user="ann", password="pw")
    await connect(users.url, nkeys_seed_str=key.seed)
    for server in (token, users):
        with pytest.raises(nats.errors.Error):
            await connect(server.url, max_reconnect_attempts=1)


async def test_jetstream_is_there_when_asked_for(nats_server_factory: Servers, connect: Connect) -> None:
    client = await connect(nats_server_factory(jetstream=True).url)
    stream = client.jetstream()
    await stream.add_stream(name="S", subjects=["s.>"])
    assert (await stream.publish("s.1", b"x")).seq == 1


def test_the_websocket_port_speaks_http(nats_server_factory: Servers) -> None:
    server = nats_server_factory(websocket=True)
    host, port = server.websocket_url.removeprefix("ws://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(5) == b"HTTP/"


async def test_a_cluster_announces_nodes_that_join_and_leave(
    nats_cluster_factory: Callable[..., NatsCluster], connect: Connect
) -> None:
    cluster = nats_cluster_factory(2)
    client = await connect(cluster.nodes[0].url)

    def announced() -> set[int]:
        return {int(url.rsplit(":", 1)[1]) for url in cluster.nodes[0].varz()["connect_urls"]}

    assert len(client.servers) == 2
    third = cluster.add_node()
    assert third.port in announced()
    cluster.remove_node(cluster.nodes[1])
    assert announced() == {node.port for node in cluster.nodes}
    await until(lambda: len(client.servers) == 3)


async def test_a_killed_cluster_node_comes_back_in_its_place(
    nats_cluster_factory: Callable[..., NatsCluster],
) -> None:
    cluster = nats_cluster_factory(2)
    url = cluster.nodes[0].url
    cluster.nodes[0].kill()
    cluster.wait_until_formed()
    cluster.nodes[0].restart()
    cluster.wait_until_formed()
    assert cluster.nodes[0].url == url


# --- TLS, credentials --------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [False, True])
async def test_tls_with_client_certificates(
    nats_server_factory: Servers, certificate_authority: CertificateAuthority, connect: Connect, first: bool
) -> None:
    ca = certificate_authority
    server = nats_server_factory(tls=ca.server(), tls_verify=True, tls_first=first)
    client = await connect(server.url, tls=ca.context(ca.client()), tls_handshake_first=first)
    await client.flush()


async def tls_refusal(server: NatsServer, context: ssl.SSLContext) -> ssl.SSLCertVerificationError:
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        await asyncio.open_connection("127.0.0.1", server.port, ssl=context, server_hostname="127.0.0.1")
    return caught.value


async def test_bad_certificates_are_bad_in_the_way_that_was_asked_for(
    nats_server_factory: Servers, certificate_authority: CertificateAuthority, tmp_path: Path
) -> None:
    ca = certificate_authority
    other = CertificateAuthority(tmp_path / "other", "somebody else")
    good = nats_server_factory(tls=ca.server(), tls_first=True)
    misnamed = nats_server_factory(tls=ca.server("wrong.example"), tls_first=True)
    expired = nats_server_factory(tls=ca.server(expires_in=timedelta(days=-2)), tls_first=True)
    assert "unable to get local issuer" in str(await tls_refusal(good, other.context()))
    assert "IP address mismatch" in str(await tls_refusal(misnamed, ca.context()))
    assert "has expired" in str(await tls_refusal(expired, ca.context()))


async def test_a_certificate_that_expires_soon_is_valid_until_then(
    nats_server_factory: Servers, certificate_authority: CertificateAuthority
) -> None:
    files = certificate_authority.server(expires_in=timedelta(days=3))
    server = nats_server_factory(tls=files, tls_first=True)
    _, writer = await asyncio.open_connection(
        "127.0.0.1", server.port, ssl=certificate_authority.context(), server_hostname="127.0.0.1"
    )
    shown = writer.get_extra_info("peercert")
    writer.transport.abort()
    days = (ssl.cert_time_to_seconds(shown["notAfter"]) - ssl.cert_time_to_seconds(shown["notBefore"])) / 86400
    assert 3.9 < days < 4.1


async def test_a_tls_peer_freezes(
    nats_server_factory: Servers, certificate_authority: CertificateAuthority, connect: Connect
) -> None:
    server = nats_server_factory(tls=certificate_authority.server())
    client = await connect(server.url, tls=certificate_authority.context())
    server.freeze()
    with pytest.raises(nats.errors.TimeoutError):
        await client.rtt(0.2)  # type: ignore[arg-type]
    server.thaw()


async def test_creds_of_an_operator_are_accepted_by_a_real_server(
    nats_server_factory: Servers, connect: Connect, tmp_path: Path
) -> None:
    operator = Operator()
    server = nats_server_factory(operator.server_config())
    path = tmp_path / "user.creds"
    path.write_text(operator.user().text)
    client = await connect(server.url, user_credentials=str(path))
    await client.flush()
    user = operator.user(permissions={"pub": {"deny": ["secret"]}})
    await connect(
        server.url,
        user_jwt_cb=lambda: bytearray(user.jwt.encode()),
        signature_cb=user.key.sign_nonce,
    )


async def test_expired_and_revoked_users_are_refused(
    nats_server_factory: Servers, connect: Connect, tmp_path: Path
) -> None:
    operator = Operator()
    server = nats_server_factory(operator.server_config())

    async def client(name: str, **options: Any) -> Client:
        path = tmp_path / f"{name}.creds"
        path.write_text(operator.user(name, **options).text)
        return await connect(server.url, user_credentials=str(path), max_reconnect_attempts=1)

    with pytest.raises(nats.errors.Error):
        await client("late", expires_in=-60)
    short = await client("short", expires_in=2)
    await until(lambda: not short.is_connected, timeout=10, what="the server ends an expired user")

    user = operator.user("revoked")
    path = tmp_path / "revoked.creds"
    path.write_text(user.text)
    revoked = await connect(server.url, user_credentials=str(path))
    operator.revoke(user)
    server.reload(operator.server_config())
    await until(lambda: not revoked.is_connected, what="the server ends a revoked user")


# --- waiting and the environment ---------------------------------------------------------------------


async def test_until_names_what_it_waited_for_and_the_last_value() -> None:
    nothing: list[int] = []
    values = iter(range(10_000))
    assert await until(lambda: next(values) > 3)
    with pytest.raises(AssertionError, match=r"until\(lambda: nothing.*last value: \[\]"):
        await until(lambda: nothing, timeout=0.02)
    with pytest.raises(AssertionError, match="the moon is blue"):
        until_sync(lambda: None, timeout=0.02, what="the moon is blue")

    async def later() -> str:
        return "value"

    assert await until(later) == "value"


def test_every_test_has_an_environment_of_its_own(own_environment: Path) -> None:
    assert Path.home() == own_environment
    assert not [name for name in os.environ if name.startswith(("NATS_", "NATSTUI_"))]
    assert Path(os.environ["XDG_CONFIG_HOME"]).is_relative_to(own_environment)

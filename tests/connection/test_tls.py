"""TLS: what is demanded, what is trusted, how refusals are told, and what is about to expire."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from natstui.connection import (
    AttemptFailed,
    ClientError,
    ConnectionManager,
    ConnectionState,
    ConnectOptions,
    ExpiryWarning,
    HandshakeError,
    OpenError,
    OptionError,
    Reconnected,
    Stage,
    TlsError,
)
from natstui.connection.tls import not_after
from tests.certificates import CertificateAuthority, TlsFiles
from tests.clusters import NatsCluster
from tests.connection.conftest import Managed
from tests.connection.event_record import EventRecord
from tests.connection.hand_clock import HandClock
from tests.credentials import Operator
from tests.faults import Peer, Proxy, Script, ScriptedServer
from tests.servers import NatsServer
from tests.waiting import until

Servers = Callable[..., NatsServer]
Clusters = Callable[..., NatsCluster]
Proxies = Callable[..., Awaitable[Proxy]]
Scripted = Callable[[Script], Awaitable[ScriptedServer]]


@pytest.fixture
def ca(certificate_authority: CertificateAuthority) -> CertificateAuthority:
    """The authority of this test."""
    return certificate_authority


def expiry_warnings(record: EventRecord) -> list[ExpiryWarning]:
    """The warnings told so far."""
    return [event.error for event in record.of(ClientError) if isinstance(event.error, ExpiryWarning)]


async def test_require_tls_refuses_a_plain_server_before_any_credential_is_sent(
    scripted_server: Scripted, managed: Managed
) -> None:
    async def script(peer: Peer) -> None:
        await peer.send_info(auth_required=True)
        await peer.serve()

    server = await scripted_server(script)
    connection = managed(server.url, require_tls=True, token="s3cr3t")
    with pytest.raises(TlsError, match="the server offers none") as caught:
        await connection.open()
    assert caught.value.stage is Stage.TLS
    await until(lambda: server.peers and server.peers[0].reader.at_eof())
    assert server.peers[0].received == []


@pytest.mark.parametrize("how", ["tls:// in the URL", "root_certificates", "tls_client_config", "tls_hostname"])
async def test_every_other_way_of_asking_for_tls_refuses_a_plain_server_too(
    nats_server: NatsServer, managed: Managed, ca: CertificateAuthority, how: str
) -> None:
    options: dict[str, dict[str, Any]] = {
        "root_certificates": {"root_certificates": ca.certificate},
        "tls_client_config": {"tls_client_config": ca.context()},
        "tls_hostname": {"tls_hostname": "nats.example"},
    }
    url = nats_server.url.replace("nats://", "tls://") if "URL" in how else nats_server.url
    with pytest.raises(TlsError, match="the server offers none"):
        await managed(url, **options.get(how, {})).open()


@pytest.mark.parametrize("scheme", ["nats", "tls"])
async def test_the_authority_named_is_trusted(
    nats_server_factory: Servers, managed: Managed, ca: CertificateAuthority, scheme: str
) -> None:
    server = nats_server_factory(tls=ca.server())
    url = f"{scheme}://127.0.0.1:{server.port}"
    connection = managed(url, root_certificates=ca.certificate, require_tls=True)
    await connection.open()
    assert (await connection.check_health()).healthy
    assert server.connections()[0]["tls_version"]


async def test_tls_where_it_is_offered_but_not_demanded(
    nats_server_factory: Servers, managed: Managed, ca: CertificateAuthority
) -> None:
    server = nats_server_factory("allow_non_tls: true", tls=ca.server())
    plain = managed(f"nats://127.0.0.1:{server.port}")
    await plain.open()
    secured = managed(f"nats://127.0.0.1:{server.port}", require_tls=True, root_certificates=ca.certificate)
    await secured.open()
    versions = [client.get("tls_version") for client in server.connections()]
    assert versions[0] is None
    assert versions[1]


async def test_a_context_of_ones_own_is_used(
    nats_server_factory: Servers, managed: Managed, ca: CertificateAuthority
) -> None:
    server = nats_server_factory(tls=ca.server(), tls_verify=True)
    await managed(server.url, tls_client_config=ca.context(ca.client())).open()


async def test_tls_first(nats_server_factory: Servers, managed: Managed, ca: CertificateAuthority) -> None:
    server = nats_server_factory(tls=ca.server(), tls_first=True)
    await managed(server.url, root_certificates=ca.certificate, tls_first=True).open()
    with pytest.raises(HandshakeError, match="tls_first"):
        await managed(server.url, root_certificates=ca.certificate, connection_timeout=0.3).open()
    usual = nats_server_factory(tls=ca.server())
    with pytest.raises(TlsError, match="does not speak TLS here"):
        await managed(usual.url, root_certificates=ca.certificate, tls_first=True).open()


async def test_a_client_certificate_is_shown_and_its_lack_is_told(
    nats_server_factory: Servers, managed: Managed, ca: CertificateAuthority, tmp_path: Path
) -> None:
    server = nats_server_factory(tls=ca.server(), tls_verify=True)
    ours = ca.client()
    trusting = {"root_certificates": ca.certificate}
    await managed(server.url, client_certificate=ours.certificate, client_key=ours.key, **trusting).open()
    together = tmp_path / "both.pem"
    together.write_bytes(ours.key.read_bytes() + ours.certificate.read_bytes())
    await managed(server.url, client_certificate=together, **trusting).open()
    with pytest.raises(OpenError, match=r"refused our certificate|closed the connection"):
        await managed(server.url, **trusting).open()
    stranger = CertificateAuthority(tmp_path / "other", "somebody else").client()
    with pytest.raises(OpenError, match=r"refused our certificate|closed the connection"):
        await managed(server.url, client_certificate=stranger.certificate, client_key=stranger.key, **trusting).open()


async def test_the_certificates_user_is_who_one_is(
    nats_server_factory: Servers, managed: Managed, ca: CertificateAuthority
) -> None:
    tls = ca.server()
    blocks = {"cert_file": str(tls.certificate), "key_file": str(tls.key), "ca_file": str(tls.ca)}
    server = nats_server_factory(
        settings={
            "tls": blocks | {"verify_and_map": True},
            "authorization": {"users": [{"user": "ann@natstui.example"}]},
        }
    )
    ours = ca.client("ann@natstui.example")
    options = {"root_certificates": ca.certificate, "client_certificate": ours.certificate, "client_key": ours.key}
    await managed(server.url, **options).open()
    assert server.connz(auth=True)["connections"][0]["authorized_user"] == "ann@natstui.example"


@pytest.mark.parametrize("first", [False, True])
async def test_an_unknown_authority_fails_fast_with_the_reason(
    nats_server_factory: Servers, managed: Managed, ca: CertificateAuthority, tmp_path: Path, first: bool
) -> None:
    server = nats_server_factory(tls=ca.server(), tls_first=first)
    other = CertificateAuthority(tmp_path / "other", "somebody else")
    for options in ({"root_certificates": other.certificate}, {"require_tls": True}):
        connection = managed(server.url, tls_first=first, connection_timeout=60, **options)
        with pytest.raises(TlsError, match=r"an authority that is not trusted .*set root_certificates"):
            await asyncio.wait_for(connection.open(), 20)
        assert len([event for event in connection.events if isinstance(event, AttemptFailed)]) == 1


async def test_a_wrong_host_name_fails_fast_and_tls_hostname_mends_it(
    nats_server_factory: Servers, managed: Managed, ca: CertificateAuthority
) -> None:
    server = nats_server_factory(tls=ca.server("nats.example"))
    trusting = {"root_certificates": ca.certificate, "connection_timeout": 60}
    with pytest.raises(TlsError, match=r"for another name .*tls_hostname"):
        await asyncio.wait_for(managed(server.url, **trusting).open(), 20)
    await managed(server.url, tls_hostname="nats.example", **trusting).open()
    context = managed(server.url, tls_client_config=ca.context(), tls_hostname="nats.example")
    await context.open()


async def test_an_expired_certificate_is_told_as_such(
    nats_server_factory: Servers, managed: Managed, ca: CertificateAuthority
) -> None:
    server = nats_server_factory(tls=ca.server(expires_in=timedelta(days=-1)))
    with pytest.raises(TlsError, match=r"not valid now .*renew it"):
        await managed(server.url, root_certificates=ca.certificate).open()


async def test_files_that_cannot_be_used_are_named(
    nats_server_factory: Servers, managed: Managed, ca: CertificateAuthority, tmp_path: Path
) -> None:
    server = nats_server_factory(tls=ca.server())
    broken = tmp_path / "broken.pem"
    broken.write_text("not a certificate")
    ours, theirs = ca.client(), ca.client()
    cases: list[tuple[dict[str, Any], str]] = [
        ({"root_certificates": tmp_path / "absent.pem"}, r"absent\.pem cannot be read"),
        ({"root_certificates": broken}, r"broken\.pem cannot be used .*: give a PEM file of certificates$"),
        ({"client_certificate": broken}, r"broken\.pem cannot be used"),
        ({"client_certificate": ours.certificate, "client_key": theirs.key}, "cannot be used"),
    ]
    for options, said in cases:
        with pytest.raises(TlsError, match=said):
            await managed(server.url, **options).open()


async def test_a_tls_peer_that_falls_silent_in_the_handshake_takes_no_longer_than_the_connection_timeout(
    nats_server_factory: Servers, managed: Managed, ca: CertificateAuthority, proxy_factory: Proxies
) -> None:
    proxy = await proxy_factory(nats_server_factory(tls=ca.server(), tls_first=True).url)
    proxy.drop_from_server()
    connection = managed(proxy.url, root_certificates=ca.certificate, tls_first=True, connection_timeout=0.3)
    with pytest.raises(TlsError, match=r"not finished within 0\.3 s"):
        await asyncio.wait_for(connection.open(), 10)
    await until(lambda: proxy.open_connections == 0)


async def test_a_cluster_known_by_name_is_known_by_that_name_on_its_discovered_addresses(
    nats_cluster_factory: Clusters, managed: Managed, ca: CertificateAuthority
) -> None:
    cluster = nats_cluster_factory(2, tls=ca.server("localhost"))
    url = f"tls://localhost:{cluster.nodes[0].port}"
    connection = managed(url, root_certificates=ca.certificate)
    record = EventRecord(connection)
    await connection.open()
    await until(lambda: any(s.url == cluster.nodes[1].url for s in connection.stats().server_pool))
    cluster.nodes[0].kill()
    await record.first(Reconnected, server=cluster.nodes[1].url)


async def test_a_servers_certificate_that_expires_soon_is_warned_of(
    nats_server_factory: Servers, managed: Managed, ca: CertificateAuthority
) -> None:
    soon = nats_server_factory(tls=ca.server(expires_in=timedelta(days=13)))
    later = nats_server_factory(tls=ca.server(expires_in=timedelta(days=15)))
    connection = managed(soon.url, root_certificates=ca.certificate)
    record = EventRecord(connection)
    await connection.open()
    await record.first(ClientError)
    (warning,) = expiry_warnings(record)
    assert warning.what == "the server's certificate"
    assert soon.url in str(warning)
    assert timedelta(days=12) < warning.expires_at - datetime.now(UTC) < timedelta(days=13)
    assert connection.state is ConnectionState.CONNECTED
    other = managed(later.url, root_certificates=ca.certificate)
    await other.open()
    assert not [event for event in other.events if isinstance(event, ClientError)]


async def test_a_certificate_that_is_not_verified_is_warned_of_all_the_same(
    nats_server_factory: Servers, managed: Managed, ca: CertificateAuthority
) -> None:
    server = nats_server_factory(tls=ca.server(expires_in=timedelta(hours=5)))
    context = ca.context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = managed(server.url, tls_client_config=context)
    record = EventRecord(connection)
    await connection.open()
    await record.first(ClientError)
    assert "expires in 4h" in str(expiry_warnings(record)[0])


async def test_our_own_certificate_and_jwt_are_warned_of_too(
    nats_server_factory: Servers, managed: Managed, ca: CertificateAuthority
) -> None:
    operator = Operator()
    server = nats_server_factory(operator.server_config(), tls=ca.server(), tls_verify=True)
    ours: TlsFiles = ca.client(expires_in=timedelta(days=2))
    connection = managed(
        server.url,
        root_certificates=ca.certificate,
        client_certificate=ours.certificate,
        client_key=ours.key,
        credentials=operator.user(expires_in=86_400).text,
    )
    record = EventRecord(connection)
    await connection.open()
    await until(lambda: len(expiry_warnings(record)) == 2)
    assert {warning.what for warning in expiry_warnings(record)} == {"our client certificate", "the user JWT"}


def test_what_is_no_certificate_has_no_expiry() -> None:
    assert not_after(b"") is None
    assert not_after(b"\x30\x82\x01") is None
    assert not_after(bytes(range(256))) is None


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"client_key": "k.pem"}, "client_key"),
        ({"root_certificates": "ca.pem", "own": True}, "root_certificates"),
        ({"client_certificate": "c.pem", "own": True}, "client_certificate"),
    ],
)
def test_tls_options_that_contradict_each_other_are_refused_when_they_are_set(
    managed: Managed, ca: CertificateAuthority, options: dict[str, Any], option: str
) -> None:
    given = {name: value for name, value in options.items() if name != "own"}
    if "own" in options:
        given["tls_client_config"] = ca.context()
    with pytest.raises(OptionError) as caught:
        managed("nats://127.0.0.1:4222", **given)
    assert caught.value.option == option


async def test_an_encrypted_key_is_told_and_nobody_is_asked_at_the_terminal(
    nats_server_factory: Servers, managed: Managed, ca: CertificateAuthority, tmp_path: Path
) -> None:
    server = nats_server_factory(tls=ca.server(), tls_verify=True)
    files = ca.client()
    key = load_pem_private_key(files.key.read_bytes(), None)
    encrypted = tmp_path / "encrypted.key"
    encrypted.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pass")))
    connection = managed(
        server.url, root_certificates=ca.certificate, client_certificate=files.certificate, client_key=encrypted
    )
    with pytest.raises(TlsError, match="is encrypted"):
        await connection.open()


async def test_what_comes_to_expire_soon_while_the_connection_stands_is_warned_of_once(
    nats_server_factory: Servers, hand_manager: ConnectionManager, hand_clock: HandClock, ca: CertificateAuthority
) -> None:
    until_expiry = hand_clock.wall() + timedelta(days=20, hours=1) - datetime.now(UTC)
    server = nats_server_factory(tls=ca.server(expires_in=until_expiry, valid_since=timedelta(days=3_650)))
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = hand_manager.add(ConnectOptions(servers=server.url, tls_client_config=context, idle_timeout=0))
    record = EventRecord(connection)
    await connection.open()
    for days, warnings in ((5, 0), (5, 1), (5, 1)):
        hand_clock.advance(days * 86_400)
        await hand_manager.cleanup_idle_connections()
        await until(lambda warnings=warnings: len(expiry_warnings(record)) == warnings)
    assert connection.state is ConnectionState.CONNECTED
    hand_clock.advance(6 * 86_400)
    await connection.force_reconnect()
    await until(lambda: connection.stats().reconnects == 1)
    (warning,) = expiry_warnings(record)
    assert "expires in 10 days" in str(warning)

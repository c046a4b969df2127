"""Every way of proving who one is, on real servers: at the first connect, at reconnects, and when it is refused."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from natstui.connection import (
    AttemptFailed,
    Auth,
    AuthenticationError,
    ClientError,
    Connected,
    ConnectionState,
    Disconnected,
    ExpiryWarning,
    OptionError,
    Reconnected,
    ServerError,
)
from tests.clusters import NatsCluster
from tests.connection.conftest import Managed
from tests.connection.event_record import EventRecord
from tests.credentials import Nkey, Operator, UserCredentials
from tests.servers import NatsServer
from tests.waiting import until

Servers = Callable[..., NatsServer]
Clusters = Callable[..., NatsCluster]
OPERATOR = Operator()


@pytest.fixture
def operator_server(nats_server_factory: Servers) -> NatsServer:
    """A server that trusts OPERATOR."""
    return nats_server_factory(OPERATOR.server_config())


def credentials_file(directory: Path, user: UserCredentials) -> Path:
    """A .creds file."""
    path = directory / "user.creds"
    path.write_text(user.text)
    return path


async def test_a_token(nats_server_factory: Servers, managed: Managed) -> None:
    server = nats_server_factory(token="s3cr3t")
    await managed(server.url, token="s3cr3t").open()
    with pytest.raises(AuthenticationError, match="refused the credentials"):
        await managed(server.url, token="wrong").open()


async def test_user_and_password(nats_server_factory: Servers, managed: Managed) -> None:
    server = nats_server_factory(user="ann", password="p w:@/%")
    await managed(server.url, user="ann", password="p w:@/%").open()
    with pytest.raises(AuthenticationError, match="refused the credentials"):
        await managed(server.url, user="ann", password="wrong").open()
    with pytest.raises(AuthenticationError, match="asks for credentials"):
        await managed(server.url).open()


async def test_an_nkey_seed(nats_server_factory: Servers, managed: Managed) -> None:
    key = Nkey.user()
    server = nats_server_factory(nkeys=[key.public])
    await managed(server.url, nkey_seed=key.seed).open()
    with pytest.raises(AuthenticationError, match="refused the credentials"):
        await managed(server.url, nkey_seed=Nkey.user().seed).open()


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_jwt_with_a_signing_callback(operator_server: NatsServer, managed: Managed, is_async: bool) -> None:
    user = OPERATOR.user()
    signed: list[bytes] = []

    def sign(nonce: bytes) -> bytes:
        signed.append(nonce)
        return user.key.sign(nonce)

    async def sign_later(nonce: bytes) -> bytes:
        await asyncio.sleep(0)
        return sign(nonce)

    callback: Callable[[bytes], Any] = sign_later if is_async else sign
    connection = managed(operator_server.url, jwt=user.jwt, sign_callback=callback)
    await connection.open()
    await connection.force_reconnect()
    await until(lambda: connection.state is ConnectionState.CONNECTED)
    assert len(signed) == 2
    assert signed[0] != signed[1]


async def test_a_jwt_with_the_seed_that_signs_for_it(operator_server: NatsServer, managed: Managed) -> None:
    user = OPERATOR.user()
    await managed(operator_server.url, jwt=user.jwt, nkey_seed=user.key.seed).open()


async def test_a_credentials_file(operator_server: NatsServer, managed: Managed, tmp_path: Path) -> None:
    path = credentials_file(tmp_path, OPERATOR.user("filed"))
    await managed(operator_server.url, credentials_file=path).open()
    with pytest.raises(AuthenticationError, match=r"absent\.creds cannot be read"):
        await managed(operator_server.url, credentials_file=tmp_path / "absent.creds").open()
    path.write_text("nothing of the kind")
    with pytest.raises(AuthenticationError, match="hold no user JWT"):
        await managed(operator_server.url, credentials_file=path).open()


async def test_the_text_of_a_credentials_file(operator_server: NatsServer, managed: Managed) -> None:
    await managed(operator_server.url, credentials=OPERATOR.user().text).open()


def answers(kind: str, server_users: dict[str, Any]) -> Callable[[bytes], Awaitable[Auth]]:
    """An auth callback that returns one combination of fields."""
    user: UserCredentials = server_users["user"]

    async def callback(nonce: bytes) -> Auth:
        match kind:
            case "password":
                return Auth(user="ann", password="pw")
            case "nkey":
                key: Nkey = server_users["nkey"]
                return Auth(nkey=key.public, signature=key.sign(nonce))
            case "token":
                return Auth(token="s3cr3t")
            case _:
                return Auth(jwt=user.jwt, signature=user.key.sign(nonce))

    return callback


@pytest.mark.parametrize("kind", ["password", "nkey", "token", "jwt"])
async def test_an_auth_callback_returns_any_combination(
    nats_server_factory: Servers, managed: Managed, kind: str
) -> None:
    known = {"nkey": Nkey.user(), "user": OPERATOR.user()}
    options: dict[str, dict[str, Any]] = {
        "password": {"user": "ann", "password": "pw"},
        "nkey": {"nkeys": [known["nkey"].public]},
        "token": {"token": "s3cr3t"},
        "jwt": {"config": OPERATOR.server_config()},
    }
    server = nats_server_factory(**options[kind])
    connection = managed(server.url, auth_callback=answers(kind, known))
    await connection.open()
    assert (await connection.check_health()).healthy


async def test_the_auth_callback_is_asked_again_at_each_reconnect(
    nats_server_factory: Servers, managed: Managed
) -> None:
    server = nats_server_factory(user="ann", password="first")
    passwords = ["first", "wrong", "second"]
    nonces: list[bytes] = []

    async def callback(nonce: bytes) -> Auth:
        nonces.append(nonce)
        return Auth(user="ann", password=passwords[min(len(nonces), 3) - 1])

    connection = managed(server.url, auth_callback=callback)
    record = EventRecord(connection)
    await connection.open()
    server.reload(authorization={"user": "ann", "password": "second"})
    await record.first(Reconnected)
    assert len(nonces) == 3
    assert [type(event.error) for event in record.of(AttemptFailed)] == [AuthenticationError]


async def test_what_the_auth_callback_returns_goes_over_the_options(
    nats_server_factory: Servers, managed: Managed
) -> None:
    server = nats_server_factory(user="ann", password="right")

    async def callback(_nonce: bytes) -> Auth:
        return Auth(password="right")

    await managed(server.url, user="ann", password="wrong", auth_callback=callback).open()


@pytest.mark.parametrize("fault", ["raises", "hangs", "swallows its cancellation", "cancels itself", "returns nothing"])
async def test_an_auth_callback_that_misbehaves_fails_the_attempt_in_time_and_nothing_else(
    nats_server_factory: Servers, managed: Managed, fault: str
) -> None:
    server = nats_server_factory(user="ann", password="pw")
    released, mended = asyncio.Event(), False

    async def callback(_nonce: bytes) -> Any:
        if mended:
            return Auth(user="ann", password="pw")
        if fault == "raises":
            raise ValueError("no vault")
        if fault == "hangs":
            await asyncio.Event().wait()
        if fault == "cancels itself":
            raise asyncio.CancelledError
        while fault == "swallows its cancellation" and not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                pass
        return None

    connection = managed(server.url, auth_callback=callback, connection_timeout=0.5)
    with pytest.raises(AuthenticationError):
        await asyncio.wait_for(connection.open(), 10)
    released.set()
    mended = True
    await connection.open()
    assert (await connection.check_health()).healthy


@pytest.mark.parametrize("userinfo", ["ann:p%40ss", "s3cr3t"])
async def test_credentials_in_a_url_move_into_the_options_and_hold_for_discovered_servers(
    nats_cluster_factory: Clusters, managed: Managed, userinfo: str
) -> None:
    wanted = {"user": "ann", "password": "p@ss"} if ":" in userinfo else {"token": "s3cr3t"}
    cluster = nats_cluster_factory(2, **wanted)
    connection = managed(cluster.nodes[0].url.replace("nats://", f"nats://{userinfo}@"))
    assert connection.options.user == wanted.get("user")
    record = EventRecord(connection)
    await connection.open()
    await until(lambda: len(connection.stats().server_pool) == 2)
    cluster.nodes[0].kill()
    assert (await record.first(Reconnected)).server == cluster.nodes[1].url
    shown = f"{connection.options!r} {connection.stats().model_dump_json()} {record} {record.entries!r}"
    assert "p@ss" not in shown
    assert "p%40ss" not in shown
    assert "s3cr3t" not in shown


async def test_each_server_of_the_pool_may_have_credentials_of_its_own(
    nats_server_factory: Servers, managed: Managed
) -> None:
    first = nats_server_factory(user="ann", password="a")
    second = nats_server_factory(user="bob", password="b")
    urls = [first.url.replace("://", "://ann:a@"), second.url.replace("://", "://bob:b@")]
    connection = managed(*urls)
    record = EventRecord(connection)
    await connection.open()
    first.kill()
    await record.first(Reconnected, server=second.url)


async def test_a_credentials_file_replaced_on_disk_is_used_at_the_next_reconnect(
    operator_server: NatsServer, managed: Managed, tmp_path: Path
) -> None:
    path = credentials_file(tmp_path, OPERATOR.user("before"))
    connection = managed(operator_server.url, credentials_file=path)
    await connection.open()
    after = OPERATOR.user("after")
    path.write_text(after.text)
    await connection.force_reconnect()
    await until(lambda: connection.state is ConnectionState.CONNECTED)

    def users() -> list[str]:
        return [client["authorized_user"] for client in operator_server.connz(auth=True)["connections"]]

    await until(lambda: users() == [after.key.public])


async def test_expired_credentials_are_told_and_new_ones_on_disk_end_the_retries(
    operator_server: NatsServer, managed: Managed, tmp_path: Path
) -> None:
    path = credentials_file(tmp_path, OPERATOR.user("short", expires_in=3))
    connection = managed(operator_server.url, credentials_file=path)
    record = EventRecord(connection)
    await connection.open()
    told = await record.first(ServerError, timeout=20)
    assert told.text == "User Authentication Expired"
    failed = await record.first(AttemptFailed)
    assert isinstance(failed.error, AuthenticationError)
    assert "credentials expired" in str(failed)
    assert connection.state is ConnectionState.RECONNECTING
    credentials_file(tmp_path, OPERATOR.user("fresh"))
    await record.first(Reconnected)
    assert "User Authentication Expired" in record.of(Disconnected)[0].reason


async def test_revoked_credentials_are_told_and_new_ones_on_disk_end_the_retries(
    nats_server_factory: Servers, managed: Managed, tmp_path: Path
) -> None:
    operator = Operator()
    server = nats_server_factory(operator.server_config())
    user = operator.user("revoked")
    path = credentials_file(tmp_path, user)
    connection = managed(server.url, credentials_file=path)
    record = EventRecord(connection)
    await connection.open()
    operator.revoke(user)
    server.reload(operator.server_config())
    assert "Revoked" in (await record.first(ServerError)).text
    assert isinstance((await record.first(AttemptFailed)).error, AuthenticationError)
    credentials_file(tmp_path, operator.user("fresh"))
    await record.first(Reconnected)


async def test_the_first_connect_refused_for_authentication_fails_at_once_and_retries_nothing(
    nats_server_factory: Servers, managed: Managed
) -> None:
    servers = [nats_server_factory(user="ann", password="pw") for _ in range(2)]
    for retry in (False, True):
        urls = [server.url for server in servers]
        connection = managed(*urls, user="ann", password="no", retry_on_initial_connect=retry)
        record = EventRecord(connection)
        if retry:
            await connection.open()
        with pytest.raises(AuthenticationError):
            await asyncio.wait_for(connection.request("svc.echo"), 10)
        assert connection.state is ConnectionState.FAILED
        await until(lambda record=record: record.of(AttemptFailed))
        assert len(record.of(AttemptFailed)) == 1
        assert not record.of(Connected)


async def test_a_user_jwt_that_expires_soon_is_warned_of_once(operator_server: NatsServer, managed: Managed) -> None:
    user = OPERATOR.user("short", expires_in=3 * 86_400 + 600)
    connection = managed(operator_server.url, credentials=user.text)
    record = EventRecord(connection)
    await connection.open()
    warning = (await record.first(ClientError)).error
    assert isinstance(warning, ExpiryWarning)
    assert warning.what == "the user JWT"
    assert "warning" in str(record.of(ClientError)[0])
    assert "in 3 days" in str(warning)
    await connection.force_reconnect()
    await record.first(Reconnected)
    assert len(record.of(ClientError)) == 1
    lasting = managed(operator_server.url, credentials=OPERATOR.user("long", expires_in=30 * 86_400).text)
    await lasting.open()
    assert not [event for event in lasting.events if isinstance(event, ClientError)]


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"user": "ann"}, "user"),
        ({"password": "pw"}, "password"),
        ({"jwt": "e.y.J"}, "jwt"),
        ({"sign_callback": lambda nonce: nonce}, "sign_callback"),
        ({"nkey_seed": "SU", "credentials": "x"}, "credentials"),
        ({"user": "ann", "password": "pw", "nkey_seed": "SU"}, "nkey_seed"),
    ],
)
def test_half_a_proof_or_two_are_refused_when_they_are_set(
    managed: Managed, given: dict[str, Any], option: str
) -> None:
    with pytest.raises(OptionError) as caught:
        managed("nats://127.0.0.1:4222", **given)
    assert caught.value.option == option


async def test_a_credentials_file_that_cannot_be_read_to_its_end_holds_up_nothing(
    operator_server: NatsServer, managed: Managed, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe.creds"
    os.mkfifo(pipe)
    connection = managed(operator_server.url, credentials_file=pipe, connection_timeout=0.3)
    with pytest.raises(AuthenticationError, match=r"not ready within 0\.3 s"):
        await asyncio.wait_for(connection.open(), 10)
    os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    pipe.unlink()
    pipe.write_text(OPERATOR.user().text)
    await connection.open()
    assert (await connection.check_health()).healthy

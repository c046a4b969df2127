"""What a user of `natstui demo` finds on the server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from natstui.embedded import EmbeddedServer, traffic
from tests.servers import NatsServer
from tests.waiting import until


@pytest.fixture(scope="module")
def demo() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(seed=3, rate=5) as server:
        yield server


@pytest.fixture
async def client(demo: EmbeddedServer) -> AsyncIterator[Client]:
    connection = await nats.connect(demo.url, allow_reconnect=False)
    yield connection
    await connection.close()


async def offered(client: Client, subject: str, services: int = 1) -> None:
    """Wait until that many services answer there (they come up just after the server)."""

    async def answers() -> bool:
        return len(await ask_all(client, subject, b"", services, timeout=4)) == services

    await until(answers, timeout=20, what=f"{services} answers on {subject}")


async def ask_all(client: Client, subject: str, payload: bytes, services: int, timeout: float) -> list[Msg]:
    inbox = client.new_inbox()
    replies = await client.subscribe(inbox)
    await client.publish(subject, payload, reply=inbox)
    answers: list[Msg] = []
    try:
        async with asyncio.timeout(timeout):
            while len(answers) < services:
                answer = await replies.next_msg(timeout)
                if (answer.headers or {}).get("Status") == "503":
                    return answers
                answers.append(answer)
    except (TimeoutError, nats.errors.TimeoutError):
        pass
    await replies.unsubscribe()
    return answers


async def test_orders_and_metrics_arrive_with_headers(client: Client) -> None:
    seen: dict[str, Msg] = {}

    async def see(msg: Msg) -> None:
        seen[msg.subject] = msg

    await client.subscribe("orders.>", cb=see)
    await client.subscribe("metrics.*.*", cb=see)
    await until(lambda: {"orders.created", "orders.payment.ok", "metrics.db-1.cpu"} <= seen.keys(), timeout=20)
    created = seen["orders.created"]
    assert created.headers is not None
    assert created.headers["Nats-Msg-Id"] == f"{json.loads(created.data)['id']}-created"


async def test_the_stream_keeps_every_order_message_once(client: Client) -> None:
    stream = client.jetstream()

    async def some_are_kept() -> bool:
        try:
            return (await stream.stream_info("ORDERS")).state.messages > 5
        except nats.js.errors.NotFoundError:
            return False

    await until(some_are_kept, timeout=20)
    info = await stream.stream_info("ORDERS")
    assert info.config.subjects == ["orders.>"]
    subscription = await stream.subscribe("orders.>", ordered_consumer=True)
    ids = []
    for _ in range(info.state.messages):
        headers = (await subscription.next_msg(5)).headers
        assert headers is not None
        ids.append(headers["Nats-Msg-Id"])
    assert ids[0] == "1001-created"
    assert len(set(ids)) == len(ids)


async def test_echo_answers_with_the_same_payload_and_headers(client: Client) -> None:
    await offered(client, "svc.echo")
    reply = await client.request("svc.echo", b"\x00\xffhello", headers={"X-Mine": "1"}, timeout=5)
    assert (reply.data, reply.headers) == (b"\x00\xffhello", {"X-Mine": "1"})


async def test_slow_takes_its_time_for_each_call_and_serves_calls_side_by_side(client: Client) -> None:
    await offered(client, "svc.slow")
    loop = asyncio.get_running_loop()
    began = loop.time()
    replies = await asyncio.gather(*(client.request("svc.slow", b"12345", timeout=30) for _ in range(8)))
    took = loop.time() - began
    bodies = [json.loads(reply.data) for reply in replies]
    assert {body["received_bytes"] for body in bodies} == {5}
    assert all(1000 <= body["worked_ms"] <= 3000 for body in bodies)
    assert max(body["worked_ms"] for body in bodies) / 1000 <= took < sum(body["worked_ms"] for body in bodies) / 1000


async def test_pricing_has_three_answers_from_three_vendors(client: Client) -> None:
    await offered(client, "svc.pricing", services=3)
    for payload in (b"kettle-1l", b'{"sku": "kettle-1l"}'):
        answers = [json.loads(msg.data) for msg in await ask_all(client, "svc.pricing", payload, 3, timeout=10)]
        assert len({answer["vendor"] for answer in answers}) == 3
        assert {answer["sku"] for answer in answers} == {"kettle-1l"}
        assert all(30 < answer["price"] < 45 for answer in answers)
    odd = await ask_all(client, "svc.pricing", b'{"sku": [1]}', 3, timeout=10)
    assert {json.loads(msg.data)["sku"] for msg in odd} == {"tea-oolong"}


async def test_without_traffic_the_server_is_empty() -> None:
    async with EmbeddedServer(traffic=False) as server:
        client = await nats.connect(server.url, allow_reconnect=False)
        assert (await client.jetstream().account_info()).streams == 0
        with pytest.raises(nats.errors.NoRespondersError):
            await client.request("svc.echo", b"", timeout=5)
        await client.close()


async def test_traffic_goes_on_after_the_server_was_away(nats_server_factory: Callable[..., NatsServer]) -> None:
    server = nats_server_factory(jetstream=True)
    playing = asyncio.create_task(traffic.run(server.url, seed=1, rate=20))
    await until(lambda: server.varz()["in_msgs"] > 20, timeout=20)
    server.kill()
    server.restart()
    await until(lambda: server.varz()["in_msgs"] > 20, timeout=20)
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)
    assert playing.cancelled()

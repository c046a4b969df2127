"""Plays the sample messages to a server, and answers there as `svc.echo`, `svc.slow` and `svc.pricing`."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import StreamConfig

from natstui.embedded.samples import CATALOGUE, Sample, samples

STREAM = StreamConfig(
    name="ORDERS", description="Every order of the sample shop", subjects=["orders.>"], max_msgs=20_000, max_age=3600
)
VENDORS = {"alder-supply": (0.02, 0.08, 0.97), "bluewater": (0.05, 0.2, 1.04), "corvid-trade": (0.15, 0.45, 0.91)}
"""Name, quickest and slowest answer (seconds), and how its prices compare to the catalogue's."""
SLOWEST = (1.0, 3.0)
CALLS_AT_ONCE = 256
RETRY = 1.0
LATE = 1.0


async def run(url: str, seed: int | None = None, rate: float = 1.0) -> None:
    """Play `natstui.embedded.samples` to the server at `url` until cancelled, through any trouble with the server."""
    messages = samples(seed, rate)
    while True:
        try:
            await _session(url, random.Random(seed), messages)
        except (nats.errors.Error, OSError):
            await asyncio.sleep(RETRY)


async def _session(url: str, rng: random.Random, messages: Iterator[Sample]) -> None:
    client = await nats.connect(
        url, name="natstui demo traffic", max_reconnect_attempts=-1, reconnect_time_wait=0.5, error_cb=_ignore
    )
    try:
        await client.jetstream().add_stream(STREAM)
        await _Services(client, rng).offer()
        await _play(client, messages)
    finally:
        await client.close()


async def _ignore(_: Exception) -> None:
    """nats-py would write the error to a log; it reconnects by itself."""


async def _play(client: Client, messages: Iterator[Sample]) -> None:
    loop = asyncio.get_running_loop()
    start: float | None = None
    for number, sample in enumerate(messages):
        if start is None:
            start = loop.time() - sample.at
        ahead = start + sample.at - loop.time()
        if ahead > 0 or number % 64 == 0:
            await asyncio.sleep(max(ahead, 0.0))
        elif ahead < -LATE:
            start -= ahead
        await client.publish(sample.subject, sample.payload, headers=dict(sample.headers))


class _Services:
    def __init__(self, client: Client, rng: random.Random) -> None:
        self._client = client
        self._rng = rng
        self._calls: set[asyncio.Task[None]] = set()

    async def offer(self) -> None:
        await self._client.subscribe("svc.echo", cb=self._answer_with(self._echo))
        await self._client.subscribe("svc.slow", cb=self._answer_with(self._slow))
        for vendor in VENDORS:
            await self._client.subscribe("svc.pricing", cb=self._answer_with(self._price_of(vendor)))

    def _answer_with(self, service: Callable[[Msg], Awaitable[None]]) -> Callable[[Msg], Awaitable[None]]:
        """Calls are served side by side; beyond CALLS_AT_ONCE they are not answered, like an overloaded service."""

        async def called(msg: Msg) -> None:
            if msg.reply and len(self._calls) < CALLS_AT_ONCE:
                call = asyncio.create_task(self._serve(service, msg))
                self._calls.add(call)
                call.add_done_callback(self._calls.discard)

        return called

    async def _serve(self, service: Callable[[Msg], Awaitable[None]], msg: Msg) -> None:
        try:
            await service(msg)
        except (nats.errors.Error, OSError):
            pass

    async def _reply(self, msg: Msg, body: dict[str, Any], **headers: str) -> None:
        headers["Content-Type"] = "application/json"
        await self._client.publish(msg.reply, json.dumps(body).encode(), headers=headers)

    async def _echo(self, msg: Msg) -> None:
        await self._client.publish(msg.reply, msg.data, headers=msg.headers)

    async def _slow(self, msg: Msg) -> None:
        seconds = self._rng.uniform(*SLOWEST)
        await asyncio.sleep(seconds)
        await self._reply(msg, {"worked_ms": round(seconds * 1000), "received_bytes": len(msg.data)})

    def _price_of(self, vendor: str) -> Callable[[Msg], Awaitable[None]]:
        quickest, slowest, level = VENDORS[vendor]

        async def price(msg: Msg) -> None:
            await asyncio.sleep(self._rng.uniform(quickest, slowest))
            sku = _asked_for(msg.data)
            offer = round(CATALOGUE[sku] * level * self._rng.uniform(0.97, 1.03), 2)
            body = {"vendor": vendor, "sku": sku, "price": offer, "currency": "EUR", "valid_seconds": 60}
            await self._reply(msg, body, Vendor=vendor)

        return price


def _asked_for(payload: bytes) -> str:
    """The article that a request names, as text or as {"sku": …}; any other request is for tea."""
    text = payload.decode(errors="replace").strip()
    try:
        asked = json.loads(text)
    except ValueError:
        asked = text
    name = asked.get("sku") if isinstance(asked, dict) else asked
    return name if isinstance(name, str) and name in CATALOGUE else "tea-oolong"

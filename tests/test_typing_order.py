"""What is typed goes where it was meant to go, however fast it comes."""

from __future__ import annotations

import asyncio
import random
import string
from collections.abc import Awaitable, Callable

import pytest
from nats.aio.client import Client
from textual.events import Key
from textual.widget import Widget
from textual.widgets import Input

from natstui.panels.publish import PublishPanel
from tests.dashboards import SIZE, make_app, panel, until_connected
from tests.servers import NatsServer
from tests.terminals import Terminal
from tests.waiting import until

Connect = Callable[..., Awaitable[Client]]
TAB, SEND, NEW_PANEL, BACK_TAB = "\t", "\x13", "\x0e", "\x1b[Z"
SUBJECT_TO_PAYLOAD = TAB * 3


async def _listen(connect: Connect, server: NatsServer, subject: str) -> list[tuple[str, str]]:
    """What is published from now on, as (subject, payload)."""
    client, received = await connect(server.url), list[tuple[str, str]]()

    async def note(message: object) -> None:
        received.append((message.subject, message.data.decode()))  # type: ignore[attr-defined]

    await client.subscribe(subject, cb=note)
    await client.flush()
    return received


async def _started(server: NatsServer, terminal: Terminal, panels: int) -> None:
    await until(lambda: len(server.connections()) == panels + 1, 30, "every panel connected")
    await until(lambda: b"connected" in terminal.output, 30)


async def test_a_subject_tab_and_a_payload_in_one_write_are_two_fields(
    nats_server: NatsServer, connect: Connect
) -> None:
    received = await _listen(connect, nats_server, ">")
    with Terminal(["--server", nats_server.url, "--panel", "publish"]) as terminal:
        await _started(nats_server, terminal, 1)
        terminal.type(f"a.x{SUBJECT_TO_PAYLOAD}payload{SEND}")
        await until(lambda: received, 20)
        assert received == [("a.x", "payload")]


async def test_panels_can_be_opened_filled_and_used_in_one_write(nats_server: NatsServer, connect: Connect) -> None:
    received = await _listen(connect, nats_server, "t.>")
    first = f"t.one{SUBJECT_TO_PAYLOAD}first{SEND}"
    second = f"{NEW_PANEL}pt.two{SUBJECT_TO_PAYLOAD}second{SEND}"
    third = f"{NEW_PANEL}pt.three{SUBJECT_TO_PAYLOAD}third{SEND}"
    back = f"\x1b1 again{SEND}"
    with Terminal(["--server", nats_server.url, "--panel", "publish"]) as terminal:
        await _started(nats_server, terminal, 1)
        terminal.type(first + second + third + back)
        await until(lambda: len(received) == 4, 20)
        assert sorted(received) == sorted(
            [("t.one", "first"), ("t.two", "second"), ("t.three", "third"), ("t.one", "first again")]
        )


async def test_nothing_goes_astray_while_messages_pour_in(nats_server: NatsServer, connect: Connect) -> None:
    received = await _listen(connect, nats_server, "t.>")
    flooder = await connect(nats_server.url)
    pouring = True

    async def flood() -> None:
        while pouring:
            for _ in range(200):
                await flooder.publish("noise", b"x" * 100)
            await flooder.flush()
            await asyncio.sleep(0.02)

    arguments = ["--server", nats_server.url, "--panel", "publish", "--panel", "subscribe:noise", "--ssh-profile"]
    with Terminal(arguments) as terminal:
        await until(lambda: len(nats_server.connections()) == 4, 30)
        flow = asyncio.create_task(flood())
        try:
            terminal.shows("noise")
            for number in range(10):
                terminal.type(f"t.{number}{SUBJECT_TO_PAYLOAD}{number}!{SEND}{BACK_TAB * 3}" + "\x7f" * 3)
                terminal.type(f"{TAB * 3}" + "\x7f" * 2 + BACK_TAB * 3)
            await until(lambda: len(received) == 10, 30)
        finally:
            pouring = False
            await flow
    assert received == [(f"t.{number}", f"{number}!") for number in range(10)]


@pytest.mark.parametrize("seed", range(3))
async def test_text_between_tabs_always_stays_in_its_field(nats_server: NatsServer, seed: int) -> None:
    """Random words and tabs, all at once, against what a slow typist would get."""
    chance = random.Random(seed)
    app = make_app(nats_server.url, "publish", "publish")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        publish = panel(app, 1, PublishPanel)
        fields = [publish.query_one(f"#{name}") for name in ("subject", "reply", "headers", "payload")]
        fields[0].focus()
        await until(lambda: app.focused is fields[0])
        expected, place = [""] * len(fields), 0
        keys: list[str] = []
        for _ in range(40):
            word = "".join(chance.choices(string.ascii_letters, k=chance.randrange(1, 6)))
            expected[place] += word
            keys += word
            step = chance.choice([step for step in (1, -1) if 0 <= place + step < len(fields)])
            keys.append("tab" if step > 0 else "shift+tab")
            place += step
        for key in keys:
            app.post_message(Key(key, key if len(key) == 1 else None))
        await until(lambda: app.focused is fields[place] and _texts(fields) == expected, 20)
        await pilot.pause()
        assert _texts(fields) == expected


def _texts(fields: list[Widget]) -> list[str]:
    return [field.value if isinstance(field, Input) else field.text for field in fields]  # type: ignore[attr-defined]

"""The dashboard in well-known situations, over the fake connection and a clock ticked by hand.

Snapshot tests and `screenshots/make.py` draw the same scenes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from natstui.app import NatstuiApp
from natstui.connection import events as kinds
from natstui.connection.errors import NoRespondersError, Stage, TcpError
from natstui.connection.message import Message, Reply
from natstui.connection.options import ConnectOptions
from natstui.connection.outcome import Outcome, PublishOutcome
from natstui.connection.state import ConnectionState
from natstui.context_labels import ContextLabel
from natstui.contexts import context_directory
from natstui.launch import Launch, PanelSpec
from natstui.panels.publish import PublishPanel
from natstui.panels.request import RequestPanel
from natstui.screens.contexts import ContextChoice
from natstui.settings import Settings
from natstui.stream.filter_history import SavedFilter
from natstui.widgets.field import Field
from tests.fake_connection import START, FakeConnection, FakeManager, HandTickedClock

SERVERS = ["nats://n1.prod:4222", "nats://n2.prod:4222", "nats://n3.prod:4222"]
PANELS = (
    PanelSpec("subscribe", "orders.>"),
    PanelSpec("publish", "orders.created"),
    PanelSpec("request", "pricing.quote"),
)
PAYLOAD = """{
  "id": 81,
  "customer": 96,
  "total": 12.80,
  "paid": true,
  "items": [{"sku": "A-4", "qty": 2}]
}"""
NEWEST = {
    "id": 63,
    "customer": {"id": 4410, "name": "Zoë Brandt", "country": "DE"},
    "items": [{"sku": "kettle-1l", "quantity": 1, "price": 39.5}, {"sku": "tea-oolong", "quantity": 2, "price": 12.25}],
    "total": 64.0,
    "currency": "EUR",
    "gift": False,
    "note": None,
}
HEADERS = (
    b"NATS/1.0\r\nNats-Msg-Id: order-63\r\nContent-Type: application/json\r\n"
    b"Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n"
)
LOST, BACK = 11.0, 6.8
"""Seconds before the scene's end at which the subscribe panel's server was lost, and was there again."""


@dataclass
class Scenery:
    """An app, its connections, and its time, which begins ten minutes before the scene's end."""

    clock: HandTickedClock = field(default_factory=lambda: HandTickedClock(START - timedelta(minutes=10)))
    panels: tuple[PanelSpec, ...] = PANELS
    servers: tuple[str, ...] = tuple(SERVERS)
    settings: dict[str, Any] = field(default_factory=lambda: {"contexts": {"prod*": {"production": False}}})
    context: str = "prod-east"
    prepare: Callable[[FakeConnection], None] | None = None

    def __post_init__(self) -> None:
        self.manager = FakeManager(self.clock, self.prepare)
        launch = Launch(
            Settings(**self.settings), ConnectOptions(servers=self.servers), self.panels, False, self.context
        )
        self.app = NatstuiApp(
            launch,
            manager=self.manager,  # type: ignore[arg-type]
            clock=self.clock.clock,
            ticks=False,
            log_path=Path("/home/ann/.local/state/natstui/events.log"),
        )
        # The path is shown, but nothing is written there.
        self.app.session.log.write = lambda: None  # type: ignore[method-assign]

    @property
    def connections(self) -> list[FakeConnection]:
        return [self.manager.connections[f"{spec.kind}-{number}"] for number, spec in enumerate(self.panels, 1)]

    def go_to(self, seconds_before_end: float) -> datetime:
        self.clock.moment = START - timedelta(seconds=seconds_before_end)
        return self.clock.moment

    async def settle(self, pilot: Pilot[Any]) -> None:
        """Let everything that is under way be shown."""
        await pilot.pause()
        self.app.tick()
        self.app.drain()
        await pilot.pause()


Play = Callable[[Scenery, Pilot[Any]], Awaitable[None]]


def _orders(seed: int = 7) -> Iterator[tuple[float, str, dict[str, Any]]]:
    """Orders of the last forty seconds: seconds before the end, subject, payload. None while the server was away."""
    chance = random.Random(seed)
    moment, number = 40.0, 40
    while moment > 0.3:
        kind = chance.choices(("created", "payment.ok", "shipped", "cancelled", "payment.failed"), (5, 4, 3, 1, 1))[0]
        number += kind == "created"
        payload: dict[str, Any] = {"id": number if kind == "created" else number - chance.randrange(1, 9)}
        match kind:
            case "created":
                payload |= {"customer": chance.randrange(10, 9000), "total": round(chance.uniform(4, 600), 2)}
                payload |= {"currency": "EUR", "items": chance.randrange(1, 13)}
            case "shipped":
                payload |= {
                    "carrier": chance.choice(("DHL", "FedEx", "UPS")),
                    "tracking": f"JD{chance.randrange(10**12)}",
                }
            case "cancelled":
                payload |= {"reason": chance.choice(("out of stock", "customer changed their mind"))}
            case "payment.ok":
                payload |= {"method": chance.choice(("card", "sepa")), "amount": round(chance.uniform(4, 600), 2)}
            case _:
                payload |= {"reason": "card declined", "attempt": chance.randrange(1, 4)}
        if not BACK < moment < LOST:
            yield moment, f"orders.{kind}", payload
        moment -= chance.expovariate(1.4)


def _receive(scenery: Scenery, connection: FakeConnection) -> None:
    """Orders come, and the server is away for a moment in between."""
    subscription = connection.taken_subscriptions[0]
    scenery.go_to(60)
    subscription.deliver(*[(b"orders.created", b"", b'{"id": 1}', b"")] * 9_310)
    is_lost = False
    for moment, subject, payload in _orders():
        if moment < LOST and not is_lost:
            is_lost = True
            at = scenery.go_to(LOST)
            connection.become(ConnectionState.RECONNECTING, "2 pings unanswered")
            connection.emit(kinds.StaleConnection, 2, 2, silent_for=40.2, ping_interval=20.0, at=at)
            connection.emit(kinds.Disconnected, SERVERS[0], "2 pings unanswered", at=at)
            connection.emit(kinds.Attempt, SERVERS[1], 1, at=at)
            at = scenery.go_to(BACK)
            connection.become(ConnectionState.CONNECTED)
            connection.emit(kinds.Reconnected, SERVERS[1], LOST - BACK, at=at)
        scenery.go_to(moment)
        data = json.dumps(payload, separators=(",", ":")).encode()
        subscription.deliver((subject.encode(), b"", data, b""))
    scenery.go_to(0.2)
    subscription.deliver((b"orders.created", b"", json.dumps(NEWEST, ensure_ascii=False).encode(), HEADERS))


def _ping(scenery: Scenery, connection: FakeConnection, seed: int) -> None:
    """Pings and pongs of the last ten minutes."""
    chance = random.Random(seed)
    for seconds in range(590, 20, -10):
        scenery.go_to(seconds)
        connection.emit(kinds.PingSent, 1)
        rtt = chance.uniform(0.0003, 0.0011) * (6 if seconds == 180 else 1)
        connection.emit(kinds.PongReceived, rtt, 0)


async def dashboard(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """Three panels: one receiving, one that has just published, one whose server is lost."""
    await pilot.pause()
    subscribe, publish, request = scenery.connections
    publishing, asking = scenery.app.dashboard.panels[1:]
    assert isinstance(publishing, PublishPanel) and isinstance(asking, RequestPanel)
    for seed, connection in enumerate(scenery.connections):
        _ping(scenery, connection, seed)
    asking.composer.load("", '{"sku": "A-4"}')
    for before, answer in (
        (93, [Reply(Message((b"_INBOX.1", b"", b'{"sku":"A-4","price":18.5}', b"")), 0.0009)]),
        (61, [Reply(Message((b"_INBOX.1", b"", b'{"sku":"B-2","price":7.25}', b"")), 0.0011)]),
        (35, NoRespondersError("nobody answers on pricing.quote", "start its service, or check the subject")),
    ):
        scenery.go_to(before)
        request.replies.append(answer)
        asking.action_send()
        await pilot.pause()
    scenery.go_to(3)
    publishing.composer.load("Nats-Msg-Id: 81", PAYLOAD)
    publishing.action_send()
    await pilot.pause()
    _receive(scenery, subscribe)
    scenery.go_to(7)
    request.become(ConnectionState.RECONNECTING, "no pong for 41 s")
    request.emit(kinds.StaleConnection, 2, 2, silent_for=41.3, ping_interval=20.0)
    request.emit(kinds.Disconnected, SERVERS[0], "no pong for 41 s")
    for number, server in enumerate(SERVERS[1:], 1):
        request.emit(kinds.Attempt, server, number)
        error = TcpError(server, "connection refused")
        request.emit(kinds.AttemptFailed, server, number, Stage.TCP, error)
    request.emit(kinds.Attempt, SERVERS[0], 3, 2.0)
    now = scenery.go_to(0)
    scenery.clock.moment = now
    subscribe.told |= {
        "server": SERVERS[1], "last_in": scenery.clock.ago(0.4), "last_out": scenery.clock.ago(14), "reconnects": 1,
        "time_remaining": "29m59s", "in_msgs": 9_341, "in_bytes": 1_843_200, "out_bytes": 4_211, "held_by": 1,
        "server_name": "n2", "server_version": "2.12.1", "max_payload": 1_048_576,
    }  # fmt: skip
    publish.told |= {
        "server": SERVERS[0], "last_out": scenery.clock.ago(3), "time_remaining": "24m12s", "rtt_ms": 0.6,
        "out_msgs": 1, "out_bytes": 2_101, "in_bytes": 1_904, "server_name": "n1", "server_version": "2.12.1",
        "max_payload": 1_048_576,
    }  # fmt: skip
    request.told |= {
        "server": SERVERS[0], "attempt": 3, "down_since": scenery.clock.ago(7), "opens": 1, "out_msgs": 3,
        "next_attempt": now + timedelta(seconds=2), "last_in": scenery.clock.ago(61), "last_out": scenery.clock.ago(35),
    }  # fmt: skip
    await scenery.settle(pilot)


async def _after_dashboard(scenery: Scenery, pilot: Pilot[Any], *keys: str) -> None:
    await dashboard(scenery, pilot)
    await pilot.press(*keys)
    await scenery.settle(pilot)


async def connections(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """The table of connections, the first selected."""
    await _after_dashboard(scenery, pilot, "f2")


async def events(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """The log of events."""
    await _after_dashboard(scenery, pilot, "f3")


async def detail(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """One message whole."""
    await _after_dashboard(scenery, pilot, "enter")


async def help_screen(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """Every key."""
    await _after_dashboard(scenery, pilot, "f1")


async def connect_dialog(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """The dialog of a panel's connection."""
    await _after_dashboard(scenery, pilot, "f10")


async def new_panel(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """The chooser of a new panel."""
    await _after_dashboard(scenery, pilot, "ctrl+n")


async def history(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """What was sent in this session."""
    await dashboard(scenery, pilot)
    panel = scenery.app.dashboard.panels[1]
    assert isinstance(panel, PublishPanel)
    for payload, outcome in (
        ('{"id": 80}', PublishOutcome(Outcome.UNKNOWN, 2.0, "the server did not confirm within 2 s")),
        ("plain words", PublishOutcome(Outcome.REFUSED, 0.0, "the payload is too large")),
        ('{"id": 82}', PublishOutcome(Outcome.CONFIRMED, 0.0004)),
    ):
        scenery.connections[1].outcomes.append(outcome)
        panel.composer.load("", payload)
        panel.action_send()
        await pilot.pause()
    panel.action_history()
    await scenery.settle(pilot)


async def closing(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """The question whether a draft may be lost."""
    await dashboard(scenery, pilot)
    panel = scenery.app.dashboard.panels[2]
    assert isinstance(panel, RequestPanel)
    publish = scenery.app.dashboard.panels[1]
    assert isinstance(publish, PublishPanel)
    publish.composer.load("", "not sent yet")
    await pilot.press("alt+2", "ctrl+f4")
    await scenery.settle(pilot)


CONTEXTS: dict[str, dict[str, Any]] = {
    "dev": {"url": "nats://127.0.0.1:4222", "description": "the server on this machine"},
    "prod-east": {
        "url": "tls://n1.prod:4222,tls://n2.prod:4222,tls://n3.prod:4222",
        "description": "Production, eastern region: ask before publishing",
        "creds": "/home/ann/.nkeys/prod.creds",
        "jetstream_domain": "east",
        "color_scheme": "red",
        "socks_proxy": "socks5://proxy:1080",
    },
    "staging": {"url": "nats://staging:4222", "user": "ann", "password": "s3cret", "color_scheme": "green"},
    "typo": {"url": "http://staging"},
}


def write_contexts(contexts: Mapping[str, Mapping[str, Any]], selected: str = "") -> None:
    """Write contexts as the nats CLI does, where it does."""
    directory = context_directory()
    directory.mkdir(parents=True)
    for name, content in contexts.items():
        (directory / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    (directory.parent / "context.txt").write_text(selected, encoding="utf-8")


async def contexts(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """The nats CLI's contexts. Needs a home of its own."""
    write_contexts(CONTEXTS, "prod-east")
    await _after_dashboard(scenery, pilot, "ctrl+t")


async def no_contexts(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """Where the nats CLI has no context."""
    await _after_dashboard(scenery, pilot, "ctrl+t")


async def side_by_side(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """Panels on different contexts."""
    await dashboard(scenery, pilot)
    for name, use in (("red", "this panel"), ("green", "new panel")):
        options = ConnectOptions(servers=f"nats://{name}:4222")
        label = ContextLabel({"red": "prod-east-2", "green": "staging"}[name], name)
        scenery.app.dashboard.connections.use_context(
            ContextChoice(options, label, "this panel" if use == "this panel" else use)
        )
        await pilot.pause()
        if use == "new panel":
            await pilot.press("s")
    await scenery.settle(pilot)


async def columns(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """Which columns the messages have, three of them selected, with the time since a marked one."""
    await dashboard(scenery, pilot)
    await pilot.press("up", "up", "m", "up", "shift+up", "shift+up", "C", "down", "right")
    await scenery.settle(pilot)


async def filters(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """The filters that were saved or used."""
    history = scenery.app.session.filters
    history._saved = [SavedFilter(".total > 100", "large orders"), SavedFilter("payment.failed or card", "declined")]
    history._recent = ["header:Nats-Msg-Id=order-63", "/time ?out|refused/"]
    await _after_dashboard(scenery, pilot, "slash")
    await pilot.press("ctrl+r")
    await scenery.settle(pilot)


async def failed_start(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """No server answers."""
    scenery.go_to(0)
    await scenery.settle(pilot)


async def _drill(scenery: Scenery, pilot: Pilot[Any]) -> FakeConnection:
    """A stall of the first panel's connection, until a second after the second ping."""
    await _after_dashboard(scenery, pilot, "d", "f5")
    connection = scenery.connections[0]
    connection.told |= {"pings_outstanding": 1}
    connection.emit(kinds.PingSent, 1, at=scenery.clock.tick(7.2))
    connection.told |= {"pings_outstanding": 2}
    connection.emit(kinds.PingSent, 2, at=scenery.clock.tick(20))
    scenery.clock.tick(15)
    await scenery.settle(pilot)
    return connection


async def drill_choice(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """What a fault drill promises, before it begins."""
    await _after_dashboard(scenery, pilot, "d")


async def drill_waiting(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """A stalled connection, not noticed yet."""
    await _drill(scenery, pilot)


async def drill_verdict(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """A stalled connection, noticed in time and mended at the second attempt."""
    connection = await _drill(scenery, pilot)
    scenery.clock.tick(5)
    connection.told |= {"pings_outstanding": 0, "reconnects": 2, "server": SERVERS[2]}
    connection.become(ConnectionState.RECONNECTING, "no pong: 2 of 2 pings unanswered")
    connection.emit(kinds.StaleConnection, 2, 2, silent_for=47.3, ping_interval=20.0)
    connection.emit(kinds.Disconnected, SERVERS[1], "no pong: 2 of 2 pings unanswered, one every 20 s")
    connection.emit(kinds.Attempt, SERVERS[0], 1, at=scenery.clock.tick(0.01))
    error = TcpError(SERVERS[0], "nothing listens there (connection refused)", "check the port")
    connection.emit(kinds.AttemptFailed, SERVERS[0], 1, Stage.TCP, error, at=scenery.clock.tick(0.02))
    connection.emit(kinds.Attempt, SERVERS[2], 2, at=scenery.clock.tick(0.01))
    connection.become(ConnectionState.CONNECTED)
    connection.emit(kinds.Reconnected, SERVERS[2], 0.3, at=scenery.clock.tick(0.26))
    await scenery.settle(pilot)
    await scenery.settle(pilot)


async def no_panels(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """Every panel was closed."""
    await dashboard(scenery, pilot)
    for panel in scenery.app.dashboard.panels:
        scenery.app.dashboard._close(panel)
    await scenery.settle(pilot)


async def nine_panels(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """As many panels as there can be, in all states."""
    await pilot.pause()
    scenery.go_to(0)
    _, asleep, failed, held, opening, stale, *_ = scenery.connections
    asleep.become(ConnectionState.IDLE, down_since=scenery.clock.ago(1900), opens=4)
    failed.last_error = TcpError(SERVERS[0], "no answer within 5 s", "check the address and the firewall")
    failed.become(ConnectionState.FAILED)
    held.told |= {"time_remaining": "0s", "held_by": 1, "last_in": scenery.clock.ago(1900)}
    opening.become(ConnectionState.OPENING)
    stale.told |= {"pings_outstanding": 2}
    await scenery.settle(pilot)


async def production(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """A production context beside one that is not; what is read-only says so."""
    await pilot.pause()
    scenery.go_to(0)
    options = ConnectOptions(servers="nats://s1.staging:4222")
    scenery.app.dashboard.connections.change(
        scenery.app.dashboard.panels[2], options, ContextLabel("staging-readers", "green")
    )
    await pilot.pause()
    await scenery.settle(pilot)


async def question(scenery: Scenery, pilot: Pilot[Any]) -> None:
    """What is asked before a large run goes out to production."""
    await pilot.pause()
    scenery.go_to(0)
    panel = scenery.app.dashboard.panels[1]
    assert isinstance(panel, PublishPanel)
    panel.composer.load("Nats-Msg-Id: 81", PAYLOAD)
    panel.query_one("#count", Field).value = "5,000"
    panel.query_one("#interval", Field).value = "250ms"
    panel.action_send()
    await pilot.pause()
    await pilot.press(*"prod", "enter")
    await scenery.settle(pilot)


def refuse(connection: FakeConnection) -> None:
    """Make every opening fail as it does where no server listens."""
    server = connection.options.servers[0]
    connection.open_error = TcpError(
        server, "nothing listens there (connection refused)", "check the port, or start a nats-server"
    )


def scenery_of(play: Play) -> Scenery:
    """What a scene is played on."""
    if play is failed_start:
        return Scenery(servers=("nats://127.0.0.1:4222",), context="", panels=(), prepare=refuse)
    if play in (drill_choice, drill_waiting, drill_verdict):
        return Scenery(settings={"contexts": {"prod-east": {"fault_drill": True, "production": False}}})
    if play is nine_panels:
        return Scenery(panels=PANELS * 3)
    if play is production:
        return Scenery(settings={"contexts": {"*-readers": {"read_only": True}}})
    if play is question:
        return Scenery(settings={})
    return Scenery()


SCENES: dict[str, Play] = {
    "dashboard": dashboard,
    "connections": connections,
    "events": events,
    "detail": detail,
    "help": help_screen,
    "connect": connect_dialog,
    "new-panel": new_panel,
    "history": history,
    "closing": closing,
    "contexts": contexts,
    "no-contexts": no_contexts,
    "side-by-side": side_by_side,
    "columns": columns,
    "filters": filters,
    "failed-start": failed_start,
    "drill-choice": drill_choice,
    "drill-waiting": drill_waiting,
    "drill-verdict": drill_verdict,
    "no-panels": no_panels,
    "nine-panels": nine_panels,
    "production": production,
    "question": question,
}
"""Every scene by its name."""

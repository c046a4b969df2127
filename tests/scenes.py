"""The dashboard in well-known situations, over the fake connection and a clock ticked by hand.

Snapshot tests and `screenshots/make.py` draw the same scenes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from natstui.app import NatstuiApp
from natstui.connection import events as kinds
from natstui.connection.errors import NoRespondersError, TcpError
from natstui.connection.message import Message, Reply
from natstui.connection.options import ConnectOptions
from natstui.connection.outcome import Outcome, PublishOutcome
from natstui.connection.state import ConnectionState
from natstui.launch import Launch, PanelSpec
from natstui.settings import Settings
from tests.fake_connection import FakeConnection, FakeManager, HandTickedClock

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

Play = Callable[["Stage", Pilot[Any]], Awaitable[None]]


@dataclass
class Stage:
    """An app, its connections, and its time."""

    clock: HandTickedClock = field(default_factory=HandTickedClock)
    panels: tuple[PanelSpec, ...] = PANELS
    settings: dict[str, Any] = field(default_factory=dict)
    context: str = "prod-east"
    prepare: Callable[[FakeConnection], None] | None = None
    log_path: Path | None = None

    def __post_init__(self) -> None:
        self.manager = FakeManager(self.clock, self.prepare)
        launch = Launch(Settings(**self.settings), ConnectOptions(servers=SERVERS), self.panels, False, self.context)
        self.app = NatstuiApp(
            launch,
            manager=self.manager,  # type: ignore[arg-type]
            clock=self.clock.clock,
            ticks=False,
            log_path=self.log_path or Path("/nowhere/natstui/events.log"),
        )

    def connection(self, connection_id: str) -> FakeConnection:
        return self.manager.connections[connection_id]

    async def settle(self, pilot: Pilot[Any]) -> None:
        """Let everything that is under way be shown."""
        await pilot.pause()
        self.app.tick()
        self.app.drain()
        await pilot.pause()


ORDERS = (
    (-8.0, "orders.created", '{"id":77,"customer":2608,"total":61.00,"currency":"EUR","items":3}'),
    (-7.9, "orders.shipped", '{"id":71,"carrier":"FedEx","tracking":"1Z999AA10123456784"}'),
    (-7.4, "orders.payment.ok", '{"id":77,"method":"card","amount":61.00}'),
    (-7.1, "orders.created", '{"id":78,"customer":311,"total":18.50,"currency":"EUR","items":1}'),
    (None, "offline", "4.2"),
    (-2.2, "orders.created", '{"id":79,"customer":96,"total":520.00,"currency":"EUR","items":12}'),
    (-1.8, "orders.cancelled", '{"id":74,"reason":"out of stock"}'),
    (-1.3, "orders.shipped", '{"id":75,"carrier":"DHL","tracking":"JD014600003828"}'),
    (-0.9, "orders.payment.ok", '{"id":79,"method":"sepa","amount":520.00}'),
    (-0.4, "orders.created", '{"id":80,"customer":4410,"total":35.90,"currency":"EUR","items":2}'),
)


def receive_orders(stage: Stage, connection: FakeConnection) -> None:
    """Some orders came, and the server was away for a moment in between."""
    start = stage.clock.moment
    subscription = connection.taken_subscriptions[0]
    for age, subject, payload in ORDERS:
        if age is None:
            at = start - timedelta(seconds=2.4)
            connection.emit(kinds.Disconnected, SERVERS[0], "no pong for 40 s", at=at - timedelta(seconds=4.2))
            connection.emit(kinds.Reconnected, SERVERS[0], 4.2, at=at)
            continue
        stage.clock.moment = start + timedelta(seconds=age)
        subscription.deliver((subject.encode(), b"", payload.encode(), b""))
    stage.clock.moment = start


async def dashboard(stage: Stage, pilot: Pilot[Any]) -> None:
    """Three panels: one receiving, one that has just published, one whose server is lost."""
    clock = stage.clock
    await pilot.pause()
    subscribe, publish, request = (stage.connection(f"{spec.kind}-{n}") for n, spec in enumerate(stage.panels, 1))
    receive_orders(stage, subscribe)
    subscribe.told |= {
        "server": SERVERS[0], "last_in": clock.ago(0.4), "last_out": clock.ago(14), "reconnects": 1, "opens": 1,
        "time_remaining": "29m59s", "in_msgs": 12345, "in_bytes": 1_843_200, "held_by": 1,
    }  # fmt: skip
    publish.told |= {"server": SERVERS[1], "last_out": clock.ago(3), "time_remaining": "24m12s", "rtt_ms": 0.6}
    request.replies.append([Reply(Message((b"_INBOX.1", b"", b'{"sku":"A-4","price":18.5}', b"")), 0.0009)])
    panel = stage.app.dashboard.panels[1]
    panel.composer.load("Nats-Msg-Id: 81", PAYLOAD)
    panel.action_send()
    ask = stage.app.dashboard.panels[2]
    ask.composer.load("", '{"sku": "A-4"}')
    ask.action_send()
    await pilot.pause()
    request.become(
        ConnectionState.RECONNECTING, "no pong", attempt=3, down_since=clock.ago(7), server=SERVERS[1],
        next_attempt=clock.moment + timedelta(seconds=2),
    )  # fmt: skip
    request.emit(kinds.Disconnected, SERVERS[1], "no pong for 41 s, 2 of 2 pings unanswered")
    request.emit(kinds.Attempt, SERVERS[2], 3, 2.0)
    await stage.settle(pilot)


def talk(stage: Stage) -> None:
    """Half an hour of events on all connections."""
    clock, start = stage.clock, stage.clock.moment
    subscribe, publish, request = (stage.connection(f"{spec.kind}-{n}") for n, spec in enumerate(stage.panels, 1))
    for number in range(48):
        rtt = 0.0004 + 0.00011 * (number * 7 % 13) + (0.004 if number == 30 else 0.0)
        clock.moment = start - timedelta(seconds=20 * (48 - number))
        subscribe.emit(kinds.PingSent, 1)
        subscribe.emit(kinds.PongReceived, rtt, 0)
    clock.moment = start - timedelta(seconds=48)
    request.emit(kinds.StaleConnection, 2, 2, silent_for=41.0, ping_interval=20.0)
    request.emit(kinds.AttemptFailed, SERVERS[0], 1, TcpError.stage, TcpError(SERVERS[0], "connection refused"))
    clock.moment = start - timedelta(seconds=31)
    publish.emit(kinds.ServerDiscovered, "nats://n4.prod:4222")
    publish.emit(kinds.LameDuck, SERVERS[0])
    clock.moment = start


async def connections(stage: Stage, pilot: Pilot[Any]) -> None:
    """The table of connections, the first selected."""
    await dashboard(stage, pilot)
    talk(stage)
    await pilot.press("f2")
    await stage.settle(pilot)


async def events(stage: Stage, pilot: Pilot[Any]) -> None:
    """The log of events."""
    await dashboard(stage, pilot)
    talk(stage)
    await pilot.press("f3")
    await stage.settle(pilot)


async def detail(stage: Stage, pilot: Pilot[Any]) -> None:
    """One message whole."""
    await dashboard(stage, pilot)
    await pilot.press("enter")
    await stage.settle(pilot)


async def help_screen(stage: Stage, pilot: Pilot[Any]) -> None:
    """Every key."""
    await dashboard(stage, pilot)
    await pilot.press("f1")
    await stage.settle(pilot)


async def connect_dialog(stage: Stage, pilot: Pilot[Any]) -> None:
    """The dialog of a panel's connection."""
    await dashboard(stage, pilot)
    await pilot.press("f10")
    await stage.settle(pilot)


async def new_panel(stage: Stage, pilot: Pilot[Any]) -> None:
    """The chooser of a new panel."""
    await dashboard(stage, pilot)
    await pilot.press("ctrl+n")
    await stage.settle(pilot)


async def sent_before(stage: Stage, pilot: Pilot[Any]) -> None:
    """What was sent in this session."""
    await dashboard(stage, pilot)
    panel = stage.app.dashboard.panels[1]
    connection = stage.connection("publish-2")
    for payload, outcome in (
        ('{"id": 80}', PublishOutcome(Outcome.UNKNOWN, 2.0, "the server did not confirm within 2 s")),
        ("plain words", PublishOutcome(Outcome.REFUSED, 0.0, "payload too large")),
        ('{"id": 82}', PublishOutcome(Outcome.CONFIRMED, 0.0004)),
    ):
        connection.outcomes.append(outcome)
        panel.composer.load("", payload)
        panel.action_send()
        await pilot.pause()
    panel.action_history()
    await stage.settle(pilot)


async def failed_start(stage: Stage, pilot: Pilot[Any]) -> None:
    """No server answers."""
    await stage.settle(pilot)


REFUSED = TcpError("nats://127.0.0.1:4222", "connection refused", "is a nats-server running there?")


def refuse(connection: FakeConnection) -> None:
    connection.open_error = REFUSED


NO_RESPONDERS = NoRespondersError("nobody listens on pricing.quote", "start the service, or change the subject")

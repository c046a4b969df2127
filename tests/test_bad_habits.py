"""The bad habits of consoles and clients for NATS, one test each: natstui has none of them."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from natstui.app import NatstuiApp
from natstui.connection.events import Attempt
from natstui.connection.state import ConnectionState
from natstui.keys import KEYS
from natstui.panels.base import Panel
from natstui.panels.publish import PublishPanel
from natstui.screens.confirm import Confirm
from natstui.widgets.strip_text import state_word
from tests.credentials import Nkey, Operator
from tests.dashboards import SIZE, fill, make_app, notice, panel, screen_text, strip, subscribe_panel, until_connected
from tests.hosting.display import PATIENCE, Display
from tests.servers import NatsServer
from tests.terminals import Terminal
from tests.waiting import until, until_sync

Connect = Callable[..., Awaitable[Client]]
Servers = Callable[..., NatsServer]
QUICK = {"reconnect_delay_callback": lambda attempts: 0.005}
"""So that many attempts take as long as a few."""


def looks_well(app: NatstuiApp, number: int = 1) -> bool:
    """Whether the panel shows a connection in the colour, or with the word, of a good one."""
    one = panel(app, number, Panel)
    view = one.view(app.session.clock.now())
    assert view is not None
    _shape, word, style = state_word(view)
    return style in ("good", "held") or word == "connected"


async def show(app: NatstuiApp) -> str:
    app.tick()
    return screen_text(app)


# A green bar while the server is dead


async def test_a_green_bar_while_the_server_is_dead(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:a", options={"ping_interval": 0.4, "max_outstanding_pings": 2})
    async with app.run_test(size=SIZE):
        await until_connected(app)
        assert looks_well(app) and "1 connected" in await show(app)
        nats_server.kill()
        await until(lambda: not looks_well(app), 10)
        text = await show(app)
        assert "reconnecting" in strip(panel(app, 1, Panel)) and "1 connected" not in text


async def test_a_green_bar_while_the_server_is_frozen(nats_server: NatsServer) -> None:
    """It is told before it is given up, and given up within (N+1)·I; the bound here is generous for busy machines."""
    app = make_app(nats_server.url, "subscribe:a", options={"ping_interval": 0.4, "max_outstanding_pings": 2})
    async with app.run_test(size=SIZE):
        await until_connected(app)
        nats_server.freeze()
        try:
            await until(lambda: not looks_well(app), 10)
            assert "1 connected  " not in await show(app)
            await until(lambda: "reconnecting" in strip(panel(app, 1, Panel)), 10)
        finally:
            nats_server.thaw()
        await until(lambda: looks_well(app), 20)


# Never reconnecting after a long outage


async def test_never_reconnecting_after_a_long_outage(nats_server: NatsServer, connect: Connect) -> None:
    """Clients give up after 60 attempts, two minutes with most defaults. Here as many, and more, pass quickly."""
    app = make_app(nats_server.url, "subscribe:news", options=QUICK)
    async with app.run_test(size=SIZE):
        await until_connected(app)
        nats_server.kill()
        connection = panel(app, 1, Panel).connection
        assert connection is not None
        await until(lambda: connection.stats().attempt > 80, 30)
        assert connection.state is ConnectionState.RECONNECTING
        nats_server.start()
        await until(lambda: connection.state is ConnectionState.CONNECTED, 20)
        publisher = await connect(nats_server.url)
        await publisher.publish("news", b"after the outage")

        async def is_shown() -> bool:
            app.drain()
            return "after the outage" in await show(app)

        await until(is_shown, 10)
        assert "messages may be missing" in await show(app), "and the gap is marked"


# Silent retries on a bad password


@pytest.mark.parametrize("retries", [False, True], ids=["", "with retry_on_initial_connect"])
async def test_silent_retries_on_a_bad_password(nats_server_factory: Servers, retries: bool) -> None:
    server = nats_server_factory(user="ann", password="right")
    options = {"user": "ann", "password": "wrong", "retry_on_initial_connect": retries, **QUICK}
    app = make_app(server.url, "subscribe:a", options=options)
    async with app.run_test(size=SIZE):
        connection = panel(app, 1, Panel).connection
        await until(lambda: connection is not None and connection.state is ConnectionState.FAILED, 10)

        async def is_told() -> bool:
            text = " ".join((await show(app)).split())
            assert "wrong" not in text
            return "refused the credentials" in text

        await until(is_told, 10)
        began, tried = time.monotonic(), server.logs().count("authentication error")
        await until(lambda: time.monotonic() - began > 1, 10)
        assert connection is not None
        attempts = [event for event in connection.events if isinstance(event, Attempt)]
        assert len(attempts) == 1 and connection.state is ConnectionState.FAILED
        assert server.logs().count("authentication error") == tried == 1


# A denied subscription shown as subscribed


async def test_a_denied_subscription_shown_as_subscribed(nats_server_factory: Servers) -> None:
    server = nats_server_factory(user="ann", password="s3cret", permissions={"subscribe": {"deny": ["secret.>"]}})
    app = make_app(server.url, "subscribe:secret.plans", options={"user": "ann", "password": "s3cret"})
    async with app.run_test(size=SIZE):
        one = subscribe_panel(app)
        await until(lambda: "denies" in notice(one), 10)
        text = await show(app)
        assert "not subscribed to secret.plans" in text
        assert "waiting for messages" not in text


# A leaked subscription per refresh


async def test_a_leaked_subscription_per_refresh(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", "publish", options=QUICK)

    def subscriptions() -> list[int]:
        return sorted(one["subscriptions"] for one in nats_server.connections())

    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await until(lambda: subscriptions() == [0, 1], 10)
        for _ in range(5):
            await pilot.press("f5")
            await until_connected(app)
        for _ in range(3):
            reconnects = panel(app, 1, Panel).connection.stats().reconnects  # type: ignore[union-attr]
            await pilot.press("r")
            await until(lambda before=reconnects: panel(app, 1, Panel).connection.stats().reconnects > before, 10)
            await until_connected(app)
        await fill(pilot, subscribe_panel(app), "subjects", "metrics.>")
        await pilot.press("enter")
        await until_connected(app)
        await until(lambda: subscriptions() == [0, 1], 10, "one subscription, as at the start")
        await pilot.press("ctrl+w")
        await until(lambda: subscriptions() == [0], 10, "and none once its panel is closed")


# Deleting without asking


async def test_deleting_a_draft_without_asking(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:orders.new", "subscribe:a")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        draft = panel(app, 1, PublishPanel)
        draft.query_one("#payload").focus()
        await pilot.press(*"kept", "escape", "ctrl+w")
        await until(lambda: isinstance(app.screen, Confirm), 5)
        await pilot.press("escape")
        await until(lambda: app.screen is app.dashboard, 5)
        assert app.dashboard.panels[0] is draft and len(app.dashboard.panels) == 2
        await pilot.press("ctrl+w")
        await until(lambda: isinstance(app.screen, Confirm), 5)
        await pilot.press("y")
        await until(lambda: len(app.dashboard.panels) == 1, 5)


def test_nothing_on_a_server_is_deleted_at_all() -> None:
    for name, key in KEYS.items():
        words = f"{name} {key.action} {key.words}".casefold()
        assert not any(word in words for word in ("delete", "purge")), name


# A debug log of secrets in a shared temporary directory


def secrets() -> dict[str, tuple[dict[str, str], list[str]]]:
    """For each way of authenticating: the variables that hold it, and what of it must not be found anywhere."""
    user, nkey = Operator().user(), Nkey.user()
    return {
        "token": ({"NATSTUI_TOKEN": "s3cret-t0ken"}, ["s3cret-t0ken"]),
        "url": ({"NATSTUI_SERVERS": "nats://ann:s3cret-in-url@{server}"}, ["s3cret-in-url"]),
        "nkey": ({"NATSTUI_NKEY_SEED": nkey.seed}, [nkey.seed]),
        "credentials": ({"NATSTUI_CREDENTIALS": user.text}, [user.jwt, user.key.seed]),
    }


@pytest.mark.parametrize("way", ["url", "token", "nkey", "credentials"])
def test_a_debug_log_of_secrets_in_a_shared_temporary_directory(
    nats_server: NatsServer, tmp_path: Path, own_environment: Path, way: str
) -> None:
    """With every switch on that makes Python, asyncio, Textual or natstui log something, and everything that could."""
    shared, here = tmp_path / "shared", tmp_path / "here"
    for directory in (shared, here):
        directory.mkdir(mode=0o777)
    variables, hidden = secrets()[way]
    typed = "typed-s3cret"
    environment = {
        "TMPDIR": str(shared),
        "NO_COLOR": "1",
        "TEXTUAL": "debug,devtools",
        "TEXTUAL_LOG": str(shared / "textual.log"),
        "TEXTUAL_DEBUG": "1",
        "NATSTUI_LOG_FILE": str(shared / "events.log"),
        "PYTHONDEVMODE": "1",
        "PYTHONASYNCIODEBUG": "1",
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "NATSTUI_SERVERS": nats_server.url,
        **{name: value.format(server=nats_server.url.partition("//")[2]) for name, value in variables.items()},
    }
    with _in(here), Terminal(["--panel", "subscribe:a"], environment=environment) as terminal:
        display = Display(terminal)
        display.shows_soon("1 connected")
        # Something goes wrong, and the credentials are presented again.
        nats_server.kill()
        display.shows_soon("reconnecting")
        nats_server.start()
        display.shows_soon("messages may be missing")
        # A secret is typed.
        terminal.type("\x1b[21~")
        display.shows_soon("connection of panel")
        _go_to_field(terminal, display, "password")
        terminal.type(typed)
        display.shows_soon("•" * len(typed))
        terminal.type("\x1b")
        for key, words in (("\x1bOQ", "server pool"), ("\x1bOR", "of all connections")):
            terminal.type(key)
            display.shows_soon(words)
        terminal.type("\x1b\x11")
        assert terminal.ended(60) == 0
        written = terminal.output
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert shared / "events.log" in files and shared / "textual.log" not in files
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, f"{path} can be read by others"
        contents = path.read_bytes()
        assert not [secret for secret in (*hidden, typed) if secret.encode() in contents], path
    assert not [secret for secret in (*hidden, typed) if secret.encode() in written]


def _go_to_field(terminal: Terminal, display: Display, label: str) -> None:
    """Press tab until the field with this label has the focus, which is told by reverse video."""
    for _ in range(60):
        until_sync(display.focus, PATIENCE, "something has the focus")
        if (before := display.focus()) == label:
            return
        terminal.type("\t")
        until_sync(lambda before=before: display.focus() and before not in display.focus(), PATIENCE, "the focus moves")
    raise AssertionError(f"no field {label}:\n{display.text()}")


class _in:
    """Another working directory, for what is started meanwhile."""

    def __init__(self, directory: Path) -> None:
        self._directory, self._before = directory, Path.cwd()

    def __enter__(self) -> None:
        os.chdir(self._directory)

    def __exit__(self, *_: Any) -> None:
        os.chdir(self._before)

"""A connection lost as stale explains itself on the connections screen and in the log."""

from __future__ import annotations

import asyncio

from textual.widgets import Static

from natstui.app import NatstuiApp
from tests.dashboards import make_app, screen_text, until_connected
from tests.faults import Peer, ScriptedServer
from tests.servers import NatsServer
from tests.waiting import until

SIZE = (120, 44)
PINGS = {"ping_interval": 0.3, "max_outstanding_pings": 1}


def told(app: NatstuiApp) -> str:
    """What the connections screen says of the selected connection's loss."""
    return str(app.screen.query_one("#stale", Static).content)


async def test_a_frozen_server_is_explained(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:a", options=PINGS)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("f2")
        await pilot.pause()
        assert "lost as stale" not in screen_text(app)
        nats_server.freeze()
        await until(lambda: "stale connection" in "".join(entry.text for entry in app.session.log.entries))
        await until(lambda: "natstui noticed after" in screen_text(app))
        text = told(app)
        assert (
            "lost as stale" in screen_text(app)
            and "ping every 300ms × 1 allowed → noticed within 300ms to 600ms" in text
        )
        assert "lengthen ping_interval" in text and "set max_outstanding_pings to 2" in text
        await pilot.press("f3")
        await until(lambda: "↳ natstui noticed after" in screen_text(app))
        assert "↳ ping every 300ms × 1 allowed → noticed within 300ms to 600ms" in screen_text(app)
        nats_server.thaw()


async def test_a_connection_that_the_server_gave_up_is_explained() -> None:
    give_up = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.handshake()
        serving = asyncio.ensure_future(peer.serve())
        if peer.number == 1:
            await give_up.wait()
            await peer.send(b"-ERR 'Stale Connection'\r\n")
            serving.cancel()
        else:
            await serving

    async with ScriptedServer(script) as server:
        app = make_app(server.url, "publish:a")
        async with app.run_test(size=SIZE) as pilot:
            await until_connected(app)
            await pilot.press("f2")
            give_up.set()
            await until(lambda: "the server noticed" in screen_text(app))
            text = told(app)
            assert "the server's ping_interval and ping_max decide" in text
            assert "natstui did not answer in time" in text

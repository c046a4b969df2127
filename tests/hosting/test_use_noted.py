"""What is sent in a hosted session is noted, so that its host can tell who did what."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from natstui.panels.publish import PublishPanel
from natstui.panels.request import RequestPanel
from tests.dashboards import SIZE, make_app, panel, until_connected
from tests.servers import NatsServer
from tests.waiting import until


@pytest.mark.parametrize("hosted", [True, False])
async def test_what_is_sent_in_a_hosted_session_stands_in_its_log_without_payload(
    nats_server: NatsServer, own_environment: Path, hosted: bool
) -> None:
    app = make_app(nats_server.url, "publish:orders.new", "request:svc.echo", hosted=hosted)
    log = own_environment / "state" / "natstui" / "events.log"
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        for number, kind in ((1, PublishPanel), (2, RequestPanel)):
            payload = panel(app, number, kind).query_one("#payload")
            payload.focus()
            await until(lambda payload=payload: payload.has_focus)
            await pilot.press(*"private", "f5")
            await pilot.pause()
        await until(lambda: nats_server.varz()["in_msgs"] >= 2, 10)
        app.tick()
        await until(lambda: "connected" in (log.read_text() if log.exists() else ""), 10)
        app.tick()

        def noted() -> list[str]:
            lines = [line.split(" ", 2) for line in log.read_text().splitlines()]
            return [f"{line[1]} {line[2]}" for line in lines if line[2].startswith(("publishes", "requests"))]

        if hosted:
            await until(lambda: len(noted()) == 2, 10)
            assert noted() == ["publish-1 publishes orders.new, 7 B", "request-2 requests svc.echo, 7 B"]
            assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert "private" not in log.read_text()
    assert bool(noted()) is hosted

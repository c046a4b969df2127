"""What servers, files and environments may throw at the dashboard: shown as text, never obeyed, the app alive."""

from __future__ import annotations

import pytest

from natstui.connection import events as kinds
from natstui.connection.errors import ManagedConnectionError, TcpError
from natstui.connection.outcome import Outcome, PublishOutcome
from natstui.connection.state import ConnectionState
from natstui.launch import PanelSpec
from natstui.panels.publish import PublishPanel
from natstui.panels.request import RequestPanel
from natstui.panels.subscribe import SubscribePanel
from tests.dashboards import SIZE, footer, notice, screen_text
from tests.fake_connection import FakeConnection
from tests.scenes import Scenery

EVIL = "[/x][bold]\x1b]0;owned\x07\x9b31m\u202e\nforged"


def assert_harmless(text: str) -> None:
    assert all(character.isprintable() for character in text.replace("\n", ""))


@pytest.mark.parametrize("key", ["", "f2", "f3"])
async def test_evil_words_of_a_server_are_only_shown(key: str) -> None:
    scenery = Scenery()
    async with scenery.app.run_test(size=SIZE) as pilot:
        await scenery.settle(pilot)
        for connection in scenery.connections:
            connection.emit(kinds.ServerError, EVIL)
            connection.emit(kinds.ServerDiscovered, f"nats://{EVIL}:4222")
            connection.emit(kinds.PermissionDenied, "subscription", EVIL)
            connection.emit(kinds.Disconnected, f"nats://{EVIL}", EVIL)
            connection.emit(kinds.SlowConsumer, EVIL, 7)
            connection.become(ConnectionState.RECONNECTING, EVIL, last_error=EVIL, server=EVIL, server_name=EVIL)
        if key:
            await pilot.press(key)
        await scenery.settle(pilot)
        text = screen_text(scenery.app)
        assert "[/x][bold]" in text
        assert_harmless(text)


async def test_evil_reasons_of_a_failed_opening_are_only_shown() -> None:
    def refuse(connection: FakeConnection) -> None:
        connection.open_error = TcpError(f"nats://{EVIL}", EVIL, EVIL)

    scenery = Scenery(prepare=refuse)
    async with scenery.app.run_test(size=SIZE) as pilot:
        await scenery.settle(pilot)
        text = screen_text(scenery.app)
        assert "no connection" in text and "[/x][bold]" in text
        assert_harmless(text)
        await pilot.press("escape")
        await scenery.settle(pilot)
        assert_harmless(screen_text(scenery.app))


async def test_evil_subjects_of_panels_are_only_shown() -> None:
    panels = tuple(PanelSpec(kind, EVIL.replace("\n", "")) for kind in ("subscribe", "publish", "request"))
    for size in ((120, 40), (80, 24)):
        scenery = Scenery(panels=panels)
        async with scenery.app.run_test(size=size) as pilot:
            await scenery.settle(pilot)
            text = screen_text(scenery.app)
            assert "[/x][bold]" in text
            assert_harmless(text)


async def test_evil_outcomes_and_answers_are_only_shown() -> None:
    scenery = Scenery()
    async with scenery.app.run_test(size=SIZE) as pilot:
        await scenery.settle(pilot)
        _, publish, request = scenery.app.dashboard.panels
        assert isinstance(publish, PublishPanel) and isinstance(request, RequestPanel)
        for outcome in (Outcome.UNKNOWN, Outcome.REFUSED):
            scenery.connections[1].outcomes.append(PublishOutcome(outcome, 0.1, EVIL))
            publish.action_send()
            await scenery.settle(pilot)
            assert outcome in footer(publish) and "[/x][bold]" in notice(publish)
            assert_harmless(screen_text(scenery.app))
        scenery.connections[2].replies.append(ManagedConnectionError(EVIL))
        request.action_send()
        await scenery.settle(pilot)
        assert "1 refused" in footer(request)
        assert_harmless(screen_text(scenery.app))


async def test_a_mistake_of_ours_in_a_worker_is_a_sentence_and_the_app_goes_on() -> None:
    scenery = Scenery()
    async with scenery.app.run_test(size=SIZE) as pilot:
        await scenery.settle(pilot)
        panel = scenery.app.dashboard.panels[0]
        assert isinstance(panel, SubscribePanel)

        async def fail() -> None:
            raise RuntimeError(EVIL)

        panel.work(fail(), "test", "A worker that fails")
        await scenery.settle(pilot)
        assert notice(panel).startswith("Something unexpected went wrong: RuntimeError: [/x]")
        assert_harmless(screen_text(scenery.app))
        await pilot.press("f3")
        await scenery.settle(pilot)
        assert "connected" in screen_text(scenery.app)


async def test_without_colours_every_state_is_told_by_shape_and_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    scenery = Scenery()
    async with scenery.app.run_test(size=SIZE) as pilot:
        await scenery.settle(pilot)
        for connection, state in zip(
            scenery.connections,
            (ConnectionState.IDLE, ConnectionState.RECONNECTING, ConnectionState.FAILED),
            strict=True,
        ):
            connection.become(state)
        await scenery.settle(pilot)
        text = screen_text(scenery.app)
        assert "☾ asleep" in text and "◐ reconnecting" in text and "✕ failed" in text

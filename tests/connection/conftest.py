"""Fixtures for managed connections."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from natstui.connection import ConnectionManager, ConnectOptions, ManagedConnection
from tests.connection.hand_clock import HandClock

Managed = Callable[..., ManagedConnection]


@pytest.fixture(autouse=True)
def silent_asyncio(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """asyncio's own log stays empty: what stands there is a task, a transport or an exception that nobody minds."""
    yield
    records = [record for phase in ("setup", "call", "teardown") for record in caplog.get_records(phase)]
    complaints = [record.getMessage() for record in records if record.name == "asyncio"]
    assert not complaints, complaints


@pytest.fixture(autouse=True)
async def tasks_as_in_the_dashboard() -> None:
    """Where Python can, tasks start eagerly: so Textual has them, and so the connection's order is put to the test."""
    if sys.version_info >= (3, 12):
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)


@pytest.fixture
def hand_clock() -> HandClock:
    """A clock that stands still until it is told to go."""
    return HandClock()


@pytest.fixture
async def manager() -> AsyncIterator[ConnectionManager]:
    """A connection manager on real time."""
    async with ConnectionManager(shutdown_timeout=2) as manager:
        yield manager


@pytest.fixture
async def hand_manager(hand_clock: HandClock) -> AsyncIterator[ConnectionManager]:
    """A connection manager on the hand-ticked clock."""
    async with ConnectionManager(clock=hand_clock, wall_clock=hand_clock.wall, shutdown_timeout=2) as manager:
        yield manager


@pytest.fixture
def managed(manager: ConnectionManager) -> Managed:
    """`managed(url, other_url, **options)`: a connection to these servers, tried in this order; not opened yet."""

    def make(*servers: str, **options: Any) -> ManagedConnection:
        options.setdefault("retain_servers_order", True)
        options.setdefault("request_timeout", 5.0)
        return manager.add(ConnectOptions(servers=servers, **options))

    return make

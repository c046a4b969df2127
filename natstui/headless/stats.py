"""`natstui stats`: HeyNATS's statistics, and natstui's own beside them, of one managed connection."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from natstui.connection.errors import ManagedConnectionError
from natstui.connection.managed import ManagedConnection
from natstui.connection.manager import ConnectionManager
from natstui.connection.state import ConnectionState
from natstui.connection.stats import ConnectionStats
from natstui.headless.running import run_until_ended
from natstui.settings import Settings
from natstui.stream.sanitise import sanitise

CONNECTION_ID = "stats"


def run_stats(settings: Settings, *, as_json: bool, interval: float | None = None) -> int:
    """Connect and print the statistics: once, or every `interval` seconds until a signal ends it.

    Once, it returns 0 where the connection is up and healthy, else 2; what is printed then says why.
    """
    return run_until_ended(_stats(settings, as_json, interval))


async def _stats(settings: Settings, as_json: bool, interval: float | None) -> int:
    options = settings.connect_options(retry_on_initial_connect=interval is not None)
    options = options if options.name else options.replace(name="natstui stats")
    async with ConnectionManager(settings.check_interval) as manager:
        connection = manager.add(options, CONNECTION_ID)
        while True:
            if connection.state in (ConnectionState.NEW, ConnectionState.FAILED):
                await _open(connection)
            stats = connection.stats()
            _print(stats, as_json)
            if interval is None:
                return 0 if stats.is_healthy else 2
            await asyncio.sleep(interval)


async def _open(connection: ManagedConnection) -> None:
    try:
        await connection.open()
    except ManagedConnectionError:
        return
    if connection.state is ConnectionState.CONNECTED:
        await connection.check_health()


def _print(stats: ConnectionStats, as_json: bool) -> None:
    data = stats.model_dump(mode="json")
    if as_json:
        print(json.dumps(data), flush=True)
        return
    width = max(map(len, data))
    for name, value in data.items():
        print(f"{name:<{width}}  {sanitise(_words(value))}")
    print(flush=True)


def _words(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return ", ".join(f"{server['url']}{' (current)' if server['is_current'] else ''}" for server in value)
    return str(value).lower() if isinstance(value, bool) else str(value)

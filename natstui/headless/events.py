"""`natstui events`: the events of one managed connection as lines, until a signal ends it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from datetime import datetime
from typing import Any

from natstui.connection.events import Attempt, Connected, Event, StaleConnection, StateChanged
from natstui.connection.manager import ConnectionManager
from natstui.connection.state import ConnectionState
from natstui.event_log import EXPLANATION
from natstui.headless.running import run_until_ended
from natstui.settings import Settings
from natstui.stale_advice import explain_stale
from natstui.stream.sanitise import sanitise

CONNECTION_ID = "events"
GOES_ON = "natstui: not connected; events is a monitor and goes on trying until interrupted (stats tries once)"


def run_events(settings: Settings, *, as_json: bool) -> int:
    """Connect, go on trying where that fails, saying so once on stderr, and print each event.

    Returns 128 + the signal that ended it; 2 where the connection is given up, for refused credentials or after
    `max_reconnects`.
    """
    return run_until_ended(_events(settings, as_json))


async def _events(settings: Settings, as_json: bool) -> int:
    options = settings.connect_options(retry_on_initial_connect=True)
    options = options if options.name else options.replace(name="natstui events")
    told: asyncio.Queue[Event] = asyncio.Queue()
    async with ConnectionManager(settings.check_interval) as manager:
        connection = manager.add(options, CONNECTION_ID)
        connection.add_listener(told.put_nowait)
        await connection.open()
        is_new = True
        while True:
            event = await told.get()
            is_retry = isinstance(event, Attempt) and event.number > 1
            if is_new and is_retry:
                print(GOES_ON, file=sys.stderr, flush=True)
            is_new = is_new and not (is_retry or isinstance(event, Connected))
            print(json.dumps(event_data(event)) if as_json else event_lines(event), flush=True)
            if isinstance(event, StateChanged) and event.new is ConnectionState.FAILED:
                return 2


def event_lines(event: Event) -> str:
    """Return an event as a line: wall clock (UTC), its words; sanitised. A stale connection is explained below it."""
    at = f"{event.at:%Y-%m-%dT%H:%M:%S}.{event.at.microsecond // 1000:03d}Z  "
    return "\n".join([f"{at}{sanitise(str(event))}", *(f"{at}{EXPLANATION}{words}" for words in _explained(event))])


def _explained(event: Event) -> tuple[str, ...]:
    return explain_stale(event).sentences if isinstance(event, StaleConnection) else ()


def event_data(event: Event) -> dict[str, Any]:
    """Return an event as plain data: "event" is its kind, "text" its words, beside its own fields.

    A stale connection has an "explanation", too: who noticed, the settings in force, what to change.
    """
    own = {field.name: _plain(getattr(event, field.name)) for field in dataclasses.fields(event)}
    at, connection_id = own.pop("at"), own.pop("connection_id")
    data = {"at": at, "connection_id": connection_id, "event": type(event).__name__, **own, "text": str(event)}
    return data | ({"explanation": list(explained)} if (explained := _explained(event)) else {})


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, BaseException):
        return str(value) or type(value).__name__
    return list(value) if isinstance(value, tuple) else value

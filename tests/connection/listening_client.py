"""A client in a process of its own, so that it can be frozen: `python -m tests.connection.listening_client URL`.

Prints each event as a line of JSON: {"kind": …, "text": …, and its own plain fields}.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from typing import Any

from natstui.connection import ConnectionManager, ConnectOptions


def _print(event: Any) -> None:
    fields = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    plain = {name: value for name, value in fields.items() if isinstance(value, str | int | float | None)}
    print(json.dumps({**plain, "kind": type(event).__name__, "text": str(event)}), flush=True)


async def main(url: str) -> None:
    async with ConnectionManager() as manager:
        connection = manager.add(ConnectOptions(servers=url, ping_interval=20))
        connection.add_listener(_print)
        await connection.subscribe("flow", lambda _message: None)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

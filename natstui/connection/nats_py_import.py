"""Importing nats-py without aiohttp: four fifths of the time it takes, and only websockets need it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any


class _Aiohttp:
    """Stands for the module until something of it is wanted."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module("aiohttp"), name)


def import_nats_py() -> None:
    """Import nats-py; aiohttp follows with the first websocket."""
    if "nats.aio.transport" in sys.modules or "aiohttp" in sys.modules or importlib.util.find_spec("aiohttp") is None:
        return
    modules: dict[str, Any] = sys.modules
    modules["aiohttp"] = None
    try:
        transport: Any = importlib.import_module("nats.aio.transport")
    finally:
        del modules["aiohttp"]
    if hasattr(transport, "aiohttp"):
        transport.aiohttp = _Aiohttp()

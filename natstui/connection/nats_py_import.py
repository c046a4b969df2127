"""Importing nats-py without what only some need of it, and what takes most of the time: aiohttp and JetStream."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any


class _Aiohttp:
    """Stands for the module until something of it is wanted."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module("aiohttp"), name)


def import_nats_py() -> None:
    """Import nats-py; aiohttp follows with the first websocket, `nats.js` with the first use of it."""
    modules: dict[str, Any] = sys.modules
    if "nats" in modules:
        return
    # nats-py asks for aiohttp and does without it; `nats.js` it imports (nats/aio/client.py:41) but looks up when used.
    left_out: dict[str, Any] = {"nats.js": ModuleType("nats.js")}
    if importlib.util.find_spec("aiohttp") is not None:
        left_out["aiohttp"] = None
    left_out = {name: stand_in for name, stand_in in left_out.items() if name not in modules}
    modules.update(left_out)
    try:
        transport: Any = importlib.import_module("nats.aio.transport")
    finally:
        for name in left_out:
            del modules[name]
    modules["nats"].__getattr__ = _submodule
    if "aiohttp" in left_out:
        transport.aiohttp = _Aiohttp()


def _submodule(name: str) -> Any:
    if name == "js":
        return importlib.import_module("nats.js")
    raise AttributeError(f"module 'nats' has no attribute {name!r}")

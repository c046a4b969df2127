"""The self-check: what `transport.py` and `client.py` rely on in nats-py must be there, as it was in 2.16."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from natstui.connection.errors import ProtocolMismatchError

EXPECTED_VERSION = "2.16.*"
"""The nats-py release that `natstui.connection` is built on."""


def check_signatures(owner: type, expected: Mapping[str, str]) -> None:
    """Compare methods' parameter lists with those relied on.

    Raises:
        ProtocolMismatchError: one is missing or takes other parameters; the message names it.
    """
    for name, parameters in expected.items():
        found = getattr(owner, name, None)
        if found is None:
            raise _mismatch(f"{owner.__name__}.{name} is missing")
        target: Any = found.fget if isinstance(found, property) else found
        given = " ".join(inspect.signature(target).parameters)
        if given != parameters:
            raise _mismatch(f"{owner.__name__}.{name} takes ({given}) instead of ({parameters})")


def check_attributes(instance: object, expected: Mapping[str, type | tuple[type, ...]]) -> None:
    """Compare a fresh instance's attributes with those relied on.

    Raises:
        ProtocolMismatchError: one is missing or of another type; the message names it.
    """
    owner = type(instance).__name__
    for name, kind in expected.items():
        if not hasattr(instance, name):
            raise _mismatch(f"{owner}.{name} is missing")
        if not isinstance(getattr(instance, name), kind):
            raise _mismatch(f"{owner}.{name} is a {type(getattr(instance, name)).__name__}")


def _mismatch(what: str) -> ProtocolMismatchError:
    try:
        installed = version("nats-py")
    except PackageNotFoundError:
        installed = "unknown"
    return ProtocolMismatchError(
        f"natstui is built on nats-py {EXPECTED_VERSION}, but {installed} is installed and {what}",
        f"pip install 'nats-py[nkeys]=={EXPECTED_VERSION}'",
    )

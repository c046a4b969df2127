"""The self-check over nats-py's private names: a release that moved one is refused by name."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from nats.aio import transport
from nats.aio.client import Client
from nats.aio.transport import TcpTransport

from natstui.connection import ProtocolMismatchError
from natstui.connection.nats_py_contract import check_nats_py


def test_the_installed_release_is_the_one_built_on() -> None:
    check_nats_py()


@pytest.mark.parametrize(
    ("owner", "name"), [(Client, "_process_pong"), (Client, "_process_op_err"), (TcpTransport, "readline")]
)
def test_a_missing_method_is_named_with_the_release_expected(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> None:
    monkeypatch.delattr(owner, name)
    if name == "readline":
        monkeypatch.setattr(TcpTransport, "__abstractmethods__", frozenset())
        monkeypatch.delattr(owner.__mro__[1], name)
    with pytest.raises(
        ProtocolMismatchError, match=rf"built on nats-py 2\.16\.\*.*{owner.__name__}\.{name} is missing"
    ):
        check_nats_py()


def test_a_missing_module_attribute_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(transport, "aiohttp")
    with pytest.raises(ProtocolMismatchError, match=r"nats\.aio\.transport\.aiohttp is missing"):
        check_nats_py()


def test_other_parameters_are_told_as_they_are_and_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    async def _send_ping(self: Client, waiter: Any, deadline: float) -> None: ...

    monkeypatch.setattr(Client, "_send_ping", _send_ping)
    with pytest.raises(
        ProtocolMismatchError, match=r"_send_ping takes \(self waiter deadline\) instead of \(self future\)"
    ):
        check_nats_py()


def test_an_attribute_of_another_type_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Client.__init__

    def __init__(self: Client) -> None:
        original(self)
        self._pings_outstanding = []  # type: ignore[assignment]

    monkeypatch.setattr(Client, "__init__", __init__)
    with pytest.raises(ProtocolMismatchError, match=r"Client\._pings_outstanding is a list"):
        check_nats_py()


def test_the_check_is_made_when_the_client_is_imported() -> None:
    code = (
        "from nats.aio.client import Client\ndel Client._process_err\n"
        "try:\n    import natstui.connection.client\nexcept ImportError as error:\n    print(error)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Client._process_err is missing" in result.stdout
    assert "pip install 'nats-py[nkeys]==2.16.*'" in result.stdout

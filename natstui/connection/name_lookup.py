"""Looking a host name up without holding anything up."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading


async def look_up(host: str, port: int) -> list[tuple[str, int]]:
    """Return the host's addresses; an address is its own.

    In a daemon thread of its own, not in the loop's executor: a name server that never answers would hold up the
    end of the process.

    Raises:
        socket.gaierror: the name does not resolve.
    """
    try:
        return [(str(ipaddress.ip_address(host)), port)]
    except ValueError:
        pass
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[tuple[str, int]]] = loop.create_future()

    def settle(addresses: list[tuple[str, int]] | None, error: OSError | None) -> None:
        if found.done():
            return
        if error is not None:
            found.set_exception(error)
        else:
            found.set_result(addresses or [])

    def work() -> None:
        addresses: list[tuple[str, int]] | None = None
        failure: OSError | None = None
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys((str(info[4][0]), int(info[4][1])) for info in infos))
        except UnicodeError:
            failure = socket.gaierror(socket.EAI_NONAME, "the name is malformed")
        except OSError as error:
            failure = error
        try:
            loop.call_soon_threadsafe(settle, addresses, failure)
        except RuntimeError:
            pass

    threading.Thread(target=work, name="natstui name lookup", daemon=True).start()
    return await found

"""Looking a host name up without holding anything up."""

from __future__ import annotations

import ipaddress
import socket

from natstui.connection.own_thread import in_own_thread


async def look_up(host: str, port: int) -> list[tuple[str, int]]:
    """Return the host's addresses; an address is its own.

    Raises:
        socket.gaierror: the name does not resolve.
    """
    try:
        return [(str(ipaddress.ip_address(host)), port)]
    except ValueError:
        pass

    def ask() -> list[tuple[str, int]]:
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError:
            raise socket.gaierror(socket.EAI_NONAME, "the name is malformed") from None
        return list(dict.fromkeys((str(info[4][0]), int(info[4][1])) for info in infos))

    return await in_own_thread("name lookup", ask)

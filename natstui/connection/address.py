"""Server URLs: normalised, and without the credentials that people write into them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from pydantic import SecretStr

from natstui.connection.errors import OptionError

_DEFAULT_PORTS = {"nats": 4222, "tls": 4222, "ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True)
class UserInfo:
    """The credentials that stood in a URL: user and password, or a token alone."""

    user: str | None
    password: SecretStr | None
    token: SecretStr | None


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """One server's address."""

    scheme: str
    host: str
    port: int
    path: str = ""
    """Websocket only."""

    @property
    def url(self) -> str:
        """The URL, without credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    @property
    def is_websocket(self) -> bool:
        """Whether NATS is spoken over a websocket there."""
        return self.scheme in ("ws", "wss")

    @property
    def wants_tls(self) -> bool:
        """Whether the URL itself asks for TLS."""
        return self.scheme in ("tls", "wss")

    def __str__(self) -> str:
        return self.url


def parse_server(url: str, option: str = "servers") -> tuple[ServerAddress, UserInfo | None]:
    """Split a server URL into its address and the credentials in it.

    ``host``, ``host:port``, ``nats://``, ``tls://``, ``ws://`` and ``wss://`` are taken; the port defaults to 4222
    (80 and 443 for websockets).

    Raises:
        OptionError: the text is no server URL. The message never repeats credentials.
    """
    text = url.strip()
    accepted = "write nats://host:4222, tls://host:4222, ws://host:80 or wss://host:443"
    if "://" not in text:
        text = f"nats://{text}"
    shown = without_userinfo(text)
    if any(character.isspace() or not character.isprintable() for character in text):
        raise OptionError(option, f"holds {shown!r}, which has white space or control characters in it", accepted)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        host, colon, port_text = shown.rpartition(":")
        if not port_text.isdecimal() and not port_text.startswith("//"):
            # It may be the password of a URL that was cut off before its host.
            shown = f"{host}{colon}…"
        raise OptionError(option, f"holds {shown!r}, whose host or port is malformed", accepted) from None
    if "@" in parts.path + parts.query + parts.fragment:
        raise OptionError(
            option, f"holds {shown!r}, where an @ stands behind the host", "write / ? # of a password as %2F %3F %23"
        )
    if parts.scheme not in _DEFAULT_PORTS:
        raise OptionError(option, f"holds {shown!r}, whose scheme {parts.scheme!r} is unknown", accepted)
    if not parts.hostname:
        raise OptionError(option, f"holds {shown!r}, which names no host", accepted)
    if port == 0:
        raise OptionError(option, f"holds {shown!r}, whose port is 0", accepted)
    is_websocket = parts.scheme in ("ws", "wss")
    if not is_websocket and (parts.path.strip("/") or parts.query or parts.fragment):
        raise OptionError(option, f"holds {shown!r}, which has a path", accepted)
    path = parts.path.rstrip("/") + (f"?{parts.query}" if parts.query else "") if is_websocket else ""
    address = ServerAddress(parts.scheme, parts.hostname, port or _DEFAULT_PORTS[parts.scheme], path)
    if parts.username is None:
        return address, None
    name = unquote(parts.username)
    if parts.password is None:
        return address, UserInfo(None, None, SecretStr(name))
    return address, UserInfo(name, SecretStr(unquote(parts.password)), None)


def parse_servers(given: str | Iterable[str], option: str = "servers") -> list[tuple[ServerAddress, UserInfo | None]]:
    """Parse a pool, a list or a comma-separated text: at least one server, and not websocket beside TCP.

    Raises:
        OptionError: the pool is empty, mixed, or holds something that is no server URL.
    """
    if isinstance(given, str):
        urls: list[Any] = [url for url in given.split(",") if url.strip()]
    else:
        urls = list(given) if isinstance(given, Iterable) else [given]
    if not all(isinstance(url, str) for url in urls):
        raise OptionError(option, "holds something that is no text", "give a list of URLs")
    servers: dict[ServerAddress, UserInfo | None] = {}
    for url in urls:
        address, userinfo = parse_server(url, option)
        servers[address] = userinfo or servers.get(address)
    if not servers:
        raise OptionError(option, "is empty", "name at least one server, for example nats://127.0.0.1:4222")
    if len({address.is_websocket for address in servers}) > 1:
        raise OptionError(
            option,
            "mixes websocket with other URLs",
            "use either ws:// and wss:// or nats:// and tls:// for all servers",
        )
    return list(servers.items())


def parse_local_address(text: str) -> tuple[str, int]:
    """Split "address" or "address:port" (IPv6: "[address]:port") into an IP address and a port, 0 for any.

    Raises:
        OptionError: it is no IP address.
    """
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, ""
    try:
        address = ipaddress.ip_address(host)
        number = int(port or 0)
    except ValueError:
        number = -1
    if not 0 <= number < 1 << 16:
        raise OptionError(
            "local_address", f"is {text!r}", "give an IP address of this machine, such as 192.0.2.7 or [2001:db8::7]:0"
        )
    return str(address), number


def is_ip_address(host: str) -> bool:
    """Whether `host` is an IP address and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def without_userinfo(url: str) -> str:
    """Return what may be shown of a text that should be a server URL, but may be none."""
    scheme, separator, rest = url.partition("://")
    _, at, host = rest.rpartition("@")
    return f"{scheme}{separator}{host}" if not at or scheme.isalpha() else host


def url_with(address: ServerAddress, userinfo: UserInfo | None) -> str:
    """Return the URL of a server with the credentials in it, quoted. Never for the eye."""
    if userinfo is None:
        return address.url
    if userinfo.token is not None:
        login = quote(userinfo.token.get_secret_value(), safe="")
    else:
        password = userinfo.password.get_secret_value() if userinfo.password else ""
        login = f"{quote(userinfo.user or '', safe='')}:{quote(password, safe='')}"
    scheme, _, rest = address.url.partition("://")
    return f"{scheme}://{login}@{rest}"

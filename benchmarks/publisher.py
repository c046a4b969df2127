"""Publishes to a nats-server over a bare socket, faster than any client library: a process of its own.

Reads orders from standard input, one JSON object a line: a ``rate`` (messages a second; 0 for as fast as the server
takes them) and a ``count``, or ``seconds`` to publish for, or a ``text`` for one message. Answers each with JSON once
the server has processed them all: ``{"sent": …, "seconds": …}``. Ends with its standard input.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import time
from urllib.parse import urlsplit

PAYLOAD_BYTES = 128
VARIANTS = 4096
NEEDLE = "marzipan"
"""Stands in one message of NEEDLE_EVERY, for filters to find."""
NEEDLE_EVERY = 1024
_BURST = 0.002
_NAMES = ("Ada", "Grace", "Edsger", "Barbara", "Donald", "Leslie", "Tony", "Frances")
_KINDS = ("created", "paid", "packed", "shipped", "returned")


def payload(rng: random.Random, number: int) -> bytes:
    """A JSON object of exactly PAYLOAD_BYTES bytes, most of which differ from message to message."""
    fields = {
        "id": rng.randrange(10**6),
        "customer": rng.choice(_NAMES),
        "total": round(rng.uniform(1, 1000), 2),
        "note": NEEDLE if number % NEEDLE_EVERY == 0 else "",
    }
    text = json.dumps(fields)
    fields["note"] += "".join(rng.choices("abcdefghijklmnopqrstuvwxyz ", k=PAYLOAD_BYTES - len(text)))
    return json.dumps(fields).encode()


def lines(subject: str) -> list[bytes]:
    """The PUB commands that are sent round and round."""
    rng = random.Random(1)
    made = []
    for number in range(VARIANTS):
        body = payload(rng, number)
        made.append(b"PUB %b.%b %d\r\n%b\r\n" % (subject.encode(), rng.choice(_KINDS).encode(), len(body), body))
    return made


class Publisher:
    """A connection that only publishes."""

    def __init__(self, url: str, subject: str) -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname, address.port))
        self._answers = self._socket.makefile("rb")
        self._subject = subject.encode()
        self._lines = lines(subject)
        self._whole = b"".join(self._lines)
        self._next = 0
        self._answers.readline()
        self._socket.sendall(b'CONNECT {"verbose":false,"pedantic":false,"name":"benchmark"}\r\n')
        self._barrier()

    def _barrier(self) -> None:
        self._socket.sendall(b"PING\r\n")
        while not (answer := self._answers.readline()).startswith(b"PONG"):
            if not answer:
                raise ConnectionError("the server hung up on the publisher")
            if answer.startswith(b"PING"):
                self._socket.sendall(b"PONG\r\n")

    def _send(self, count: int) -> None:
        while count:
            if not self._next and count >= VARIANTS:
                self._socket.sendall(self._whole)
                count -= VARIANTS
                continue
            stop = min(VARIANTS, self._next + count)
            self._socket.sendall(b"".join(self._lines[self._next : stop]))
            count -= stop - self._next
            self._next = stop % VARIANTS

    def publish(self, rate: float, count: int) -> float:
        """Publish `count` messages at `rate` a second; return the seconds until the server had them all."""
        start = time.perf_counter()
        sent = 0
        while sent < count:
            due = count if not rate else min(count, int((time.perf_counter() - start) * rate) + 1)
            if due > sent:
                self._send(due - sent)
                sent = due
            if rate:
                time.sleep(_BURST)
        self._barrier()
        return time.perf_counter() - start

    def publish_text(self, text: str) -> float:
        """Publish one message with this payload; return the seconds until the server had it."""
        start = time.perf_counter()
        body = text.encode()
        self._socket.sendall(b"PUB %b.text %d\r\n%b\r\n" % (self._subject, len(body), body))
        self._barrier()
        return time.perf_counter() - start

    def publish_for(self, seconds: float) -> tuple[int, float]:
        """Publish as fast as the server takes it for about `seconds`; return how many, and the seconds it took."""
        start = time.perf_counter()
        sent = 0
        while time.perf_counter() - start < seconds:
            self._send(VARIANTS)
            sent += VARIANTS
        self._barrier()
        return sent, time.perf_counter() - start


def main(url: str, subject: str) -> None:
    """Obey the orders on standard input."""
    publisher = Publisher(url, subject)
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if "text" in order:
            sent, seconds = 1, publisher.publish_text(order["text"])
        elif "count" in order:
            sent, seconds = order["count"], publisher.publish(order["rate"], order["count"])
        else:
            sent, seconds = publisher.publish_for(order["seconds"])
        print(json.dumps({"sent": sent, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

"""Counters that add up across the clients of one managed connection."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Counted(Protocol):
    """What a client counts."""

    in_msgs: int
    out_msgs: int

    @property
    def bytes_in(self) -> int:
        """Bytes read from the network."""

    @property
    def bytes_out(self) -> int:
        """Bytes handed to the network."""


@dataclass(slots=True)
class Tally:
    """What earlier clients counted, and what no client can know."""

    opens: int = 0
    reconnects: int = 0
    in_msgs: int = 0
    out_msgs: int = 0
    in_bytes: int = 0
    out_bytes: int = 0
    dropped: int = 0
    last_in: datetime | None = None
    last_out: datetime | None = None

    def add(self, client: Counted) -> None:
        """Take over what a client counted."""
        self.in_msgs += client.in_msgs
        self.out_msgs += client.out_msgs
        self.in_bytes += client.bytes_in
        self.out_bytes += client.bytes_out

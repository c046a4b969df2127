"""What a panel keeps of the messages it received: bounded in number and bytes, counted exactly, read by absolute index.

Every entry, a message or a gap marker, has an absolute index that never changes and is never given again, so that a
view, a cursor or a filter can hold on to a message while older ones are dropped.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

Record: TypeAlias = tuple[bytes, bytes, bytes, bytes]
"""A message as the connection hands it over: subject, reply subject, payload and raw header block (b"" for none)."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A place in the sequence where messages may be missing."""

    text: str
    """What happened, in words: "offline 4.2 s: messages may be missing"."""

    at: float
    """When, in seconds since the epoch."""


Entry: TypeAlias = Record | Gap

DEFAULT_CAPACITY = 10_000
"""Entries kept by a ring unless told otherwise."""

DEFAULT_MAX_BYTES = 256 * 1024 * 1024
"""Bytes of messages kept by a ring unless told otherwise."""

# What a message occupies beside its own bytes: a tuple, four bytes objects and a slot.
_OVERHEAD = 200


class MessageSource(Protocol):
    """Messages that can be walked through one by one: a ring, a snapshot, or what a filter leaves of one."""

    def __getitem__(self, index: int) -> Entry:
        """The entry with that absolute index, or IndexError."""

    def time_of(self, index: int) -> float:
        """When it arrived, in seconds since the epoch, or IndexError."""

    def newer(self, index: int) -> int | None:
        """The absolute index of the next message, or None."""

    def older(self, index: int) -> int | None:
        """The absolute index of the message before, or None."""


class EntrySequence:
    """Entries with absolute indices from `first` up to, not including, `end`: what ring and snapshot share."""

    def __init__(self) -> None:
        self.first = 0
        """Absolute index of the oldest entry kept."""
        self.lost = 0
        """Messages before `first` that had to make room for newer ones since the last clear."""
        self.end = 0
        """Absolute index after the newest entry."""
        self._slots: list[Entry | None] = []
        self._base = 0
        # One row per chunk, from row _head on: absolute index of its first entry, and when it arrived.
        self._head = 0
        self._starts: list[int] = []
        self._times: list[float] = []

    def __len__(self) -> int:
        return self.end - self.first

    def __getitem__(self, index: int) -> Entry:
        """The entry with that absolute index.

        Raises:
            IndexError: it is not kept (any more).
        """
        if self.first <= index < self.end:
            entry = self._slots[index - self._base]
            if entry is not None:
                return entry
        raise IndexError(f"entry {index} is not kept: {self.first} to {self.end - 1} are")

    def __contains__(self, index: object) -> bool:
        return isinstance(index, int) and self.first <= index < self.end

    def __iter__(self) -> Iterator[Entry]:
        for index in range(self.first, self.end):
            if index >= self.first:
                yield self[index]

    def time_of(self, index: int) -> float:
        """When the entry with that absolute index arrived, in seconds since the epoch; one time per chunk.

        Raises:
            IndexError: it is not kept (any more).
        """
        if not self.first <= index < self.end:
            raise IndexError(f"entry {index} is not kept: {self.first} to {self.end - 1} are")
        return self._times[bisect_right(self._starts, index, self._head) - 1]

    def newer(self, index: int) -> int | None:
        """The absolute index of the next message after `index`, or None; gap markers are passed over."""
        for candidate in range(max(index + 1, self.first), self.end):
            if isinstance(self[candidate], tuple):
                return candidate
        return None

    def older(self, index: int) -> int | None:
        """The absolute index of the next message before `index`, or None; gap markers are passed over."""
        for candidate in range(min(index, self.end) - 1, self.first - 1, -1):
            if isinstance(self[candidate], tuple):
                return candidate
        return None

    def entries(self, start: int, stop: int) -> list[Entry]:
        """The entries kept with absolute indices from `start` up to, not including, `stop`, as a list of their own."""
        start, stop = max(start, self.first), min(stop, self.end)
        slots = self._slots[start - self._base : stop - self._base] if stop > start else []
        return [entry for entry in slots if entry is not None]


class MessageRing(EntrySequence):
    """The newest messages of a subscription, and where messages may be missing.

    Args:
        capacity: entries kept, at least 1.
        max_bytes: bytes of messages kept, with what Python adds to each; the newest message is kept whatever its size.
        clock: seconds since the epoch; read once per chunk.

    Raises:
        ValueError: `capacity` or `max_bytes` is less than 1.
    """

    def __init__(
        self,
        capacity: int = DEFAULT_CAPACITY,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self._capacity = _at_least_one("capacity", capacity)
        self._max_bytes = _at_least_one("max_bytes", max_bytes)
        self._clock = clock
        self._sizes: list[int] = []
        self._gaps: deque[int] = deque()
        self._held_bytes = 0
        self.received = 0
        """Messages ever received."""
        self.received_bytes = 0
        """Bytes of payloads and headers ever received."""
        self.dropped = 0
        """Messages that had to make room for newer ones."""
        self.cleared = 0
        """Messages taken out by `clear`."""

    @property
    def capacity(self) -> int:
        """Entries kept at most. Setting a smaller one drops the oldest at once."""
        return self._capacity

    @capacity.setter
    def capacity(self, capacity: int) -> None:
        self._capacity = _at_least_one("capacity", capacity)
        self._trim()

    @property
    def max_bytes(self) -> int:
        """Bytes kept at most. Setting a smaller one drops the oldest at once."""
        return self._max_bytes

    @max_bytes.setter
    def max_bytes(self, max_bytes: int) -> None:
        self._max_bytes = _at_least_one("max_bytes", max_bytes)
        self._trim()

    @property
    def kept(self) -> int:
        """Messages kept: received − dropped − cleared."""
        return self.end - self.first - len(self._gaps)

    @property
    def held_bytes(self) -> int:
        """Bytes that the kept messages occupy, roughly."""
        return self._held_bytes

    def extend(self, records: Sequence[Record], at: float | None = None) -> None:
        """Takes one chunk of messages, which arrived together at `at` (default: now). `records` itself is not kept."""
        count = len(records)
        if not count:
            return
        content = sum([len(payload) + len(headers) for _, _, payload, headers in records])
        # Subjects are short and alike; one stands for all of its chunk.
        size = content + (_OVERHEAD + len(records[0][0])) * count
        self._append(records, count, self._clock() if at is None else at, size)
        self.received += count
        self.received_bytes += content
        if self.end - self.first > self._capacity or self._held_bytes > self._max_bytes:
            self._trim()

    def mark_gap(self, text: str, at: float | None = None) -> None:
        """Says in the sequence that messages may be missing here, and why. Shown sanitised, never as markup."""
        moment = self._clock() if at is None else at
        self._gaps.append(self.end)
        self._append((Gap(text, moment),), 1, moment, _OVERHEAD)
        self._trim()

    def clear(self) -> None:
        """Forgets all entries kept. What was received and dropped stays counted, and absolute indices go on."""
        self.cleared += self.kept
        self.lost = 0
        self.first = self._base = self.end
        self._held_bytes = self._head = 0
        for chunks in (self._slots, self._starts, self._times, self._sizes):
            chunks.clear()
        self._gaps.clear()

    def snapshot(self) -> RingSnapshot:
        """The entries kept now, to be read at leisure while the ring goes on. Copies no payload."""
        return RingSnapshot(self)

    def _append(self, entries: Sequence[Entry], count: int, at: float, size: int) -> None:
        self._slots.extend(entries)
        self._starts.append(self.end)
        self._times.append(at)
        self._sizes.append(size)
        self._held_bytes += size
        self.end += count

    def _trim(self) -> None:
        first = max(self.first, self.end - self._capacity)
        held, chunk = self._held_bytes, self._head
        starts, sizes = self._starts, self._sizes
        # Whole chunks that are past the capacity, then as many more as the bytes ask for.
        while chunk + 1 < len(starts) and (starts[chunk + 1] <= first or held > self._max_bytes):
            held -= sizes[chunk]
            chunk += 1
            first = max(first, starts[chunk])
        if chunk > max(1024, len(starts) // 2):
            del starts[:chunk], self._times[:chunk], sizes[:chunk]
            chunk = 0
        self._head, self._held_bytes = chunk, held
        if held > self._max_bytes and self.end - first > 1:
            first = self._trim_within_chunk(first)
        self._drop_until(first)

    def _trim_within_chunk(self, first: int) -> int:
        """The first entry to keep of the only chunk left, which is larger than the budget."""
        held = 0
        for index in range(self.end - 1, first - 1, -1):
            held += _size(self._slots[index - self._base])
            if held > self._max_bytes and index < self.end - 1:
                break
            kept_from, kept_bytes = index, held
        self._sizes[self._head] = self._held_bytes = kept_bytes
        return kept_from

    def _drop_until(self, first: int) -> None:
        count = first - self.first
        if not count:
            return
        dropped = count
        while self._gaps and self._gaps[0] < first:
            self._gaps.popleft()
            dropped -= 1
        self.dropped += dropped
        self.lost += dropped
        # Emptying slots at once and moving the rest only now and then keeps memory exact and the cost per message flat.
        head = self.first - self._base
        if head + count > max(1024, len(self._slots) // 2):
            del self._slots[: head + count]
            self._base = first
        else:
            self._slots[head : head + count] = [None] * count
        self.first = first


class RingSnapshot(EntrySequence):
    """What a ring kept at one moment: the ground for a paused view. Holds its messages until it is let go."""

    def __init__(self, ring: MessageRing) -> None:
        super().__init__()
        self.first = self._base = ring.first
        self.end = ring.end
        self.lost = ring.lost
        self.kept = ring.kept
        """Messages among the entries."""
        self._slots = list(ring.entries(ring.first, ring.end))
        self._starts = ring._starts[ring._head :]
        self._times = ring._times[ring._head :]

    def extend_from(self, ring: MessageRing, limit: int) -> bool:
        """Adds what `ring` received since, as long as nothing between is lost and at most `limit` entries are held.

        Returns:
            Whether the snapshot now reaches up to the ring's end.
        """
        if ring.end == self.end:
            return True
        if ring.first > self.end or ring.end - self.first > limit:
            return False
        chunk = bisect_right(ring._starts, self.end, ring._head) - 1
        entries = ring.entries(self.end, ring.end)
        self.kept += sum(isinstance(entry, tuple) for entry in entries)
        self._slots.extend(entries)
        self._starts.extend(max(start, self.end) for start in ring._starts[chunk:])
        self._times.extend(ring._times[chunk:])
        self.end = ring.end
        return True


def _size(entry: Entry | None) -> int:
    return _OVERHEAD + (sum(map(len, entry)) if isinstance(entry, tuple) else 0)


def _at_least_one(name: str, value: int) -> int:
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}")
    return value

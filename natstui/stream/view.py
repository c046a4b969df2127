"""What a list of messages shows of a ring: followed or held, filtered or whole, with a cursor. Knows no screen."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from natstui.stream.filter import Filter
from natstui.stream.matches import Matches
from natstui.stream.ring import Entry, EntrySequence, MessageRing, MessageSource, Record, RingSnapshot


class MatchingMessages:
    """The messages that a filter lets through, as a source to walk through one by one."""

    def __init__(self, source: EntrySequence, matches: Matches) -> None:
        self._source = source
        self._matches = matches

    def __getitem__(self, index: int) -> Entry:
        return self._source[index]

    def time_of(self, index: int) -> float:
        """When the entry arrived, in seconds since the epoch, or IndexError."""
        return self._source.time_of(index)

    def newer(self, index: int) -> int | None:
        """The next message let through, or None."""
        return self._matches.newer(index)

    def older(self, index: int) -> int | None:
        """The message before that is let through, or None."""
        return self._matches.older(index)


class MessageView:
    """Rows over a ring.

    While it follows, the rows are the ring's and the cursor is on the newest. Held, the rows are a snapshot's: what is
    read stays where it is, and rows are only added at its end, as long as none between was lost and it is not paused.
    Where older messages are not kept any more, a row without an entry stands above the oldest one.
    """

    def __init__(self, ring: MessageRing) -> None:
        self.ring = ring
        self.following = True
        """Whether the newest row is in view and stays there."""
        self.paused = False
        """Whether the view was held by key, so that nothing is added either."""
        self.matches: Matches | None = None
        """What the filter or search found; None without one."""
        self.filtering = False
        """Whether only what was found is shown."""
        self._frozen: RingSnapshot | None = None
        self._received_when_held = 0
        self.anchor: int | None = None
        """The absolute index at which a selection of several rows began; None without one."""
        self.mark: tuple[int, float] | None = None
        """The absolute index of the marked message and when it arrived; it stays when the ring drops the message."""
        self._cursor = -1
        self._seen = (-1, -1)

    @property
    def source(self) -> MessageRing | RingSnapshot:
        """Where entries are read: the ring while following, else a snapshot of it."""
        return self.ring if self._frozen is None else self._frozen

    @property
    def new_count(self) -> int:
        """Messages received since the view is held; 0 while it follows."""
        return 0 if self.following else self.ring.received - self._received_when_held

    def walk(self) -> MessageSource:
        """The messages shown, to be walked through one by one."""
        if self.filtering and self.matches is not None:
            return MatchingMessages(self.source, self.matches)
        return self.source

    # Rows

    @property
    def lead(self) -> int:
        """Rows above the oldest entry: 1 where older messages are not kept any more, else 0."""
        return 1 if self.source.lost and self._entries else 0

    @property
    def _entries(self) -> int:
        return len(self.matches) if self.filtering and self.matches is not None else len(self.source)

    def __len__(self) -> int:
        return self._entries + self.lead

    def index_at(self, row: int) -> int | None:
        """The absolute index of the entry in that row, or None."""
        row -= self.lead
        if not 0 <= row < self._entries:
            return None
        if self.filtering and self.matches is not None:
            index = self.matches[row]
            return index if index in self.source else None
        return self.source.first + row

    def row_of(self, index: int) -> int:
        """The row of that entry, or of the next one shown."""
        if self.filtering and self.matches is not None:
            return self.matches.row_of(index) + self.lead
        return index - self.source.first + self.lead

    @property
    def cursor(self) -> int | None:
        """The absolute index of the chosen entry: the newest while following, None where nothing is shown."""
        rows = len(self)
        if not rows:
            return None
        row = rows - 1 if self.following else min(max(self.row_of(self._cursor), self.lead), rows - 1)
        return self.index_at(row)

    def choose(self, index: int) -> None:
        """Puts the cursor on an entry; counts only while held."""
        self._cursor = index

    def chosen(self) -> tuple[int, Record] | None:
        """The message under the cursor with its absolute index; None where there is none or a gap marker is."""
        index = self.cursor
        entry = self.source[index] if index is not None else None
        return (index, entry) if index is not None and isinstance(entry, tuple) else None

    # Several rows

    @property
    def selected_range(self) -> tuple[int, int] | None:
        """The lowest and highest absolute index selected; None without a selection."""
        cursor, anchor = self.cursor, self.anchor
        if cursor is None or anchor is None:
            return None
        return min(anchor, cursor), max(anchor, cursor)

    def selected(self) -> list[tuple[int, Record]]:
        """The messages selected, oldest first, with their absolute indices; only the chosen one without a selection."""
        span = self.selected_range
        if span is None:
            return [chosen] if (chosen := self.chosen()) else []
        return self.messages(*span)

    def messages(self, first: int, last: int) -> list[tuple[int, Record]]:
        """The messages shown from absolute index `first` to `last`, gap markers aside."""
        source, shown = self.source, self.shown()
        entries = ((index, source[index]) for index in shown[bisect_left(shown, first) : bisect_right(shown, last)])
        return [(index, entry) for index, entry in entries if isinstance(entry, tuple)]

    def shown(self) -> Sequence[int]:
        """The absolute indices of all that is shown, oldest first."""
        if self.filtering and self.matches is not None:
            return [index for index in self.matches.indices() if index in self.source]
        return range(self.source.first, self.source.end)

    # Following

    def refresh(self) -> bool:
        """Takes in what the ring received. Returns whether there may be other rows than before."""
        ring, frozen = self.ring, self._frozen
        if (ring.first, ring.end) == self._seen:
            return False
        self._seen = (ring.first, ring.end)
        if frozen is None:
            return True
        end = frozen.end
        if not self.paused:
            frozen.extend_from(ring, 2 * ring.capacity)
        return frozen.end != end

    def hold(self, *, paused: bool = False) -> bool:
        """Keeps the rows as they are. Returns whether that is a change."""
        if not self.following and self.paused >= paused:
            return False
        if self._frozen is None:
            self._cursor = -1 if (cursor := self.cursor) is None else cursor
            self._frozen = self.ring.snapshot()
            self._received_when_held = self.ring.received
        self.following, self.paused = False, self.paused or paused
        return True

    def follow(self) -> bool:
        """Shows the newest again. Returns whether that is a change."""
        changed = not self.following
        self._frozen = self.anchor = None
        self.following, self.paused = True, False
        return changed

    # Filter and search

    def look_for(self, wanted: Filter | None, *, filtering: bool) -> None:
        """Shows only what `wanted` lets through (`filtering`), or finds it among all rows; None shows all again."""
        cursor = self.cursor
        if cursor is not None and not self.following:
            self._cursor = cursor
        self.filtering = filtering and wanted is not None
        self.matches = None if wanted is None else Matches(wanted, gaps=self.filtering)

    def scan(self, budget: float) -> bool:
        """Looks for about `budget` seconds at what was not looked at yet. Returns whether there are other findings."""
        return self.matches.scan(self.source, budget) if self.matches is not None else False

    @property
    def pending(self) -> int:
        """Entries that were not looked at yet."""
        return self.matches.pending(self.source) if self.matches is not None else 0

    def next_found(self, step: int) -> int | None:
        """The absolute index of the next (1) or previous (−1) finding from the cursor, going round at the ends."""
        matches, cursor = self.matches, self.cursor
        if matches is None or not len(matches):
            return None
        at = self.source.end if cursor is None else cursor
        found = matches.newer(at) if step > 0 else matches.older(at)
        if found is None:
            found = matches.newer(-1) if step > 0 else matches.older(self.source.end)
        return found

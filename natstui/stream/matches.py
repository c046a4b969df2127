"""Which of the kept messages a filter lets through: found little by little, newest first, kept up as more arrive."""

from __future__ import annotations

import time
from collections.abc import Callable

from natstui.stream.filter import Filter
from natstui.stream.ring import Entry, EntrySequence
from natstui.stream.terms import PATTERN_SECONDS, PatternTooSlow

SLOW_MESSAGES = 3
"""A filter is given up once its pattern took too long over this many messages."""

_STRIDE = 64
_LARGE = 4096


class Matches:
    """The absolute indices of what a filter lets through, oldest first.

    Args:
        filter: what to look for.
        gaps: whether gap markers are let through as well, so that a filtered view hides none.
        clock: monotonic seconds, for the budget of a step.
    """

    def __init__(self, filter: Filter, *, gaps: bool = False, clock: Callable[[], float] = time.perf_counter) -> None:
        self.filter = filter
        """What is looked for."""
        self.problem = ""
        """Why the filter was given up, in one sentence; empty while it works."""
        self.examined = 0
        """Messages looked at so far."""
        self._with_gaps = gaps
        self._clock = clock
        self._slow = 0
        self._begin_at(-1)

    def _begin_at(self, index: int) -> None:
        # _older was found going down from `index`, so its last is the oldest; _newer going up. Of _newer, the first
        # _gone have been dropped by the source.
        self._older: list[int] = []
        self._newer: list[int] = []
        self._gone = 0
        self._gaps: set[int] = set()
        self._low = self._high = index

    def __len__(self) -> int:
        return len(self._older) + len(self._newer) - self._gone

    def __getitem__(self, row: int) -> int:
        """The absolute index in that row, the oldest being 0. Raises IndexError."""
        if not 0 <= row < len(self):
            raise IndexError(row)
        older = len(self._older)
        return self._older[older - 1 - row] if row < older else self._newer[row - older + self._gone]

    def indices(self) -> list[int]:
        """All absolute indices, the oldest first."""
        return [*reversed(self._older), *self._newer[self._gone :]]

    @property
    def count(self) -> int:
        """Messages let through, gap markers aside."""
        return len(self) - len(self._gaps)

    def row_of(self, index: int) -> int:
        """The row of an absolute index, or the row of the next larger one."""
        below, above = 0, len(self)
        while below < above:
            middle = (below + above) // 2
            if self[middle] < index:
                below = middle + 1
            else:
                above = middle
        return below

    def newer(self, index: int) -> int | None:
        """The next message let through after `index`, or None."""
        for row in range(self.row_of(index + 1), len(self)):
            if self[row] not in self._gaps:
                return self[row]
        return None

    def older(self, index: int) -> int | None:
        """The next message let through before `index`, or None."""
        for row in range(self.row_of(index) - 1, -1, -1):
            if self[row] not in self._gaps:
                return self[row]
        return None

    def pending(self, source: EntrySequence) -> int:
        """Entries of `source` not looked at yet."""
        if self.problem:
            return 0
        if self._high < source.first or self._low < 0:
            return len(source)
        return max(0, source.end - self._high) + max(0, self._low - source.first)

    def scan(self, source: EntrySequence, budget: float) -> bool:
        """Looks at entries of `source` for about `budget` seconds: those that arrived since, then ever older ones.

        Returns:
            Whether the rows are others than before.
        """
        deadline = self._clock() + budget
        changed = self._forget_dropped(source)
        while not self.problem:
            if self._high < source.end:
                stop = min(self._high + _STRIDE, source.end)
                changed |= self._look(self._high, source.entries(self._high, stop), 1, self._newer, deadline)
            elif self._low > source.first:
                start = max(self._low - _STRIDE, source.first)
                entries = source.entries(start, self._low)[::-1]
                changed |= self._look(self._low - 1, entries, -1, self._older, deadline)
            else:
                break
            if self._clock() >= deadline:
                break
        return changed

    def _look(self, index: int, entries: list[Entry], step: int, found: list[int], deadline: float) -> bool:
        matches, before = self.filter.matches, len(found)
        if self.filter.rules_out(entries):
            self.examined += len(entries)
            index += step * len(entries)
            entries = []
        for entry in entries:
            if isinstance(entry, tuple):
                self.examined += 1
                try:
                    if matches(entry):
                        found.append(index)
                except PatternTooSlow:
                    self._note_slow()
                    if self.problem:
                        break
            elif self._with_gaps:
                found.append(index)
                self._gaps.add(index)
            index += step
            if isinstance(entry, tuple) and len(entry[2]) > _LARGE and self._clock() >= deadline:
                break
        if step > 0:
            self._high = index
        else:
            self._low = index + 1
        return len(found) > before

    def _note_slow(self) -> None:
        self._slow += 1
        if self._slow >= SLOW_MESSAGES:
            self.problem = (
                f"The pattern took over {PATTERN_SECONDS * 1000:.0f} ms on {self._slow} messages and was stopped: "
                "make it simpler."
            )

    def _forget_dropped(self, source: EntrySequence) -> bool:
        if self._low < 0 or self._high < source.first:
            changed = len(self) > 0
            self._begin_at(source.end)
            return changed
        before, first = len(self), source.first
        while self._older and self._older[-1] < first:
            self._gaps.discard(self._older.pop())
        while not self._older and self._gone < len(self._newer) and self._newer[self._gone] < first:
            self._gaps.discard(self._newer[self._gone])
            self._gone += 1
        if self._gone > max(1024, len(self._newer) // 2):
            del self._newer[: self._gone]
            self._gone = 0
        self._low = max(self._low, first)
        return len(self) != before

"""What a person sees on a terminal."""

from __future__ import annotations

import pyte

from tests.terminals import Terminal
from tests.waiting import until, until_sync

PATIENCE = 30.0
ATTRIBUTES = ("reverse", "bold", "underscore")


class Display:
    """A terminal's screen, as what was written to it makes it; `since` leaves out what was written before."""

    def __init__(self, terminal: Terminal, *, columns: int = 120, rows: int = 40, since: int = 0) -> None:
        self._terminal = terminal
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._fed = since
        self._text = "\n".join(self._screen.display)
        self._focus = ""

    def text(self) -> str:
        """The whole screen, line by line."""
        output = self._terminal.output
        # Reading the screen takes 2 ms, and it is asked for every 10 ms.
        if len(output) > self._fed:
            self._stream.feed(output[self._fed :])
            self._fed = len(output)
            self._text = "\n".join(self._screen.display)
            self._focus = self._find_focus()
        return self._text

    def looks(self, words: str) -> list[set[str]]:
        """For each place where the words are: what all their cells have of "reverse", "bold", "underscore"."""
        found = []
        for y, line in enumerate(self.text().splitlines()):
            x = line.find(words)
            while x >= 0:
                cells = [self._screen.buffer[y][x + cell] for cell in range(len(words))]
                found.append({name for name in ATTRIBUTES if all(getattr(cell, name) for cell in cells)})
                x = line.find(words, x + 1)
        return found

    def focus(self) -> str:
        """Without colours, what has the focus: what is shown bold and in reverse video."""
        self.text()
        return self._focus

    def _find_focus(self) -> str:
        cells = (self._screen.buffer[y][x] for y in range(self._screen.lines) for x in range(self._screen.columns))
        return "".join(cell.data for cell in cells if cell.reverse and cell.bold).strip()

    async def shows(self, words: str) -> None:
        """Wait until the words are on the screen."""
        await until(lambda: words in self.text(), PATIENCE, f"the screen shows {words!r}")

    def shows_soon(self, words: str) -> None:
        """`shows` for tests without an event loop."""
        until_sync(lambda: words in self.text(), PATIENCE, f"the screen shows {words!r}")

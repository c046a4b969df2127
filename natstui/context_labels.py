"""How a nats context is told apart: its name, and a colour that is the same in every run."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

COLOURS = {
    "red": "$error",
    "green": "$success",
    "yellow": "$warning",
    "blue": "$primary",
    "magenta": "$secondary",
    "cyan": "#1b8794",
}
"""The colours of the nats CLI's schemes → those of the theme."""


@dataclass(frozen=True, slots=True)
class ContextLabel:
    """A context as panels show it."""

    name: str = ""
    """Empty for a connection that comes from no context; untrusted, as it is a file's name."""
    color_scheme: str = ""
    """The context's own hint, such as "red"; schemes that name no colour leave it to the name."""
    is_production: bool = False

    @property
    def words(self) -> str:
        """The name, or words for none; production is said before it."""
        name = self.name or "no context"
        return f"PRODUCTION {name}" if self.is_production else name

    @property
    def brief(self) -> str:
        """The same in less room."""
        return self.words.replace("PRODUCTION ", "PROD ", 1) if self.is_production else self.words

    @property
    def style(self) -> str:
        """The style of a badge with the name, for `textual.content.Content`."""
        return f"bold $background on {self.colour}" if self.name or self.is_production else "$text-muted"

    @property
    def colour(self) -> str:
        """From the scheme where it names a colour, else from the name: the same in every run; production is red."""
        if self.is_production:
            return COLOURS["red"]
        scheme = self.color_scheme.casefold()
        named = next((colour for word, colour in COLOURS.items() if word in scheme), None)
        return named or list(COLOURS.values())[crc32(self.name.encode("utf-8", "replace")) % len(COLOURS)]


NO_CONTEXT = ContextLabel()

"""A sentence of a panel to its reader, shown only while there is something to say."""

from __future__ import annotations

from textual.widgets import Static

from natstui.stream.sanitise import sanitise


class Notice(Static):
    """One sentence: what is wrong and what to do, or what to know."""

    KINDS = ("bad", "warning", "plain")

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", markup=False, id=id)
        self.sentence = ""

    def say(self, sentence: str, kind: str = "bad") -> None:
        """Show a sentence, sanitised; an empty one takes the notice away."""
        self.sentence = sanitise(" ".join(sentence.split()))
        self.set_class(bool(self.sentence), "-shown")
        for name in self.KINDS:
            self.set_class(name == kind, f"-{name}")
        self.update(self.sentence)

    def clear(self) -> None:
        """Take the sentence away."""
        if self.sentence:
            self.say("")

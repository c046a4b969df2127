"""When Python looks for garbage: not during the start, and from then on only among what has come since.

A full collection walks every object there is. Once Textual is loaded these are 100,000 that never go, and 60 ms in
which no key is answered; during the start such walks take a sixth of the time.
"""

from __future__ import annotations

import gc


def hold() -> None:
    """Collect nothing for now."""
    gc.disable()


def settle() -> None:
    """Collect again, but never look at what there is by now."""
    gc.freeze()
    gc.enable()

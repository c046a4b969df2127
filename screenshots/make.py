"""Draw the screenshots of the README: SVG and PNG, over a fake connection and a clock that stands still.

    python screenshots/make.py [NAME ...]

Needs the extra `screenshots` and the font Fira Code.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
from pathlib import Path

os.environ["COLORTERM"] = "truecolor"
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

SHOTS = {
    "dashboard": ("dashboard", (120, 40)),
    "narrow": ("dashboard", (80, 24)),
    "connections": ("connections", (120, 40)),
    "events": ("events", (120, 30)),
    "message-detail": ("detail", (100, 26)),
    "fault-drill": ("drill-verdict", (100, 30)),
    "help": ("help", (120, 40)),
    "connect-dialog": ("connect", (100, 30)),
    "failed-start": ("failed-start", (100, 26)),
}
"""Each picture's scene, and its size in cells."""

_WEB_FONTS = re.compile(r"@font-face\s*\{.*?\}", re.DOTALL)


async def draw(name: str) -> str:
    """Play a scene and return what it looks like as SVG."""
    from textual.widgets import Input, TextArea

    from tests.scenes import SCENES, scenery_of

    Input._toggle_cursor = lambda self: None  # type: ignore[method-assign]
    TextArea._toggle_cursor_blink_visible = lambda self: None  # type: ignore[method-assign]
    scene, size = SHOTS[name]
    play = SCENES[scene]
    scenery = scenery_of(play)
    async with scenery.app.run_test(size=size) as pilot:
        await play(scenery, pilot)
        svg = scenery.app.export_screenshot(title="natstui", simplify=True)
    # The picture names the font; it does not have readers fetch it from elsewhere.
    return _WEB_FONTS.sub("", svg).replace("Fira Code, monospace", "'Fira Code', monospace")


def picture(svg: str) -> bytes:
    """The SVG as PNG."""
    import resvg_py

    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg,
            font_family="Fira Code",
            monospace_family="Fira Code",
            sans_serif_family="DejaVu Sans",
            serif_family="DejaVu Sans",
        )
    )


def main(names: list[str]) -> int:
    """Draw the pictures of these names, or all."""
    unknown = [name for name in names if name not in SHOTS]
    if unknown:
        print(f"There is no picture {unknown[0]!r}; there are {', '.join(SHOTS)}.", file=sys.stderr)
        return 2
    os.environ["TZ"] = "UTC"
    time.tzset()
    with tempfile.TemporaryDirectory() as home:
        os.environ["XDG_STATE_HOME"] = os.environ["XDG_CONFIG_HOME"] = home
        for name in names or SHOTS:
            svg = asyncio.run(draw(name))
            (HERE / f"{name}.svg").write_text(svg, encoding="utf-8")
            (HERE / f"{name}.png").write_bytes(picture(svg))
            print(f"{name}: {len(svg) // 1024} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

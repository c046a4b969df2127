"""A panel that is closed: Textual may paint what was in it once more before everything is placed anew."""

from __future__ import annotations

import pytest
from textual.geometry import Region
from textual.widget import Widget

from natstui.launch import PANEL_KINDS
from natstui.panels.subscribe import SubscribePanel
from tests.dashboards import SIZE, make_app

CROP = Region(0, 0, 20, 2)


@pytest.mark.parametrize("kind", PANEL_KINDS)
async def test_what_was_in_a_closed_panel_can_be_painted_once_more(kind: str) -> None:
    app = make_app("nats://127.0.0.1:9", kind)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        panel = app.dashboard.panels[0]
        if isinstance(panel, SubscribePanel):
            panel.ring.extend([(b"orders.new", b"", b'{"id": 1}', b"")])
            panel.refresh_body()
        inside = [widget for widget in panel.walk_children(Widget) if widget.region]
        assert len(inside) > 5
        await panel.remove()
        for widget in inside:
            widget.notify_style_update()
            assert len(widget.render_lines(CROP)) == CROP.height

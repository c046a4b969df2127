"""The palette stands whatever keys come."""

from __future__ import annotations

from natstui.screens.help import HelpScreen
from natstui.screens.palette import Palette
from tests.dashboards import SIZE, make_app, type_text
from tests.servers import NatsServer
from tests.waiting import until


async def test_page_keys_do_no_harm_while_nothing_is_found(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+p")
        await until(lambda: isinstance(app.screen, Palette))
        await type_text(pilot, "nothing is called so")
        await pilot.press("pagedown", "pageup", "down", "up", "home", "end", "pagedown")
        await pilot.press("escape")
        await until(lambda: app.screen is app.dashboard)


async def test_there_is_one_palette_at_most(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+p")
        await until(lambda: isinstance(app.screen, Palette))
        await pilot.press("f1")
        await until(lambda: isinstance(app.screen, HelpScreen))
        await pilot.press("ctrl+p", "ctrl+p")
        assert sum(isinstance(screen, Palette) for screen in app.screen_stack) == 1

"""How soon a silent server is noticed, and how soon a sleeping connection works: `python -m benchmarks.liveness`.

Over real nats-servers on loopback. README.md says what the lines mean.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from natstui.connection import ConnectionManager, ConnectOptions, Outcome
from tests.certificates import CertificateAuthority
from tests.connection.silence import CASES, silent_server
from tests.faults import Proxy
from tests.servers import NatsServer

INTERVAL = 0.5
ALLOWED = 2
USES = 50


def row(name: str, values: Sequence[float], unit: str, note: str = "") -> str:
    """One line of the table: least, middle and most of the values."""
    figures = "".join(f"{figure:10.2f}" for figure in (min(values), statistics.median(values), max(values)))
    return f"{name:<44}{figures} {unit:<3} {note}".rstrip()


async def seconds_to_disconnected(case: str, runs: int, authority: CertificateAuthority) -> list[float]:
    """From the silence to the listener that hears `Disconnected`; the silence begins at another phase in each run."""
    taken = []
    for run in range(runs):
        async with (
            ConnectionManager() as manager,
            silent_server(case, manager, authority, INTERVAL, ALLOWED) as server,
        ):
            longest, _ = await server.noticed(phase=(run + 0.5) / runs)
            taken.append(longest)
    return taken


async def milliseconds_to_confirmed(runs: int, authority: CertificateAuthority | None) -> list[float]:
    """From the first use of a sleeping connection to the server's confirmation of it, TCP and handshake included."""
    taken = []
    tls = authority.server() if authority else None
    options = {"root_certificates": authority.certificate} if authority else {}
    with NatsServer(tls=tls) as server:
        async with ConnectionManager() as manager:
            connection = manager.add(ConnectOptions(servers=server.url, **options))
            await connection.subscribe("orders.>", batch=lambda _records: None)
            for _ in range(runs):
                await connection.sleep()
                outcome = await connection.publish_confirmed("orders.new", b"{}")
                assert outcome.outcome is Outcome.CONFIRMED, outcome
                taken.append(outcome.elapsed * 1000)
    return taken


async def connections_made(runs: int) -> list[float]:
    """TCP connections that a counting proxy saw for uses at once of a sleeping connection, publishes to flushes."""
    made = []
    with NatsServer() as server:
        async with Proxy(server.url) as proxy, ConnectionManager() as manager:
            connection = manager.add(ConnectOptions(servers=proxy.url))
            await connection.open()
            for _ in range(runs):
                await connection.sleep()
                before = proxy.accepted
                uses = [
                    (
                        connection.publish("orders.new", b"{}"),
                        connection.publish_confirmed("orders.new", b"{}"),
                        connection.flush(),
                        connection.subscribe("orders.>", batch=lambda _records: None, max_msgs=1),
                        connection.open(),
                    )
                    for _ in range(USES // 5)
                ]
                await asyncio.gather(*(use for group in uses for use in group))
                made.append(float(proxy.accepted - before))
    return made


async def main(runs: int) -> None:
    """Print the table."""
    bound = f"bound {ALLOWED * INTERVAL:.2f} to {(ALLOWED + 1) * INTERVAL:.2f}"
    with tempfile.TemporaryDirectory() as directory:
        authority = CertificateAuthority(Path(directory) / "ca")
        print(f"{'':<44}{'min':>10}{'median':>10}{'max':>10}")
        print(f"Server silent to Disconnected, I = {INTERVAL:g} s, N = {ALLOWED}, {runs} runs each")
        for case in CASES:
            print(row(f"  {case}", await seconds_to_disconnected(case, runs, authority), "s", bound), flush=True)
        print(f"First use of a sleeping connection to confirmed, {runs * 10} runs")
        print(row("  plain", await milliseconds_to_confirmed(runs * 10, None), "ms"))
        print(row("  TLS", await milliseconds_to_confirmed(runs * 10, authority), "ms"))
        print(f"{USES} uses at once of a sleeping connection, {runs} runs")
        print(row("  TCP connections made", await connections_made(runs), ""))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, help="runs of each measurement (default 7)")
    asyncio.run(main(parser.parse_args().runs))

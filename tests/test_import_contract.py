"""Which room may import which."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_the_import_contract_holds() -> None:
    result = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("module", ["natstui.connection", "natstui.stream"])
def test_the_connection_and_the_stream_are_used_without_a_screen(module: str) -> None:
    code = f"import {module}, sys; print([name for name in sys.modules if name.split('.')[0] in ('textual', 'rich')])"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_version_and_help_start_neither_screen_nor_client() -> None:
    code = (
        "import sys\nfrom natstui.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([name for name in sys.modules if name in ('textual', 'nats')], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stderr.strip().splitlines()[-1] == "[]"


def test_nats_pys_private_names_are_touched_in_two_files_only() -> None:
    import nats.aio.client
    import nats.aio.transport

    client = nats.aio.client.Client()
    names = {
        name
        for owner in (client, nats.aio.transport.TcpTransport())
        for name in dir(owner)
        if re.fullmatch(r"_[a-z]\w+", name)
    }
    assert "_ps" in names
    pattern = re.compile(r"\b(?:client|link|nc|_client|_link|transport)\.(" + "|".join(map(re.escape, names)) + r")\b")
    allowed = {"client.py", "transport.py"}
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in (ROOT / "natstui").rglob("*.py")
        if path.name not in allowed or path.parent.name != "connection"
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []

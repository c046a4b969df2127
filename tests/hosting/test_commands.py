"""What each hosted session is started with."""

from __future__ import annotations

from pathlib import Path

import pytest

from natstui.arguments import parse_arguments
from natstui.hosting.commands import HostingError, _checked_session


@pytest.mark.parametrize("form", [["ops.toml"], ["--workspace=ops.toml"], ["--workspace", "ops.toml"]])
def test_a_workspace_is_found_from_the_directory_of_a_session(
    form: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ops.toml").write_text('[[panels]]\nkind = "publish"\n')
    session = _checked_session(parse_arguments(["serve", "--", "--read-only", *form]))
    assert session[0] == "--read-only" and parse_arguments(session).workspace == str(tmp_path / "ops.toml")


@pytest.mark.parametrize(("content", "said"), [(None, "there is no workspace"), ("layout = 5", "line 1")])
def test_a_workspace_that_no_session_could_open_is_refused_at_the_start(
    content: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "ops.toml").write_text(content)
    with pytest.raises(HostingError, match=said):
        _checked_session(parse_arguments(["serve", "--", "ops.toml"]))

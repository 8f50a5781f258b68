from __future__ import annotations

from pathlib import Path

import pytest

from helm.dashboards import generate
from helm.dashboards.generate import DASHBOARDS, main, stale_files


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(generate, "FILES", tmp_path)
    return tmp_path


def test_the_files_of_the_chart_are_up_to_date() -> None:
    main(["--check"])


def test_files_that_are_missing_changed_or_left_over_are_stale(tmp_path: Path) -> None:
    for name, text in (("same.json", "1"), ("changed.json", "1"), ("left.json", "1"), ("alerts.yaml", "1")):
        (tmp_path / name).write_text(text)
    fresh = {"same.json": "1", "changed.json": "2", "missing.json": "1"}
    assert stale_files(tmp_path, fresh) == ["changed.json", "left.json", "missing.json"]


def test_checking_names_what_is_stale_and_changes_nothing(folder: Path) -> None:
    (folder / "old.json").write_text("{}")
    with pytest.raises(SystemExit, match=r"cluster.json node.json old.json overview.json storage.json"):
        main(["--check"])
    assert [path.name for path in folder.iterdir()] == ["old.json"]


def test_generating_writes_what_is_missing_and_removes_what_is_left_over(folder: Path) -> None:
    (folder / "old.json").write_text("{}")
    main([])
    assert {path.stem for path in folder.iterdir()} == {dashboard.name for dashboard in DASHBOARDS}
    main(["--check"])

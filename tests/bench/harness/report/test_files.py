"""The files of a report: all three or none, and whole whenever anybody looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.harness.report.files import write_report
from bench.harness.results import from_json
from bench.harness.targets import Targets
from tests.support.bench_results import bench_run, row

RUN = bench_run(row(), measures={"ringward: start to ready, s": 1.0})
NAMES = ["report.html", "report.md", "results.json"]


def test_a_report_is_three_files_in_a_folder_made_for_them(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    write_report(RUN, Targets(), folder)
    assert sorted(path.name for path in folder.iterdir()) == NAMES
    assert from_json((folder / "results.json").read_text(encoding="utf-8")) == RUN
    assert (folder / "report.md").read_text(encoding="utf-8").startswith("# Ringward benchmarks\n")
    assert (folder / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_later_report_takes_the_place_of_the_earlier_and_leaves_other_files_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    write_report(RUN, Targets(), tmp_path)
    write_report(bench_run(row("another")), Targets(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*NAMES, "notes.txt"])
    assert "another" in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_report(RUN, Targets(), tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in NAMES}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(bench_run(row("another")), Targets(), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        write_report(RUN, Targets(), tmp_path / "file")

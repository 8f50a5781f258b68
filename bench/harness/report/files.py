"""The files of a report."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.harness.report.contents import document
from bench.harness.report.markdown import markdown
from bench.harness.report.page import page
from bench.harness.results import BenchRun, to_json
from bench.harness.targets import Targets


def write_report(run: BenchRun, targets: Targets, folder: Path) -> None:
    """``results.json``, ``report.md`` and ``report.html`` in a folder, which is made if need be.

    All are written before the first takes its name, so that what stood there stays whole until the new is, and none is
    ever seen half written. Raises OSError.
    """
    report = document(run, targets)
    _write_all(folder, {"results.json": to_json(run), "report.md": markdown(report), "report.html": page(report)})


def _write_all(folder: Path, texts: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".report-", dir=folder) as beside:
        for name, text in texts.items():
            Path(beside, name).write_text(text, encoding="utf-8")
        for name in texts:
            Path(beside, name).replace(folder / name)

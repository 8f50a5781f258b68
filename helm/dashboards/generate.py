"""Generates the dashboards of the chart, which the compose file shows too, from what is written in this package.

python -m helm.dashboards.generate             writes helm/ringward/files/dashboards/*.json
python -m helm.dashboards.generate --check     writes nothing; exits 1 and names files that are not what it would write
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from helm.dashboards.cluster import CLUSTER
from helm.dashboards.drawing import draw
from helm.dashboards.node import NODE
from helm.dashboards.overview import OVERVIEW
from helm.dashboards.storage import STORAGE

DASHBOARDS = (OVERVIEW, CLUSTER, STORAGE, NODE)
FILES = Path(__file__).parents[1] / "ringward" / "files" / "dashboards"


def main(arguments: list[str] | None = None) -> None:
    """Run the command line at the top of this file. Raises SystemExit for stale files."""
    parser = argparse.ArgumentParser(prog="python -m helm.dashboards.generate", description="Generate the dashboards.")
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 if a file is not up to date")
    check = parser.parse_args(arguments).check
    fresh = {f"{dashboard.name}.json": draw(dashboard) for dashboard in DASHBOARDS}
    stale = stale_files(FILES, fresh)
    if check and stale:
        sys.exit("not up to date, run python -m helm.dashboards.generate: " + " ".join(stale))
    for name in stale:
        if name in fresh:
            (FILES / name).write_text(fresh[name], encoding="utf-8")
        else:
            (FILES / name).unlink()


def stale_files(folder: Path, fresh: dict[str, str]) -> list[str]:
    """The names of files in the folder that differ from the fresh ones: changed, missing or left over."""
    here = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in here.keys() | fresh.keys() if here.get(name) != fresh.get(name))


if __name__ == "__main__":
    main()

"""``python -m helm.generate``: the chart's values.schema.json and the tables in its README.md, from values.yaml.

With ``--check`` nothing is written, and the exit code tells whether something would be.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from helm import values_file
from helm.schema import schema_of
from helm.values_file import Entry

CHART = values_file.PATH.parent


def generated() -> dict[Path, str]:
    """Each generated file with what it should hold."""
    entries = values_file.entries(values_file.PATH.read_text(encoding="utf-8"))
    readme = (CHART / "README.md").read_text(encoding="utf-8")
    sizes = (CHART / "templates" / "_sizes.tpl").read_text(encoding="utf-8")
    readme = _filled(readme, "sizes", sizes_table(sizes))
    return {
        CHART / "values.schema.json": json.dumps(schema_of(entries), indent=2, ensure_ascii=False) + "\n",
        CHART / "README.md": _filled(readme, "values", values_table(entries)),
    }


def values_table(entries: list[Entry]) -> str:
    """All values with default and meaning; a section that has a comment stands before its values."""
    rows = ["| value | default | meaning |", "|--|--|--|"]
    for entry in entries:
        if entry.comment:
            default = "" if entry.is_section else f"`{_flow(entry.default)}`"
            rows.append(f"| `{entry.key}` | {_cell(default)} | {_cell(entry.comment)} |")
    return "\n".join(rows)


def sizes_table(template: str) -> str:
    """The sizes, as the template has them."""
    body = re.search(r'define "ringward\.sizes" -}}\n(.*?){{- end }}', template, re.DOTALL)
    if body is None:
        raise ValueError("the template has no sizes")
    rows = ["| size | CPU | memory | cached answers | in | connections per database server |", "|--|--|--|--|--|--|"]
    for name, size in yaml.safe_load(body[1]).items():
        asked, cache = size["resources"]["requests"], size["cache"]
        cells = (asked["cpu"], asked["memory"], cache["number_of_counters"], cache["max_cost"], size["connections"])
        rows.append(f"| `{name}` | {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join(rows)


def main() -> None:
    """Write what differs, or with ``--check`` say what does."""
    is_check = sys.argv[1:] == ["--check"]
    differing = [path for path, text in generated().items() if not path.exists() or path.read_text("utf-8") != text]
    if is_check and differing:
        sys.exit(f"{', '.join(str(path) for path in differing)}: not up to date; run `python -m helm.generate`")
    for path in differing:
        path.write_text(generated()[path], encoding="utf-8")


def _filled(text: str, name: str, content: str) -> str:
    """The text with what stands between the marks of that name replaced."""
    begin, end = f"<!-- {name}: made by python -m helm.generate -->", f"<!-- end of {name} -->"
    before, found, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"there is no place for {name}")
    return f"{before}{begin}\n{content}\n{end}{after}"


def _flow(value: Any) -> str:
    """A value on one line, as YAML."""
    if isinstance(value, dict | list):
        return yaml.safe_dump(value, default_flow_style=True, width=1000, sort_keys=False).strip()
    return json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    main()

"""Prometheus: a server of a test's own, and what its tool says of rules."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.support.processes import OwnProcess, free_ports

JOB = "ringward"
_TIMEOUT_S = 60


def promtool(*arguments: str | Path, text: str | None = None) -> str:
    """What it says, to the text if it reads one, if it is content; else the test fails with that."""
    tool = shutil.which("promtool")
    assert tool is not None, "there is no promtool here: see .ci/install-servers"
    command = [tool, *map(str, arguments)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_expressions(expressions: Mapping[str, str], folder: Path) -> None:
    """Have them parsed: its tool reads rules, so each becomes one. By names that tell where they stand."""
    rules = [{"record": f"checked:number_{place}", "expr": text} for place, text in enumerate(expressions.values())]
    file = folder / "expressions.json"
    file.write_text(json.dumps({"groups": [{"name": "checked", "rules": rules}]}), encoding="utf-8")
    try:
        promtool("check", "rules", file)
    except AssertionError as error:
        places = dict(enumerate(expressions))
        raise AssertionError(f"{error}\n{places}") from None


class PrometheusServer:
    """One that runs. port: where it is asked."""

    def __init__(self, port: int) -> None:
        self._port = port

    def asked(self, path: str, **parameters: str) -> Any:
        """The data it answers by its HTTP API."""
        address = f"http://127.0.0.1:{self._port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as answer:
            return json.load(answer)["data"]

    def series(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """What the expression is now: labels and value of each series."""
        found = self.asked("query", query=expression)["result"]
        return [(series["metric"], float(series["value"][1])) for series in found]

    def value(self, expression: str) -> float | None:
        """Of the only series; None if there is none."""
        found = self.series(expression)
        assert len(found) <= 1, found
        return found[0][1] if found else None


@contextmanager
def prometheus_server(folder: Path, targets: Sequence[str], rules: Path) -> Iterator[PrometheusServer]:
    """It looks at the targets (``host:port``), and evaluates the rules, each second."""
    program = shutil.which("prometheus")
    assert program is not None, "there is no Prometheus here: see .ci/install-servers"
    config = folder / "prometheus.yaml"
    scraped = {"job_name": JOB, "static_configs": [{"targets": list(targets)}]}
    each_second = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    content = {"global": each_second, "rule_files": [str(rules)], "scrape_configs": [scraped]}
    config.write_text(yaml.safe_dump(content), encoding="utf-8")
    (port,) = free_ports(1)
    command = [
        *(program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn", "--enable-feature=exemplar-storage"),
    ]
    process = OwnProcess(command, folder / "prometheus.log")
    process.start()
    try:
        process.wait_until_listening(port)
        yield PrometheusServer(port)
    finally:
        process.stop()

"""Prometheus as deploy/compose.yaml has it."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from tests.observability.rules import FILE
from tests.support.prometheus import JOB, promtool

CONFIG = Path(__file__).parents[2] / "deploy" / "observability" / "prometheus.yml"


def test_prometheus_takes_its_configuration_beside_the_rules_of_the_chart(tmp_path: Path) -> None:
    shutil.copy(FILE, tmp_path / "alerts.yaml")
    shutil.copy(CONFIG, tmp_path)
    promtool("check", "config", tmp_path / CONFIG.name)
    assert yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["rule_files"] == ["alerts.yaml"]


def test_nodes_are_the_job_that_tests_have_seen() -> None:
    jobs = [scraped["job_name"] for scraped in yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["scrape_configs"]]
    assert jobs == [JOB]

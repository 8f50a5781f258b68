"""The list of targets: the one we ship, and what is said of one that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.harness.systems.choice import OURS, PEERS
from bench.harness.targets import TARGETS, InvalidTargets, Targets, read_targets
from bench.harness.workloads.catalogue import Sizes, workloads
from tests.support.bench_results import row

GOOD = """
[[target]]
workload = "mixed"
system = "ringward"
parameters = { writes = 0 }
loop = "open"
rate_per_s = 1_000
at_most = { p99_ms = 7 }
at_least = { per_s = 900 }
against = [{ system = "openfga", figure = "cpu_us", at_most = 0.5 }]
source = "a reason"

[[measure]]
measure = "ringward: start to ready, s"
at_most = 1.5
source = "another"
"""


def read(folder: Path, text: str) -> Targets:
    path = folder / "targets.toml"
    path.write_text(text, encoding="utf-8")
    return read_targets(path)


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(InvalidTargets) as caught:
        read(folder, text)
    return str(caught.value)


def test_a_list_is_read_whole(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD)
    (target,), (measure,) = found.target, found.measure
    assert (target.workload, target.system, target.rate_per_s) == ("mixed", "ringward", 1_000.0)
    assert (target.at_most, target.at_least) == ({"p99_ms": 7.0}, {"per_s": 900.0})
    assert (target.against[0].system, target.against[0].at_most, target.against[0].otherwise) == ("openfga", 0.5, None)
    assert (measure.measure, measure.at_most) == ("ringward: start to ready, s", 1.5)


def test_no_targets_are_a_list_too(tmp_path: Path) -> None:
    assert read(tmp_path, "") == Targets()


@pytest.mark.parametrize(
    ("replaced", "by", "said"),
    [
        ('workload = "mixed"', "", "target 1 (ringward): missing 'workload'"),
        ('source = "a reason"', "", "target 1 (mixed, ringward): missing 'source'"),
        ("rate_per_s = 1_000", 'rate_per_s = "fast"', "target 1 (mixed, ringward).rate_per_s: expected"),
        ('loop = "open"', 'loop = "ajar"', "target 1 (mixed, ringward).loop: expected 'open' or 'closed'"),
        ("p99_ms", "p98_ms", "target 1 (mixed, ringward).at_most.p98_ms: expected one of p50_ms, p90_ms"),
        ("p99_ms = 7", "p99_ms = 0", "target 1 (mixed, ringward).at_most.p99_ms: expected more than 0, got 0.0"),
        ("p99_ms = 7", "per_s = 7", "target 1 (mixed, ringward).at_most.per_s: expected one of p50_ms"),
        ("per_s = 900", "p50_ms = 9", "target 1 (mixed, ringward).at_least.p50_ms: expected one of per_s"),
        ("per_s = 900", "per_s = inf", "target 1 (mixed, ringward).at_least.per_s: expected a finite number"),
        ('"cpu_us"', '"cpu"', "target 1 (mixed, ringward).against[0].figure: expected one of"),
        ("at_most = 0.5 }", "at_most = -1 }", "target 1 (mixed, ringward).against[0].at_most: expected more than 0"),
        ("at_most = 0.5 }", "at_most = 0.5, otherwise = 0 }", "against[0].otherwise: expected more than 0"),
        ("at_most = 0.5 }", "atmost = 0.5 }", "target 1 (mixed, ringward).against[0]: unknown 'atmost'"),
        ("at_most = 1.5", "at_most = 0", "measure 1 (ringward: start to ready, s).at_most: expected more than 0"),
        ("at_most = 1.5", "", "measure 1 (ringward: start to ready, s): missing 'at_most'"),
        ("[[measure]]", "[[measures]]", "unknown 'measures'; there are [[target]] and [[measure]]"),
        ("[[measure]]", "[measure]", "measure: expected [[measure]], got"),
        ("[[measure]]", "[[measure", "targets.toml: "),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, replaced: str, by: str, said: str) -> None:
    assert replaced in GOOD
    message = complaint(tmp_path, GOOD.replace(replaced, by, 1))
    assert said in message
    assert str(tmp_path / "targets.toml") in message


def test_a_target_without_a_limit_is_none(tmp_path: Path) -> None:
    text = '[[target]]\nworkload = "cached"\nsystem = "ringward"\nsource = "why"\n'
    assert "target 1 (cached, ringward): sets no limit" in complaint(tmp_path, text)


def test_a_number_where_a_table_is_due_is_refused(tmp_path: Path) -> None:
    assert "target 1: expected a table, got 3" in complaint(tmp_path, "target = [3]")


def test_text_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "targets.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidTargets, match=r"targets\.toml"):
        read_targets(path)


def test_a_file_that_is_not_there_is_another_matter(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_targets(tmp_path / "none.toml")


def test_a_target_selects_by_all_it_names_and_by_nothing_else(tmp_path: Path) -> None:
    (target,) = read(tmp_path, GOOD).target
    parameters = {"writes": 0, "tuples": 10}
    assert target.selects(row("mixed", parameters=parameters, loop="open", rate_per_s=1_000.0))
    assert target.selects(row("mixed", parameters={"writes": 0.0}, loop="open", rate_per_s=1_000.0))
    assert not target.selects(row("mixed", "openfga", parameters=parameters, loop="open", rate_per_s=1_000.0))
    assert not target.selects(row("cached", parameters=parameters, loop="open", rate_per_s=1_000.0))
    assert not target.selects(row("mixed", parameters={"writes": 0.01}, loop="open", rate_per_s=1_000.0))
    assert not target.selects(row("mixed", parameters={}, loop="open", rate_per_s=1_000.0))
    assert not target.selects(row("mixed", parameters=parameters, loop="open", rate_per_s=2_000.0))
    assert not target.selects(row("mixed", parameters=parameters, rate_per_s=1_000.0))


def test_our_targets_are_valid_and_name_systems_there_are() -> None:
    found = read_targets()
    others = {against.system for target in found.target for against in target.against}
    assert {target.system for target in found.target} <= set(OURS)
    assert {each.measure.partition(":")[0] for each in found.measure} <= set(OURS)
    assert others <= set(PEERS)


def test_each_of_our_targets_selects_something_a_run_measures() -> None:
    rows = [
        row(
            name,
            target_system,
            parameters=each.parameters,
            loop=each.loop,
            rate_per_s=each.rate_per_s,
            callers=each.callers,
        )
        for each in workloads(Sizes(tuples=(100_000,)))
        for name in (each.name, f"{each.name}-peak")  # the same from a kept generator, at its highest rate
        for target_system in OURS
    ]
    idle = [target for target in read_targets().target if not any(map(target.selects, rows))]
    assert idle == []


def test_our_targets_are_shipped_beside_the_benchmarks() -> None:
    assert TARGETS.name == "targets.toml"
    assert TARGETS.parent.name == "bench"

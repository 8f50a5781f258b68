"""``ringward bench`` as a user runs it: against real nodes, to the end or until interrupted, and nothing left of it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench.harness.histogram import Latency
from bench.harness.results import BenchRun, ProcessUse, Row, Sample, from_json, to_json
from cli.bench_progress import row_line
from cli.main import main
from tests.cli.program import ROOT, finished, read_until, started

PATIENCE_S = 120
SMALL = ("bench", "--tuples=300", "--system=ringward", "--warm-up=0.1")
CACHED = "--workload=cached tuples=* popularity=uniform"


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["bench", *arguments])


def run_of(folder: Path) -> BenchRun:
    return from_json((folder / "results.json").read_text(encoding="utf-8"))


def left_over(mark: str) -> Sequence[str]:
    """Commands of processes whose environment has what only ours has."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if mark.encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text(errors="replace"))
        except OSError:
            continue
    return found


def test_a_run_to_its_end_measures_a_real_node_and_leaves_a_report_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    options = (CACHED, "--workload=nesting depth=2", "--runs=2", "--duration=0.4")
    with started(*SMALL, *options, home=tmp_path, environment={"TMPDIR": str(place)}) as process:
        out, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, out + errors
    assert errors == ""
    run = run_of(tmp_path / "bench-results")
    assert run.complete
    assert [(row.workload, row.system, row.generator.split()[0]) for row in run.rows] == [
        ("cached", "ringward", "ringward"),
        ("cached-peak", "ringward", "h2load"),
        ("nesting", "ringward", "ringward"),
    ]
    for row in run.rows:
        assert len(row.samples) == 2
        assert f"{row.workload} (" in out
        for sample in row.samples:
            assert 0 < sample.completed == Latency.decoded(sample.latency).count
            assert (sample.errors, sample.dropped) == ({}, 0)
            (server,) = sample.processes
            assert server.name == "server"
            assert 0.02 < server.cpu_s < 1.5  # it has done something, within half a second
            assert server.peak_bytes > 20_000_000
    assert run.systems[0].version
    assert run.command.startswith("ringward bench") or run.command.endswith("--duration=0.4")
    assert {name.partition(":")[0] for name in run.measures} == {"ringward"}
    assert sorted(each.name for each in (tmp_path / "bench-results").iterdir()) == [
        "report.html",
        "report.md",
        "results.json",
    ]
    assert list(place.iterdir()) == []
    assert left_over(str(place)) == []


def test_an_interrupt_ends_all_that_was_started_and_what_was_measured_is_written(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    options = ("--workload=cached", "--runs=1", "--duration=1.0", "-o", "out")
    with started(*SMALL, *options, home=tmp_path, environment={"TMPDIR": str(place)}) as process:
        read_until(process, "cached (")
        while not any("generator_process" in each or "h2load" in each for each in left_over(str(place))):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, out + errors
    assert errors == "stopping; once more to end at once\n"
    run = run_of(tmp_path / "out")
    assert not run.complete
    assert run.rows[0].workload == "cached"
    assert run.rows[0].samples[0].completed > 0
    assert len(run.rows) < 3
    assert list(place.iterdir()) == []
    assert left_over(str(place)) == []


def test_an_interrupt_before_anything_was_measured_leaves_an_older_report_alone(tmp_path: Path) -> None:
    (tmp_path / "bench-results").mkdir()
    (tmp_path / "bench-results" / "results.json").write_text("older")
    with started(*SMALL, "--duration=60", home=tmp_path, environment={"TMPDIR": str(tmp_path)}) as process:
        while not any("serve" in each for each in left_over(str(tmp_path))):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130
    assert (tmp_path / "bench-results" / "results.json").read_text() == "older"
    assert left_over(str(tmp_path)) == []


def test_a_check_tells_what_was_missed_and_fails(tmp_path: Path) -> None:
    targets = tmp_path / "targets.toml"
    targets.write_text(
        "[[target]]\nworkload = 'cached'\nsystem = 'ringward'\nat_most = { p50_ms = 60_000 }\nsource = 'here'\n"
        "[[target]]\nworkload = 'cached'\nsystem = 'ringward'\nat_most = { p50_ms = 0.000_1 }\nsource = 'here'\n"
        "[[target]]\nworkload = 'nesting'\nsystem = 'ringward'\nat_most = { p50_ms = 1 }\nsource = 'here'\n"
    )
    options = (CACHED, "--no-peaks", "--runs=1", "--duration=0.3", f"--targets={targets}", "--check")
    result = finished(*SMALL, *options, home=tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "met: cached" in result.stdout
    missed, not_measured = result.stderr.splitlines()
    assert missed.startswith("error: missed: cached")
    assert not_measured.startswith("error: not measured: nesting")


def test_a_list_shows_workloads_load_and_systems_and_starts_nothing() -> None:
    result = invoke("--list", "--workload=nest*", "--workload=cached", "--depth=3", "--tuples=500")
    assert result.exit_code == 0, result.output
    heading, *rows = result.output.splitlines()
    assert heading.split() == ["WORKLOAD", "LOAD", "SYSTEMS"]
    assert [row.split("  ")[0] for row in rows] == [
        "cached tuples=500 popularity=uniform",
        "cached-peak tuples=500",
        "cached tuples=500 popularity=zipf",
        "nesting depth=3",
    ]
    assert all(row.endswith("ringward, ringward-postgres") for row in rows)


def test_a_peer_that_is_given_takes_part_also_beside_systems_that_are_named() -> None:
    result = invoke("--list", "--workload=nesting", "--depth=1", "--system=ringward", "--openfga=127.0.0.1:1")
    assert result.output.splitlines()[1].endswith("ringward, openfga")


def test_run_may_be_named_and_need_not_be() -> None:
    named, unnamed = invoke("run", "--list", "-w", "rules"), invoke("--list", "-w", "rules")
    assert named.output == unnamed.output
    assert named.exit_code == unnamed.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--workload=nothing*",), "no workload fits 'nothing*'; ringward bench --list shows them"),
        (("--system=oracle",), "there is no system 'oracle'"),
        (("--system=openfga",), "openfga is measured if its program or its address is given"),
        (("--targets=/nowhere",), "/nowhere"),
        (("--openfga=/no/such/program",), "error: /no/such/program"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(arguments: tuple[str, ...], complaint: str, tmp_path: Path) -> None:
    result = finished(*SMALL, *arguments, home=tmp_path)
    assert result.returncode == 1
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "bench-results").exists()


def test_a_row_is_told_with_what_went_wrong() -> None:
    latency = Latency()
    latency.record_s(0.0025)
    sample = Sample(2, 1, {"UNAVAILABLE": 1}, 0, 0.5, latency.encoded(), 0.0, (ProcessUse("server", 0.0001, 0),))
    row = Row("w", "ringward", {"depth": 3}, "open", 4.0, 0, 1, "ringward bench", (sample,))
    line = row_line(row).replace("\N{NO-BREAK SPACE}", " ")
    assert line.startswith("w (depth 3, 4 a second) on ringward: p50, ms 2.50; p99, ms 2.50; ")
    assert line.endswith("µs 100; 50.00% failed or dropped")


def test_two_runs_are_compared_by_folder_or_file(tmp_path: Path) -> None:
    run = BenchRun("a machine", "2026-11-22T16:00:00+00:00", "ringward bench", complete=True, systems=(), rows=())
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(to_json(run))
    result = invoke("compare", str(tmp_path / "before"), str(tmp_path / "after" / "results.json"))
    assert result.exit_code == 0, result.output
    assert result.output.startswith("#")


def test_results_that_cannot_be_read_are_all_named(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("{}")
    other = tmp_path / "empty"
    other.mkdir()
    result = invoke("compare", str(tmp_path), str(other))
    assert result.exit_code == 1
    assert f"{tmp_path / 'results.json'}: results: expected a table with format 1" in result.stderr
    assert f"{other / 'results.json'}: " in result.stderr


def test_the_rest_of_the_program_does_without_what_measures() -> None:
    code = "import cli.main, sys; print([name for name in sys.modules if name.split('.')[0] in ('bench', 'hdrh')])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_where_the_extra_is_not_installed_that_is_said(tmp_path: Path) -> None:
    code = "import sys; sys.modules['hdrh'] = None; from cli.main import main; main()"
    with started("bench", home=tmp_path, code=code) as process:
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert errors == "error: benchmarks need hdrh.codec, which is not here: pip install 'ringward[bench]'\n"

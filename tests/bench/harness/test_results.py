"""Results as text: what was written is read again, and anything else is refused with its place."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bench.harness.results import BenchRun, InvalidResults, ProcessUse, Row, Sample, System, from_json, to_json

SAMPLE = Sample(
    sent=10,
    completed=8,
    errors={"UNAVAILABLE": 1},
    dropped=1,
    elapsed_s=1.5,
    latency="HIST",
    lateness_p99_ms=0.25,
    processes=(ProcessUse("server", 0.5, 1_000), ProcessUse("database", 0.0, 0)),
)
ROW = Row(
    workload="cached",
    system="ringward",
    parameters={"tuples": 10_000, "popularity": "zipf", "writes": 0.1},
    loop="open",
    rate_per_s=1_000.0,
    callers=0,
    items=1,
    generator="ringward bench",
    samples=(SAMPLE, SAMPLE),
)
RUN = BenchRun(
    machine="commit abc, a processor",
    began="2026-11-22T16:00:00+00:00",
    command="ringward bench",
    complete=True,
    systems=(System("ringward", "0.1.0", "exact"),),
    rows=(ROW, replace(ROW, loop="closed", rate_per_s=None, samples=())),
    measures={"ringward: start to ready, s": 1.25},
)


def changed(path: str, value: object) -> str:
    """The text of the run with another value at one place."""
    whole = json.loads(to_json(RUN))
    *way, last = path.split(".")
    part: Any = whole
    for step in way:
        part = part[int(step)] if step.isdigit() else part[step]
    part[last] = value
    return json.dumps(whole)


def test_what_was_written_is_read_again() -> None:
    assert from_json(to_json(RUN)) == RUN


def test_numbers_keep_their_kind() -> None:
    parameters = from_json(to_json(RUN)).rows[0].parameters
    assert [type(value) for value in parameters.values()] == [int, str, float]


def test_measures_may_be_missing_as_they_have_a_default() -> None:
    whole = json.loads(to_json(RUN))
    del whole["measures"]
    assert from_json(json.dumps(whole)) == replace(RUN, measures={})


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("complete", 1, "results.complete: expected true or false, got 1"),
        ("rows", {}, r"results.rows: expected a list, got \{\}"),
        ("rows.0.callers", "8", "results.rows[0].callers: expected a whole number, got '8'"),
        ("rows.0.callers", True, "results.rows[0].callers: expected a whole number, got True"),
        ("rows.0.loop", "ajar", "results.rows[0].loop: expected 'open' or 'closed', got 'ajar'"),
        ("rows.0.rate_per_s", "fast", "results.rows[0].rate_per_s: expected a number or nothing, got 'fast'"),
        (
            "rows.0.parameters.depth",
            [],
            "results.rows[0].parameters.depth: expected text or a whole number or a number",
        ),
        (
            "rows.0.samples.1.errors.LATE",
            1.5,
            "results.rows[0].samples[1].errors.LATE: expected a whole number, got 1.5",
        ),
        ("rows.0.samples.1.elapsed_s", None, "results.rows[0].samples[1].elapsed_s: expected a number, got None"),
        ("rows.0.surprise", 1, "results.rows[0]: unknown 'surprise'"),
        ("systems", [{"name": "ringward"}], "results.systems[0]: missing 'note', 'version'"),
        ("format", 2, "results: expected a table with format 1"),
    ],
)
def test_anything_else_is_refused_with_its_place(path: str, value: object, complaint: str) -> None:
    with pytest.raises(InvalidResults) as refusal:
        from_json(changed(path, value))
    assert complaint.replace("\\", "") in str(refusal.value)


@pytest.mark.parametrize("text", ["", "[]", "1", "{}", '{"format": 1', '{"format": 1}'])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidResults, match=r"^results: "):
        from_json(text)


def test_what_json_cannot_say_is_neither_written_nor_read() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(replace(RUN, measures={"x": float("nan")}))
    with pytest.raises(InvalidResults, match=r"results\.measures\.x: expected a finite number, got inf"):
        from_json(changed("measures.x", float("inf")))

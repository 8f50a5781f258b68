"""What a report of a run says, and in what order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.harness.figures import FAULTS_ALLOWED_RATIO, FIGURES, faults_ratio, lateness_p99_ms
from bench.harness.judgements import Judgement, Standing, judged
from bench.harness.report.costs import growth_sections, load_by_load
from bench.harness.report.curves import latency_curves
from bench.harness.report.document import Document, Exhibit, Section
from bench.harness.report.tables import Measured, Naming, measures_table, rows_table, systems_table, targets_table
from bench.harness.results import BenchRun
from bench.harness.targets import Targets

_CURVES = (
    "Requests came at the given rate whether or not earlier ones had been answered, and each is counted from when it "
    "was meant to start, so what a slow moment does to those waiting behind it shows. A line is the median of the "
    "samples; the band around it reaches from the least to the most. Lower and flatter is better."
)
_LOADS = (
    "Callers that ask again as soon as they are answered, as many as the machine bears: this shows what is completed "
    "at most and what each request costs in CPU, not what a caller would wait for at a sensible rate. Where the load "
    "was made in Python (ringward bench) the generator may be what limits the rate; the CPU of server and database is "
    "measured apart from it. Highest rates are found by a kept generator, which the table names."
)
_FIGURES = (
    "Each figure is the median of its samples, with the least and the most; systems take turns, so that all had the "
    "same neighbours on the machine. CPU is user and system time of the server's processes and of the database's, for "
    "each request completed, or for each thing in it where it carries several. Memory is the most that was held; that "
    "of the database is held for all systems together."
)
_FAULTS = (
    "A request is dropped, not sent, while too many before it are open. Percentiles count answered requests alone, and "
    f"a row of which more than {FAULTS_ALLOWED_RATIO:.1%} failed or was dropped says nothing of speed."
)


def document(run: BenchRun, targets: Targets) -> Document:
    """The whole report."""
    rows = tuple(map(Measured.of, run.rows))
    judgements = judged(run, targets)
    facts = (
        ("machine", run.machine),
        ("began", run.began),
        ("to do it again", run.command),
        ("limits", _tally(judgements)),
    )
    return Document("Ringward benchmarks", facts, tuple(_warnings(run, rows)), tuple(_sections(run, rows, judgements)))


def _sections(run: BenchRun, rows: Sequence[Measured], judgements: Sequence[Judgement]) -> Iterator[Section]:
    numbers = {system: number for number, system in enumerate(dict.fromkeys(each.system for each in rows))}
    if judgements:
        yield Section("Targets", exhibits=(Exhibit((), targets_table(judgements)),))
    yield Section("Systems", exhibits=(Exhibit((), systems_table(run.systems)),))
    if curves := tuple(latency_curves(rows, numbers)):
        yield Section("Latency at a rate", (_CURVES,), curves)
    if loads := tuple(load_by_load(rows, numbers)):
        yield Section("Throughput and cost", (_LOADS,), loads)
    yield from growth_sections(rows, numbers)
    if run.measures:
        yield Section("Starting and idling", exhibits=(Exhibit((), measures_table(run.measures)),))
    yield Section("How to read this", (_FIGURES, _FAULTS))
    if rows:
        naming: dict[str, Naming] = {"load": lambda each: each.load, "system": lambda each: each.system}
        naming |= {"loop": lambda each: each.row.loop, "load made by": lambda each: each.row.generator}
        everything = rows_table("", rows, naming=naming, figures=FIGURES)
        yield Section("Everything measured", exhibits=(Exhibit((), everything),), folded=True)


def _tally(judgements: Sequence[Judgement]) -> str:
    """How many limits stand how."""
    counts = {standing: sum(each.standing is standing for each in judgements) for standing in Standing}
    return ", ".join(f"{count} {standing.value}" for standing, count in counts.items() if count) or "none"


def _warnings(run: BenchRun, rows: Sequence[Measured]) -> Iterator[str]:
    if not run.complete:
        yield "The run was stopped before its end: what is shown is what was measured until then."
    for each in rows:
        if (ratio := faults_ratio(each.row)) > FAULTS_ALLOWED_RATIO:
            yield f"{each.load} on {each.system}: {ratio:.2%} of the requests failed or were dropped ({_faults(each)})."
        late_ms, p99 = lateness_p99_ms(each.row), each.figures.get("p99_ms")
        if each.row.loop == "open" and p99 is not None and late_ms > p99.median / 2:
            yield (
                f"{each.load} on {each.system}: requests left the generator up to {late_ms:.1f} ms late, so that its "
                "latencies are in part the generator's own."
            )


def _faults(measured: Measured) -> str:
    """How many there were of what."""
    counts: dict[str, int] = {}
    for sample in measured.row.samples:
        for name, count in (*sample.errors.items(), ("dropped", sample.dropped)):
            counts[name] = counts.get(name, 0) + count
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)

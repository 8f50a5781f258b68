"""All workloads: what they store is admitted, what they ask has an answer, and each process asks its own."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from itertools import groupby, islice

import pytest

from bench.harness.ports import Ability, Ask, BulkCheck, Check, Dataset, LookupEntities, LookupSubjects, Workload, Write
from bench.harness.workloads.catalogue import Sizes, workloads
from engine.check import check
from engine.plan import Plan
from model.check import CheckRequest, Context, Question, Verdict
from model.snapshot import Snapshot
from schema.admission import admit_attribute, admit_tuple
from schema.compiler import compile_schema
from tests.support.memory_reader import MemoryReader

TINY = Sizes(tuples=(600,), depths=(1, 4), members=(10, 50), widths=(10, 20))
ALL = workloads(TINY)
UNSEEN = [
    workload
    for workload in ALL
    if workload.name
    in {"never-seen", "contextual", "bulk-check", "nesting", "wide-group", "fan-out", "exclusion", "rules"}
]


def named(workload: Workload) -> str:
    return "-".join(map(str, (workload.name, *workload.parameters.values())))


each = pytest.mark.parametrize("workload", ALL, ids=named)


def test_names_and_parameters_tell_workloads_apart() -> None:
    assert len({named(workload) for workload in ALL}) == len(ALL)
    assert {workload.name for workload in ALL} == {
        *("cached", "never-seen", "contextual", "bulk-check", "lookup-entities", "lookup-subjects", "mixed"),
        *("bulk-write", "nesting", "wide-group", "fan-out", "exclusion", "rules"),
    }


def test_workloads_over_equal_data_come_together_and_those_that_write_last() -> None:
    of_data = [list(group) for _, group in groupby(ALL, key=lambda workload: workload.dataset)]
    assert len(of_data) == len({workload.dataset for workload in ALL}) == 6
    for group in of_data:
        writes = [any(isinstance(ask, Write) for ask in islice(workload.asks(), 300)) for workload in group]
        assert writes == sorted(writes)


@each
def test_a_workload_can_be_sent_to_another_process(workload: Workload) -> None:
    there = pickle.loads(pickle.dumps(workload))
    assert (there, hash(there.dataset)) == (workload, hash(workload.dataset))
    assert list(islice(there.asks(), 20)) == list(islice(workload.asks(), 20))


@each
def test_only_the_mixture_comes_at_a_rate(workload: Workload) -> None:
    expected = ("open", 1_000) if workload.name == "mixed" else ("closed", None)
    assert (workload.loop, workload.rate_per_s) == expected
    assert workload.callers == 32


@each
def test_items_are_what_one_request_carries(workload: Workload) -> None:
    ask = next(ask for ask in workload.asks() if not (isinstance(ask, Write) and ask.aside))
    match ask:
        case BulkCheck(questions):
            carried = len(questions)
        case Write(tuples):
            carried = len(tuples)
        case _:
            carried = 1
    assert carried == workload.items


@each
def test_what_a_system_must_be_able_to_do_is_told(workload: Workload) -> None:
    asks = [*islice(workload.asks(), 50), *workload.sample(), *islice(workload.warm_up(), 50)]
    found = {
        Ability.BULK_CHECK: any(isinstance(ask, BulkCheck) for ask in asks),
        Ability.LOOKUP_ENTITIES: any(isinstance(ask, LookupEntities) for ask in asks),
        Ability.LOOKUP_SUBJECTS: any(isinstance(ask, LookupSubjects) for ask in asks),
        Ability.CONTEXTUAL_TUPLES: any(isinstance(ask, Check) and ask.context for ask in asks),
        Ability.ATTRIBUTES: next(workload.dataset.attributes(), None) is not None,
    }
    assert workload.needs == {ability for ability, is_needed in found.items() if is_needed}


@each
def test_a_sample_changes_nothing_and_is_the_same_for_everybody(workload: Workload) -> None:
    sample = list(workload.sample())
    assert not any(isinstance(ask, Write) for ask in sample)
    assert sample == list(workload.sample())
    assert bool(sample) == (workload.name != "bulk-write")


@pytest.mark.parametrize("workload", UNSEEN, ids=named)
def test_what_is_never_to_be_seen_before_is_asked_once_whoever_asks(workload: Workload) -> None:
    asked = [ask for share in range(3) for ask in islice(workload.asks(share=share, shares=3), 400)]
    keys = [key for ask in (*asked, *workload.sample()) for key in _keys(ask)]
    assert len(set(keys)) == len(keys) > 100


def test_workloads_over_the_same_data_do_not_ask_what_another_will() -> None:
    """One comes after the other, on a server that has the answers of the first in its cache."""
    drive = ALL[0].dataset
    mine = [workload for workload in ALL if workload.dataset == drive]
    warm = {key for workload in mine for ask in workload.warm_up() for key in _keys(ask)}
    unseen: dict[str, set[object]] = {}
    for workload in mine:
        if workload.name in {"never-seen", "mixed", "bulk-check"}:
            asks = islice(workload.asks(), 200 if workload.name != "bulk-check" else 5)
            unseen[named(workload)] = {key for ask in asks for key in _keys(ask)} - warm
    assert len(unseen) == 5
    assert len(set().union(*unseen.values())) == sum(map(len, unseen.values()))


@pytest.mark.parametrize(
    "dataset", dict.fromkeys(workload.dataset for workload in ALL), ids=lambda it: type(it).__name__
)
def test_data_is_admitted_by_its_schema_about_as_large_as_told_and_none_is_there_twice(dataset: Dataset) -> None:
    schema = compile_schema(dataset.schema)
    tuples, attributes = list(dataset.tuples()), list(dataset.attributes())
    assert tuples == list(dataset.tuples())
    assert attributes == list(dataset.attributes())
    for row in tuples:
        admit_tuple(schema, row)
    for attribute in attributes:
        admit_attribute(schema, attribute)
    assert len(set(tuples)) == len(tuples)
    assert len({attribute.key for attribute in attributes}) == len(attributes)
    if (size := getattr(dataset, "size", None)) is not None:
        assert len(tuples) + len(attributes) == pytest.approx(size, rel=0.25)


@each
async def test_checks_have_the_verdicts_they_are_expected_to_have_and_some_of_each(workload: Workload) -> None:
    asks = [*workload.sample(), *islice(workload.asks(share=1, shares=2), 100)]
    checks = [ask for ask in asks if isinstance(ask, Check)]
    checks += [Check(question) for ask in asks if isinstance(ask, BulkCheck) for question in ask.questions[:10]]
    if not checks:
        assert workload.name in {"lookup-entities", "lookup-subjects", "bulk-write"}
        return
    verdicts = await _verdicts(workload.dataset, checks)
    assert 0.05 < sum(verdicts) / len(verdicts) < 0.95
    told = [
        (each.expected, verdict) for each, verdict in zip(checks, verdicts, strict=True) if each.expected is not None
    ]
    assert all(expected is verdict for expected, verdict in told)
    assert bool(told) == (workload.name in {"contextual", "nesting", "wide-group", "fan-out"})


async def _verdicts(dataset: Dataset, checks: Sequence[Check]) -> list[bool]:
    reader = MemoryReader(dataset.tuples(), dataset.attributes())
    plan = Plan(compile_schema(dataset.schema))
    verdicts = []
    for each in checks:
        request = CheckRequest("t1", [each.question], depth=100, context=Context(tuples=each.context))
        (answer,) = await check(reader, plan, Snapshot.at_commit(1), request)
        verdicts.append(answer.verdict() is Verdict.ALLOWED)
    return verdicts


def _keys(ask: Ask) -> Sequence[object]:
    """What must not come twice: entity, permission and subject."""
    match ask:
        case Check(question):
            return [_key(question)]
        case BulkCheck(questions):
            return [_key(question) for question in questions]
        case _:
            return []


def _key(question: Question) -> object:
    return (question.entity, question.subject)

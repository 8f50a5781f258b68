"""Random histories of writes, deletes, collections, tenants and reopenings, compared with copies of everything."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import ExitStack
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from model.errors import SnapshotExpired
from model.snapshot import Snapshot
from storage.base import AttributeFilter, Changeset, EntityRead, PageRequest, Storage, TupleFilter
from tests.conformance.examples import (
    ALL,
    attribute_filters,
    changesets,
    reads,
    tenants,
    tuple_filters,
)
from tests.conformance.factories import KINDS, Factories, StoreFactory
from tests.conformance.history import History

T = TypeVar("T")


class Histories(RuleBasedStateMachine):
    """One store and one History, changed alike."""

    kind = ""
    factories: Factories

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.resources = ExitStack()
        self.history = History()
        self.snapshots: list[Snapshot] = []
        self.horizon = Snapshot.at_commit(0)
        self.deleted: dict[str, Snapshot] = {}
        self.factory: StoreFactory
        self.store: Storage

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def changed(self, snapshot: Snapshot) -> None:
        self.history.record(snapshot)
        self.snapshots.append(snapshot)

    @initialize()
    def open(self) -> None:
        self.factory = self.resources.enter_context(self.factories.of(self.kind))
        self.store = self.run(self.factory.open())
        self.changed(self.run(self.store.head("t1")).snapshot)

    @rule(tenant=tenants, changes=st.lists(changesets, max_size=3))
    def write(self, tenant: str, changes: list[Changeset]) -> None:
        for one in changes:
            self.history.now(tenant).apply(one)
        self.changed(self.run(self.store.write(tenant, changes)))

    @rule(tenant=tenants, where=st.none() | tuple_filters, named=st.none() | attribute_filters)
    def delete(self, tenant: str, where: TupleFilter | None, named: AttributeFilter | None) -> None:
        self.history.now(tenant).delete(where, named)
        self.changed(self.run(self.store.delete(tenant, where, named)))

    @rule(tenant=tenants)
    def recreate_tenant(self, tenant: str) -> None:
        registered = {item.id for item in self.run(self.store.list_tenants(PageRequest(10))).items}
        if tenant not in registered:
            self.run(self.store.create_tenant(tenant, ""))
        self.run(self.store.delete_tenant(tenant))
        self.history.forget(tenant)
        self.deleted[tenant] = self.run(self.store.head(tenant)).snapshot
        self.changed(self.deleted[tenant])

    @rule(window_s=st.sampled_from([0, 3600]))
    def collect(self, window_s: float) -> None:
        report = self.run(self.store.collect_garbage(window_s))
        assert report.horizon.covers(self.horizon)
        self.horizon = report.horizon

    @precondition(lambda self: self.factory.is_durable)
    @rule()
    def reopen(self) -> None:
        self.run(self.store.close())
        self.store = self.run(self.factory.open())

    @rule(data=st.data(), tenant=tenants, asked=st.lists(reads, max_size=4))
    def read(self, data: st.DataObject, tenant: str, asked: list[EntityRead]) -> None:
        snapshot = data.draw(st.sampled_from(self.snapshots))
        state = self.history.at(tenant, snapshot)
        found = self.answer_at(snapshot, self.store.read(tenant, snapshot, asked))
        assert found is None or list(found) == [state.facts(one) for one in asked]

    @rule(data=st.data(), tenant=tenants, where=tuple_filters, named=attribute_filters)
    def read_pages(self, data: st.DataObject, tenant: str, where: TupleFilter, named: AttributeFilter) -> None:
        snapshot = data.draw(st.sampled_from(self.snapshots))
        state = self.history.at(tenant, snapshot)
        tuples = self.answer_at(snapshot, self.store.read_tuples(tenant, snapshot, where, ALL))
        attributes = self.answer_at(snapshot, self.store.read_attributes(tenant, snapshot, named, ALL))
        assert tuples is None or tuples.items == state.matching_tuples(where)
        assert attributes is None or attributes.items == state.matching_attributes(named)

    @rule(data=st.data(), tenant=tenants, most=st.integers(1, 4))
    def replay(self, data: st.DataObject, tenant: str, most: int) -> None:
        """What the feed tells leads from the state at any snapshot through every state to the one at head."""
        since = data.draw(st.sampled_from(self.snapshots))
        state = self.history.at(tenant, since).copy()
        if not (since.covers(self.horizon) and since.covers(self.deleted.get(tenant, since))):
            with pytest.raises(SnapshotExpired):
                self.run(self.store.commits_since(tenant, since, most))
            return
        while commits := self.run(self.store.commits_since(tenant, since, most)):
            for since, changes in commits:
                for change in changes:
                    state.replay(change)
                there = self.history.at(tenant, since)
                assert [*state.tuples] == [*there.tuples]
                assert [*state.attributes.items()] == [*there.attributes.items()]
        assert state == self.history.now(tenant)

    def answer_at(self, snapshot: Snapshot, reading: Coroutine[Any, Any, T]) -> T | None:
        """The answer, or None where the horizon forbids one."""
        if snapshot.covers(self.horizon):
            return self.run(reading)
        with pytest.raises(SnapshotExpired):
            self.run(reading)
        return None

    @invariant()
    def the_head_covers_every_snapshot(self) -> None:
        head = self.run(self.store.head("t1")).snapshot
        last, strangers = self.snapshots[-1], head.in_progress
        assert strangers <= last.in_progress, "nobody has begun anything; some may have ended since"
        assert head == Snapshot(min(strangers, default=last.xmax), last.xmax, strangers)
        assert all(head.covers(snapshot) for snapshot in self.snapshots)

    def teardown(self) -> None:
        if self.snapshots:
            self.run(self.store.close())
        self.runner.close()
        self.resources.close()


@pytest.mark.parametrize("kind", KINDS)
def test_any_history_reads_as_a_simple_model_reads(kind: str, factories: Factories) -> None:
    machine = type("HistoriesOfKind", (Histories,), {"kind": kind, "factories": factories})
    limits = settings(
        max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    run_state_machine_as_test(machine, settings=limits)

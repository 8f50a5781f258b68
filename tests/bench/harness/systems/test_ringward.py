"""Ringward as a system under measurement, and Permify's adapter, which speaks the same wire: real nodes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bench.harness.ports import Ability, Check, Endpoint, Launch, NotStarted, Place
from bench.harness.systems.database import Database
from bench.harness.systems.openfga import OpenFgaLaunch
from bench.harness.systems.permify import PermifyLaunch
from bench.harness.systems.ringward import RingwardCluster, RingwardFile, RingwardPostgres
from bench.harness.verdicts import differences
from bench.harness.workloads.catalogue import Sizes, workloads
from model.attributes import Attribute
from model.check import Question
from model.tuples import EntityRef, RelationTuple, SubjectRef
from tests.bench.harness.systems.asking import ANN, agrees, answers_all, takes_writes
from tests.bench.harness.systems.small_dataset import SmallDataset

OPENFGA = os.environ.get("OPENFGA") or shutil.which("openfga")
TINY = Sizes(tuples=(400,), depths=(3, 30), members=(10,), widths=(10,))
RULES = """
entity user {}

entity document {
  attribute public boolean

  permission view = public
}
"""


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with Database() as made:
        yield made


@pytest.mark.parametrize("launch", [RingwardFile(), RingwardPostgres(), RingwardCluster(2)], ids=lambda each: each.name)
async def test_ringward_answers_all_it_can_be_asked(launch: Launch, tmp_path: Path, database: Database) -> None:
    async with launch.started(Place(tmp_path, database)) as system:
        endpoint = await answers_all(system, launch.abilities)
        await takes_writes(endpoint)
        assert (system.name, launch.abilities) == (launch.name, frozenset(Ability))
        nodes = int(launch.parameters.get("nodes", 1))
        assert len(endpoint.addresses) == nodes
        assert len(system.processes) == nodes + (launch.name != "ringward")
        pids = list(system.processes.values())
        assert all(map(is_there, pids))
        if nodes == 1:
            assert 0 < system.measures["start to ready, s"] < 30
            assert 20 < system.measures["memory when idle, MB"] < 500
    assert not any(map(is_there, pids[:nodes]))  # the database stays


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_what_is_loaded_next_is_apart_from_what_was_before(tmp_path: Path, database: Database) -> None:
    async with RingwardFile().started(Place(tmp_path, database)) as system:
        first = await system.load(SmallDataset())
        rows = (RelationTuple("folder", "top", "owner", "user", "dan"),)
        second = await system.load(SmallDataset(rows=rows))
        dan, ann = (
            Check(Question(EntityRef("folder", "top"), "view", SubjectRef("user", it))) for it in ("dan", "ann")
        )
        await agrees(first, [dan, ann], [False, True])
        await agrees(second, [dan, ann], [True, False])


async def test_a_node_over_its_own_file_needs_no_postgresql(tmp_path: Path) -> None:
    with Database() as unused:
        async with RingwardFile().started(Place(tmp_path, unused)) as system:
            assert list(system.processes) == ["server"]
        assert "not asked for yet" in repr(unused)


async def test_permifys_adapter_loads_and_asks_whoever_speaks_the_wire(tmp_path: Path, database: Database) -> None:
    async with RingwardFile().started(Place(tmp_path, database)) as node:
        (address,) = (await node.load(SmallDataset())).addresses
        launch = PermifyLaunch(address)
        async with launch.started(Place(tmp_path, database)) as system:
            assert not system.processes
            await takes_writes(await answers_all(system, launch.abilities))
            given = (Attribute.parse("document:plan$public|boolean:true"),)
            endpoint = await system.load(SmallDataset(rows=(), schema=RULES, given=given))
            asks = [Check(Question(EntityRef("document", name), "view", ANN)) for name in ("plan", "memo")]
            await agrees(endpoint, asks, [True, False])


async def test_flags_reach_the_node(tmp_path: Path, database: Database) -> None:
    with pytest.raises(NotStarted, match="there-is-no-such-flag"):
        async with RingwardFile(("--there-is-no-such-flag",)).started(Place(tmp_path, database)):
            pytest.fail("it does not serve")


async def test_all_systems_answer_the_samples_of_all_workloads_alike(tmp_path: Path, database: Database) -> None:
    """On one and on several nodes, on either store, and OpenFGA if it is here: OPENFGA or the path tells where."""
    launches: list[Launch] = [RingwardFile(), RingwardCluster(2)]
    launches += [OpenFgaLaunch(Path(OPENFGA))] if OPENFGA else []
    async with AsyncExitStack() as stack:
        systems = {}
        for launch in launches:
            (folder := tmp_path / launch.name).mkdir()
            systems[launch.name] = await stack.enter_async_context(launch.started(Place(folder, database)))
        loaded: dict[object, dict[str, Endpoint]] = {}
        for workload in workloads(TINY):
            able = [launch.name for launch in launches if workload.needs <= launch.abilities]
            if workload.dataset not in loaded:
                loaded[workload.dataset] = {name: await systems[name].load(workload.dataset) for name in able}
            endpoints = {name: loaded[workload.dataset][name] for name in able}
            assert await differences(endpoints, workload) == [], workload.name

"""Every scenario file holds on every store, and asks enough to fail if the engine always gave the same answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.answers import LocalAnswers
from cli.documents import read_document
from cli.validation_file import ValidationFile
from cli.validation_reader import read_validation_file
from cli.validation_run import Result, assertions_of, load, settle
from node.node import open_services
from node.settings import DatabaseEngine, DatabaseSettings, NodeSettings
from storage.postgres.settings import PostgresSettings
from tests.support.postgres import Databases

_HERE = Path(__file__).parent
FILES = [*sorted(_HERE.glob("*.yaml")), _HERE.parents[1] / "examples" / "drive.yaml"]


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def file(request: pytest.FixtureRequest) -> ValidationFile:
    """Each scenario file in turn."""
    return read_validation_file(read_document(str(request.param)))


@pytest.fixture(params=list(DatabaseEngine), ids=lambda engine: engine.value)
def settings(request: pytest.FixtureRequest, tmp_path: Path, databases: Databases) -> Iterator[NodeSettings]:
    """A node on each store in turn."""
    engine: DatabaseEngine = request.param
    if engine is not DatabaseEngine.POSTGRES:
        yield NodeSettings(database=DatabaseSettings(engine=engine, path=tmp_path / "ringward.db"))
        return
    name = databases.new()
    postgres = PostgresSettings(databases.server.uri(name))
    yield NodeSettings(database=DatabaseSettings(engine=engine, postgres=postgres))
    databases.remove(name)


async def test_every_assertion_holds_on_every_store(file: ValidationFile, settings: NodeSettings) -> None:
    async with open_services(settings) as services:
        server = LocalAnswers(services)
        await load(server, file)
        outcomes = [await settle(server, assertion) for assertion in assertions_of(file)]
    wrong = [
        f"{outcome.assertion.scenario}: {outcome.assertion.title}: {outcome.result.value}: "
        f"expected {outcome.assertion.expected}, got {outcome.actual} {outcome.error}"
        for outcome in outcomes
        if outcome.result is not Result.PASSED
    ]
    assert wrong == []


def test_every_file_expects_some_to_be_allowed_and_some_to_be_denied(file: ValidationFile) -> None:
    assert {assertion.expected for assertion in assertions_of(file)} >= {True, False}


def test_scenario_names_are_told_apart(file: ValidationFile) -> None:
    names = [scenario.name for scenario in file.scenarios]
    assert len(names) == len(set(names))
    assert all(scenario.cases for scenario in file.scenarios)

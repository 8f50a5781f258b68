"""``ringward validate``: does a schema answer the way its authors think?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import click
from rich.progress import track

from cli.answers import Answers, LocalAnswers
from cli.documents import UnusableFile, read_document
from cli.terminal import console, is_watched, say
from cli.validation_data import admit_data
from cli.validation_file import ValidationFile
from cli.validation_reader import read_validation_file
from cli.validation_report import print_kind, print_outcome, print_scenario, print_summary
from cli.validation_run import Assertion, Outcome, Result, assertions_of, load, settle
from model.errors import AuthzError, InvalidSchema
from node.node import open_services
from node.settings import NodeSettings

UNUSABLE = 2  # the exit code for a file that cannot be run at all

_LONG = 200  # assertions: from here on a person wants to see progress instead of every success

_EPILOG = """\b
Examples:
  ringward validate examples/drive.yaml
  ringward validate https://gist.github.com/somebody/0123456789abcdef

Exit code: 0 all assertions hold, 1 some do not, 2 a file cannot be used."""


@click.command(epilog=_EPILOG, short_help="Test a schema against what it should allow.")
@click.argument("files", metavar="FILE|URL...", nargs=-1, required=True)
def validate(files: tuple[str, ...]) -> None:
    """Test a schema against what it should allow.

    A FILE holds a schema, some relationships and attributes, and scenarios that say who may do what (YAML). It is
    loaded into a private node in memory, and every assertion is checked. Nothing outside this command is touched.
    """
    code = max(_validate_one(source, is_one_of_many=len(files) > 1) for source in files)
    raise click.exceptions.Exit(code)


async def outcomes_of(file: ValidationFile, *, is_told: bool = True) -> list[Outcome]:
    """What became of every assertion of a file, in order, loaded into a private node; is_told: print it as it comes.

    Raises AuthzError if the file's schema or data is refused.
    """
    admit_data(file)
    async with open_services(NodeSettings()) as services:
        server = LocalAnswers(services)
        await load(server, file)
        assertions = assertions_of(file)
        if not is_told:
            return [await settle(server, assertion) for assertion in assertions]
        say(f"schema, {len(file.relationships)} relationships and {len(file.attributes)} attributes are loaded")
        return await _settle_all(server, assertions)


def print_problems(source: str, error: AuthzError) -> None:
    """Why a file cannot be used, a line each, on the error stream."""
    match error:
        case UnusableFile(problems=problems):
            pass
        case InvalidSchema():
            problems = (f"{source}: the schema is not valid\n{error.explain()}",)
        case _:
            problems = (f"{source}: {error}",)
    for problem in problems:
        say(f"error: {problem}", style="red", is_error=True)


def _validate_one(source: str, *, is_one_of_many: bool) -> int:
    """The exit code for one file, after printing what became of it."""
    if is_one_of_many:
        say(f"\n{source}", style="bold underline")
    try:
        outcomes = asyncio.run(outcomes_of(read_validation_file(read_document(source))))
    except AuthzError as error:
        print_problems(source, error)
        return UNUSABLE
    print_summary(source, outcomes)
    return 0 if all(outcome.result is Result.PASSED for outcome in outcomes) else 1


async def _settle_all(server: Answers, assertions: Sequence[Assertion]) -> list[Outcome]:
    """The outcomes in order. Somebody who watches a long run sees a bar, and then only what did not pass."""
    if not (is_watched() and len(assertions) >= _LONG):
        return [outcome async for outcome in _told_one_by_one(server, assertions)]
    bar = track(assertions, description="checking", console=console(), transient=True)
    outcomes = [await settle(server, assertion) for assertion in bar]
    for outcome in outcomes:
        if outcome.result is not Result.PASSED:
            print_outcome(outcome)
    return outcomes


async def _told_one_by_one(server: Answers, assertions: Sequence[Assertion]) -> AsyncIterator[Outcome]:
    scenario, kind = None, None
    for assertion in assertions:
        if assertion.scenario != scenario:
            scenario, kind = assertion.scenario, None
            print_scenario(scenario)
        if assertion.kind != kind:
            kind = assertion.kind
            print_kind(kind)
        outcome = await settle(server, assertion)
        print_outcome(outcome)
        yield outcome

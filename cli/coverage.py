"""``ringward coverage``: how much of a schema do its tests exercise?"""

from __future__ import annotations

import asyncio

import click

from cli.coverage_measure import coverage_of
from cli.coverage_report import CoverageResult, Threshold, print_coverage, print_coverage_json
from cli.documents import read_document
from cli.validate import UNUSABLE, outcomes_of, print_problems
from cli.validation_reader import read_validation_file
from cli.validation_report import print_summary
from model.errors import AuthzError
from schema.compiler import compile_schema

_PERCENT = click.IntRange(0, 100)

_EPILOG = """\b
Examples:
  ringward coverage examples/drive.yaml
  ringward coverage examples/drive.yaml --coverage-relationships 80 --output json

Exit code: 0 all assertions hold and enough is covered, 1 not so, 2 the file cannot be used."""


@click.command(epilog=_EPILOG, short_help="Tell how much of a schema its tests exercise.")
@click.argument("source", metavar="FILE|URL")
@click.option(
    "--coverage-relationships", type=_PERCENT, default=0, help="Least percentage of relation targets with a tuple."
)
@click.option("--coverage-attributes", type=_PERCENT, default=0, help="Least percentage of attributes with a value.")
@click.option(
    "--coverage-assertions", type=_PERCENT, default=0, help="Least percentage of permissions asserted, by scenario."
)
@click.option(
    "--output", type=click.Choice(["text", "json"]), default="text", help="Lines for people, or JSON for machines."
)
def coverage(
    source: str, coverage_relationships: int, coverage_attributes: int, coverage_assertions: int, output: str
) -> None:
    """Tell how much of a schema its tests exercise.

    The validation file is run as by `ringward validate`. Then, for each entity: the targets of its relations that no
    relationship of the file has, the attributes without a value, and for each scenario the permissions it does not
    ask for. An entity with nothing to cover is covered; totals are means over the entities.
    """
    is_for_people = output == "text"
    try:
        file = read_validation_file(read_document(source))
        outcomes = asyncio.run(outcomes_of(file, is_told=is_for_people))
        covered = coverage_of(compile_schema(file.schema), file)
    except AuthzError as error:
        print_problems(source, error)
        raise click.exceptions.Exit(UNUSABLE) from error
    result = CoverageResult(
        outcomes,
        covered,
        (
            Threshold("relationships", coverage_relationships, covered.relationships_percent),
            Threshold("attributes", coverage_attributes, covered.attributes_percent),
            Threshold("assertions", coverage_assertions, covered.assertions_percent),
        ),
    )
    if is_for_people:
        print_summary(source, outcomes)
        print_coverage(result)
    else:
        print_coverage_json(result)
    raise click.exceptions.Exit(1 if result.failures else 0)

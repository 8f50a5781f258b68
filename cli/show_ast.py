"""``ringward ast``: what a schema compiles to."""

from __future__ import annotations

import click
from google.protobuf import json_format

from api.schema_form import schema_to_proto
from cli.documents import UnusableFile, read_document
from cli.terminal import give_up
from cli.validation_reader import schema_of
from model.errors import InvalidSchema
from schema.compiler import compile_schema

_EPILOG = """\b
Examples:
  ringward ast schema.perm --pretty
  ringward ast examples/drive.yaml | jq .entityDefinitions.document"""


@click.command("ast", epilog=_EPILOG, short_help="Print a schema in compiled form, as JSON.")
@click.argument("source", metavar="FILE|URL")
@click.option("--pretty", is_flag=True, help="Indent the JSON.")
def show_ast(source: str, pretty: bool) -> None:
    """Print the compiled form of a schema as JSON: entities, relations, and permissions as trees.

    FILE holds the schema alone, or is a validation file (YAML) with a schema in it.
    """
    try:
        definition = schema_to_proto(compile_schema(schema_of(read_document(source))))
    except UnusableFile as error:
        give_up(*error.problems)
    except InvalidSchema as error:
        give_up(f"{source}: the schema is not valid\n{error.explain()}")
    # sorted, since protobuf maps have no order of their own and equal schemas should print alike
    click.echo(json_format.MessageToJson(definition, indent=2 if pretty else None, sort_keys=True))

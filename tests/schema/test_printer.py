"""The canonical text: stable, and a faithful copy of what was parsed."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from schema.ast import EntityNode, SchemaNode
from schema.compiler import compile_schema
from schema.parser import parse_schema
from schema.printer import print_schema
from tests.schema.generated import schemas
from tests.schema.test_compiler import SAMPLE


def in_sections(schema: SchemaNode) -> SchemaNode:
    """The tree with members in the order they are printed: relations, attributes, permissions."""
    definitions = tuple(
        replace(node, members=(*node.relations, *node.attributes, *node.permissions))
        if isinstance(node, EntityNode)
        else node
        for node in schema.definitions
    )
    return replace(schema, definitions=definitions)


def test_the_sample_prints_with_its_operations_in_parentheses() -> None:
    assert print_schema(parse_schema(SAMPLE)) == (
        "entity user {\n}\n"
        "\n"
        "entity team {\n"
        "\trelation lead @user\n"
        "\trelation member @user @team#lead\n"
        "}\n"
        "\n"
        "entity file {\n"
        "\trelation owner @user\n"
        "\trelation team @team\n"
        "\n"
        "\tattribute listed boolean\n"
        "\tattribute size integer\n"
        "\n"
        "\tpermission read = ((owner or team.member) and listed)\n"
        "\tpermission purge = (owner not small(size))\n"
        "}\n"
        "\n"
        "rule small(size integer) {\n"
        "\tsize < 10\n"
        "}\n"
    )


def test_no_definitions_print_as_nothing() -> None:
    assert print_schema(parse_schema("// only a comment")) == ""


def test_parameters_keep_their_order_and_bodies_their_text() -> None:
    text = "rule r(b integer, a string[]) {\n\tb > 1 && // }\n\t\ta == ['}']\n}\n"
    assert print_schema(parse_schema(text)) == text


@given(schemas())
def test_the_print_parses_back_to_the_tree_it_came_from(text: str) -> None:
    tree = parse_schema(text)
    printed = print_schema(tree)
    assert parse_schema(printed) == in_sections(tree)
    assert print_schema(parse_schema(printed)) == printed


@given(schemas())
def test_the_print_compiles_to_an_equal_schema(text: str) -> None:
    schema = compile_schema(text)
    again = compile_schema(schema.text)
    assert again == schema
    assert list(again.entities) == list(schema.entities)

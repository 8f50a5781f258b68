"""Errors explain themselves; their codes are held against the contract in tests/proto."""

from __future__ import annotations

import pytest

from model.errors import DepthExhausted, ErrorCode, InvalidSchema


def fault(*, column: int, source_line: str = "", hint: str = "") -> InvalidSchema:
    return InvalidSchema(
        "unexpected '='", line=3, column=column, code=ErrorCode.SCHEMA_PARSE, source_line=source_line, hint=hint
    )


def test_a_schema_fault_is_one_line_with_its_place() -> None:
    error = fault(column=7, source_line="a = = b", hint="expected a name")
    assert str(error) == "3:7: unexpected '='"
    assert (error.line, error.column, error.code) == (3, 7, ErrorCode.SCHEMA_PARSE)


def test_an_explanation_shows_the_line_a_caret_and_a_hint() -> None:
    error = fault(column=5, source_line="a = = b", hint="expected a name")
    assert error.explain().splitlines() == [
        "3:5: unexpected '='",
        "  | a = = b",
        "  |     ^",
        "  expected a name",
    ]


@pytest.mark.parametrize(
    ("source_line", "column", "caret"),
    [
        ("\t\ta = = b", 7, "\t\t    ^"),
        ("a\t= = b", 5, " \t  ^"),
        ("\tx", 1, "^"),
        ("a = ", 5, "    ^"),
        ("\u00e4 = = b", 5, "    ^"),
    ],
)
def test_the_caret_keeps_the_tabs_so_that_it_stands_under_the_fault(source_line: str, column: int, caret: str) -> None:
    _, shown, pointed = fault(column=column, source_line=source_line).explain().splitlines()
    assert shown == f"  | {source_line}"
    assert pointed == f"  | {caret}"
    assert len(pointed.expandtabs()) == len(shown[: len("  | ") + column - 1].expandtabs()) + 1


def test_a_fault_without_a_hint_leaves_no_empty_line() -> None:
    assert len(fault(column=1, source_line="=").explain().splitlines()) == 3


def test_running_out_of_depth_has_its_code_of_the_contract() -> None:
    assert DepthExhausted("3 levels are not enough").code == ErrorCode.DEPTH_NOT_ENOUGH


def test_a_wire_name_is_the_name_clients_see() -> None:
    assert ErrorCode.SCHEMA_NOT_FOUND.wire_name == "ERROR_CODE_SCHEMA_NOT_FOUND"

"""CEL rules: type-checked once per schema version, evaluated with typed arguments and the request's context.

Nothing a user writes may hang a node or bring it down, and the library cannot be interrupted, so both sides are bounded
before it runs: the expression by the library's own depth limit, MAX_BODY_CHARACTERS and the work it can cause
(rule_cost.py), the values by MAX_VALUE_DEPTH and by their size.
Source: reference schema-language §6; the choice of library: docs/adr/0002-cel-library.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cel_expr_python import cel

from model.attributes import AttributeKind, PlainValue
from model.errors import ErrorCode, InvalidSchema, RuleFailed
from schema.cel_tree import tree_of, unwrapped
from schema.rule_cost import LARGEST_INPUT, MAX_WORK, Estimate, Workload, size_of_text
from schema.tokens import without_block_comments

MAX_BODY_CHARACTERS = 16_384
"""The longest rule body. Longer costs compile time, a few milliseconds per thousand characters at the worst."""

MAX_VALUE_DEPTH = 64
"""How deep lists and maps may nest in context data; deeper ones would overflow the library's stack."""

MIN_INPUT_SIZE = 1
"""A rule that cannot take inputs of even this size is refused with its schema."""

_FAILED = "failed to evaluate expression: "


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, ready to evaluate, from any thread. Equal when name, parameters and body are.

    parameters: in declared order. body: CEL as written, without the blanks around it. checked_expr: the serialised
    google.api.expr.v1alpha1.CheckedExpr, positions counted in the body.
    """

    name: str
    parameters: Mapping[str, AttributeKind]
    body: str
    checked_expr: bytes = field(compare=False, repr=False)
    _expression: cel.Expression = field(compare=False, repr=False)
    _workload: Workload = field(compare=False, repr=False)
    _largest_input: int = field(compare=False, repr=False)  # inputs that weigh less, all together, need no estimate
    _inputs: tuple[str, ...] = field(compare=False, repr=False)  # the parameters the body mentions
    _reads_context: bool = field(compare=False, repr=False)

    @classmethod
    def compile(cls, name: str, parameters: Mapping[str, AttributeKind], body: str) -> Rule:
        """Check the body against its parameters. Raises InvalidSchema, its position counted from the body's start."""
        if "context" in parameters:
            hint = "every rule has a variable 'context' already; rename the parameter"
            raise _fault("overlapping identifier for name 'context'", hint=hint)
        if len(body) > MAX_BODY_CHARACTERS:
            raise _fault(f"rule body has {len(body)} characters, at most {MAX_BODY_CHARACTERS} are accepted")
        expression = _compiled(parameters, body)
        if expression.return_type() != cel.Type.BOOL:
            found = expression.return_type().name().lower()
            hint = "compare it, for example with == true" if found == "dyn" else ""
            raise _fault(f"rule expression must result in a boolean type not {found}", hint=hint)
        checked_expr = unwrapped(expression.serialize())
        workload = Workload(tree_of(checked_expr))
        elements = {name: None if kind.element is AttributeKind.STRING else 1 for name, kind in parameters.items()}
        largest = workload.largest_input({**elements, "context": None})
        if largest < MIN_INPUT_SIZE:
            hint = "a macro repeats a costly operation: nested map calls that double a value, or a large counted regex"
            raise _fault(f"rule may need more than {MAX_WORK} steps even for small inputs", hint=hint)
        mentioned = workload.inputs()
        inputs = tuple(parameter for parameter in parameters if parameter in mentioned)
        return cls(name, parameters, body, checked_expr, expression, workload, largest, inputs, "context" in mentioned)

    def evaluate(self, arguments: Mapping[str, PlainValue], data: Mapping[str, Any]) -> bool:
        """True if the rule holds for the arguments, one per parameter, and the request's context data.

        data: JSON-shaped, numbers as floats. Raises RuleFailed where CEL does (a missing key of the data, division by
        zero, overflow, mixed arithmetic), and for values the rule could need more than MAX_WORK steps for.
        """
        variables: dict[str, Any] = {}  # what the body does not mention is not converted for it either
        for name in self._inputs:
            if name in arguments:
                value = arguments[name]
                variables[name] = list(value) if isinstance(value, tuple) else value
        if self._reads_context:
            variables["context"] = {"data": data}
        self._require_bounded(variables)
        try:
            result = self._expression.eval(data=variables).value()
        except (RuntimeError, MemoryError, TypeError, ValueError) as error:
            raise RuleFailed(_FAILED + _plain(str(error))) from error
        if isinstance(result, bool):
            return result
        raise RuleFailed(_FAILED + _plain(str(result)))

    def _require_bounded(self, variables: Mapping[str, Any]) -> None:
        size = sum([weigh(value) for value in variables.values()])
        if size <= self._largest_input:
            return
        if size <= LARGEST_INPUT:
            known = {name: Estimate.of(value) for name, value in variables.items()}
            if self._workload.bound(known) <= MAX_WORK:
                return
        raise RuleFailed(f"{_FAILED}inputs too large: rule {self.name!r} could need more than {MAX_WORK} steps")


def weigh(value: object, depth: int = 0) -> int:
    """The size of a value in the units of rule_cost.

    Raises RuleFailed for what the library cannot take: values nested deeper than MAX_VALUE_DEPTH, and strings that hold
    a NUL, which it would cut off there, or a lone surrogate.
    """
    match value:
        case str():
            return _weigh_text(value)
        case None | bool() | float() | int():
            return 1
        case dict() | list() | Mapping() if depth == MAX_VALUE_DEPTH:
            raise RuleFailed(f"{_FAILED}values nest deeper than {MAX_VALUE_DEPTH} levels")
        case dict() | Mapping():
            return 1 + sum([_weigh_text(key) + weigh(item, depth + 1) for key, item in value.items()])
        case list():
            return 1 + sum([weigh(item, depth + 1) for item in value])
        case _:
            raise RuleFailed(f"{_FAILED}expected a JSON value, got {type(value).__name__}")


def _weigh_text(text: str) -> int:
    if "\0" in text or not (text.isascii() or _is_encodable(text)):
        raise RuleFailed(f"{_FAILED}text holds a NUL or is not valid Unicode: {text[:64]!r}")
    return size_of_text(text)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_SCALARS = {
    AttributeKind.BOOLEAN: cel.Type.BOOL,
    AttributeKind.STRING: cel.Type.STRING,
    AttributeKind.INTEGER: cel.Type.INT,
    AttributeKind.DOUBLE: cel.Type.DOUBLE,
}


def _compiled(parameters: Mapping[str, AttributeKind], body: str) -> cel.Expression:
    variables = {name: _cel_type(kind) for name, kind in parameters.items()}
    try:
        return cel.NewEnv(variables={**variables, "context": cel.Type.DYN}).compile(without_block_comments(body))
    except (RuntimeError, TypeError) as error:
        raise _first_fault(str(error)) from error


def _cel_type(kind: AttributeKind) -> cel.Type:
    scalar = _SCALARS[kind.element]
    return cel.Type.List(scalar) if kind.is_array else scalar


def _first_fault(text: str) -> InvalidSchema:
    """The fault the library's report mentions that stands first in the body; it lists them in order of discovery."""
    found = re.findall(r"ERROR: <input>:(-?\d+):(-?\d+): ([^\n]*)", text)
    line, column, message = min(((int(line), int(column), text) for line, column, text in found), default=(1, 1, text))
    if "recursion" in message:
        return _fault(
            _plain(message), hint="the expression nests too deep or has a chain of over 30 operators; use parentheses"
        )
    return _fault(_plain(message), max(line, 1), max(column, 1))


def _plain(text: str) -> str:
    """A message of the library without its status words."""
    return re.sub(r"^[A-Z_]+: | \[[A-Z_]+\]$", "", text.partition("\n")[0])


def _fault(message: str, line: int = 1, column: int = 1, *, hint: str = "") -> InvalidSchema:
    return InvalidSchema(message, line=line, column=column, code=ErrorCode.SCHEMA_COMPILE, hint=hint)

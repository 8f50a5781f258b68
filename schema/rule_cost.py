"""How much work a rule can cause at most, given how large its inputs are.

CEL always ends, but not soon: a variable bound by a macro can be doubled in each of thirty nested ``map`` calls, and
lists are copied as they grow. The library stops after 10 000 iterations and at its depth limit, yet what one iteration
may cost it does not bound, nor can an evaluation be interrupted. So the bound is computed before: sizes and work are
followed through the tree, as upper estimates, in units of about 20 ns and 16 bytes.

Sizes: a scalar is 1, a string 1 and another for every eight characters, a list or map the sum of its parts.
Source: cel-spec, language definition, "Performance"; measurements in docs/adr/0002-cel-library.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schema.cel_tree import Comprehension, Constant, FunctionCall, Ident, Literal, Node, Select
from schema.regex_cost import STATES_PER_CHARACTER, states_of

MAX_WORK = 4_000_000
"""How much work one evaluation may cause: about 0.1 s and 100 MB at the very worst, were every estimate exact. Raise it
for rules over large lists; the price is how long one request can hold the process."""

MAX_ITERATIONS = 10_000
"""How many iterations the library allows one evaluation, over all macros together."""

CHARACTERS_PER_UNIT = 8

_CAP = 1 << 62
_SIZES = (32_768, 4_096, 1_024, 256, 64, 16, 4, 1)  # the first fits most rules; each one more is a walk of the tree
_INPUT_WORK = 10  # units to convert one unit of input from Python
_BRIEF = {"_&&_", "_||_", "!_", "_?_:_", "@not_strictly_false", "_[_]", "dyn", "type", "-_", "_-_", "_*_", "_/_", "_%_"}
_LOCKSTEP = {"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "startsWith", "endsWith"}


class Estimate(NamedTuple):
    """What an expression can come to: the size of its value and the work to find it.

    text: the value itself where it is a string and known. fields: what is known of a map's values. element and length:
    the size of the largest element of a list, or key of a map, and how many there are, where less than size is known.
    """

    size: int
    work: int = 0
    text: str | None = None
    fields: Mapping[str, Estimate] | None = None
    element: int | None = None
    length: int | None = None

    @classmethod
    def of(cls, value: object) -> Estimate:
        """What is known of an input value, found in one pass over it. Recursive: inputs are held to a depth before."""
        match value:
            case str():
                return cls(size_of_text(value), text=value)
            case Mapping():
                fields = {key: cls.of(item) for key, item in value.items()}
                keys = [size_of_text(key) for key in fields]
                size = 1 + sum(keys) + sum([field.size for field in fields.values()])
                return cls(size, fields=fields, element=max(keys, default=0), length=len(keys))
            case list() | tuple():
                sizes = [cls.of(item).size for item in value]
                return cls(1 + sum(sizes), element=max(sizes, default=0), length=len(sizes))
            case _:
                return cls(1)

    @property
    def largest_element(self) -> int:
        """The size of the largest element at most."""
        return self.size if self.element is None else self.element

    @property
    def rounds(self) -> int:
        """How many iterations over it there can be."""
        return min(self.size if self.length is None else self.length, MAX_ITERATIONS)


_EMPTY = Estimate(0, element=0, length=0)


@dataclass(frozen=True, slots=True)
class Workload:
    """The expression tree of one rule, asked for its bound."""

    tree: Node

    def bound(self, inputs: Mapping[str, Estimate]) -> int:
        """The work of one evaluation over inputs of these sizes, at most."""
        return _estimate(self.tree, inputs).work + _INPUT_WORK * sum(given.size for given in inputs.values())

    def largest_input(self, elements: Mapping[str, int | None]) -> int:
        """The largest of a few sizes such that inputs of that size each stay within MAX_WORK; 0 if none does.

        elements: for each input the size of its elements, or None where it is not known.
        """
        for size in _SIZES:
            inputs = {name: Estimate(size, element=element) for name, element in elements.items()}
            if self.bound(inputs) <= MAX_WORK:
                return size
        return 0

    def inputs(self) -> frozenset[str]:
        """The names the expression mentions, comprehension variables among them."""
        return frozenset(_names(self.tree))


LARGEST_INPUT = MAX_WORK // _INPUT_WORK
"""The size of inputs that takes MAX_WORK to convert, whatever the rule does with them."""


def size_of_text(text: str) -> int:
    """The size of a string, in units."""
    return 1 + len(text) // CHARACTERS_PER_UNIT


def _names(node: Node) -> Iterator[str]:
    open_nodes = [node]
    while open_nodes:
        match open_nodes.pop():
            case Ident(name):
                yield name
            case Select(operand):
                open_nodes.append(operand)
            case FunctionCall(_, parts) | Literal(parts):
                open_nodes += parts
            case Comprehension() as fold:
                open_nodes += (fold.range, fold.init, fold.condition, fold.step, fold.result)
            case _:
                pass


def _estimate(node: Node, scope: Mapping[str, Estimate]) -> Estimate:
    match node:
        case Constant(text):
            return Estimate(size_of_text(text or ""), 1, text)
        case Ident(name):
            return scope.get(name, Estimate(1))._replace(work=1)
        case Select(operand, field):
            return _selected(_estimate(operand, scope), field)
        case FunctionCall(function, arguments):
            return _called(function, [_estimate(argument, scope) for argument in arguments])
        case Literal(items):
            parts = [_estimate(item, scope) for item in items]
            size, work = 1 + sum(part.size for part in parts), len(parts) + sum(part.work for part in parts)
            element = max((part.size for part in parts), default=0)
            return Estimate(min(size, _CAP), min(work, _CAP), element=element, length=len(parts))
        case Comprehension():
            return _folded(node, scope)


def _selected(operand: Estimate, field: str | None) -> Estimate:
    """A map's value under a key, or a list's element; at most the whole where map or key is not known."""
    whole = Estimate(operand.size)
    known = operand.fields.get(field, whole) if operand.fields and field is not None else whole
    return known._replace(work=operand.work + 1)


def _called(function: str, arguments: Sequence[Estimate]) -> Estimate:
    sizes = [argument.size for argument in arguments]
    work = 1 + sum(argument.work for argument in arguments)
    if function == "matches":
        work += _matching(arguments[0], arguments[-1])
    elif function in _LOCKSTEP:
        work += min(sizes)
    elif function not in _BRIEF:
        work += sum(sizes)
    return _result(function, arguments)._replace(work=min(work, _CAP))


def _result(function: str, arguments: Sequence[Estimate]) -> Estimate:
    """The size of what a function gives and of its elements."""
    match function:
        case "dyn":
            return arguments[0]
        case "_[_]":
            return _selected(arguments[0], arguments[1].text)
        case "_?_:_":
            chosen = arguments[1:]
            element = max(part.largest_element for part in chosen)
            length = max(part.rounds for part in chosen)
            return Estimate(max(part.size for part in chosen), element=element, length=length)
        case "_+_":
            size = min(sum(part.size for part in arguments), _CAP)
            element = max(part.largest_element for part in arguments)
            return Estimate(size, element=element, length=sum(part.rounds for part in arguments))
        case "string" | "bytes":
            return Estimate(4 + sum(part.size for part in arguments))
        case _:
            return Estimate(1)


def _matching(text: Estimate, pattern: Estimate) -> int:
    if pattern.text is not None:
        states = states_of(pattern.text)
    else:
        states = pattern.size * CHARACTERS_PER_UNIT * STATES_PER_CHARACTER
    return states * states // 10 + 2 * states * text.size * CHARACTERS_PER_UNIT


def _folded(node: Comprehension, scope: Mapping[str, Estimate]) -> Estimate:
    """A fold. Its step is walked once, over an empty accumulator, or nested folds would take time exponential in depth.

    That is enough, since only macros make folds and they use the accumulator in one way: as a flag or a counter, or as
    a list that each round may copy and add an element to.
    """
    over, init = _estimate(node.range, scope), _estimate(node.init, scope)
    inner = {**scope, node.variable: Estimate(over.largest_element), node.accumulator: _EMPTY}
    step, condition = _estimate(node.step, inner), _estimate(node.condition, inner)
    folded, copied = Estimate(1), 0
    if isinstance(node.init, Literal):
        copied = min(over.rounds * step.size, _CAP)
        folded = Estimate(copied, element=step.largest_element, length=over.rounds)
    result = _estimate(node.result, {**inner, node.accumulator: folded})
    work = over.work + init.work + over.rounds * (step.work + condition.work + copied) + result.work
    return result._replace(work=min(work, _CAP))

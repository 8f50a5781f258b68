"""Text to syntax tree: the grammar run by lark's LALR parser, its callbacks building our nodes.

LALR keeps its own stack, so deep input costs memory in proportion and never Python frames; how deep a tree may get is
bounded in tokens.py all the same, since everybody after the parser walks it. Duplicate names are faults of syntax here,
as in the reference: the builder sees definitions in source order, so whichever fault comes first in the text is raised.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.resources import files
from threading import Lock
from typing import cast

from lark import Lark, Token, Transformer, UnexpectedToken

from model.errors import ErrorCode, InvalidSchema
from schema.ast import (
    AttributeNode,
    Binary,
    Call,
    EntityNode,
    Expression,
    Member,
    Name,
    ParameterNode,
    Path,
    PermissionNode,
    RelationNode,
    RuleNode,
    SchemaNode,
    TargetNode,
)
from schema.compiled import Operator
from schema.source import Source, Span
from schema.syntax_errors import unexpected
from schema.tokens import MAX_NESTING, TokenLexer


def parse_schema(text: str) -> SchemaNode:
    """The syntax tree of a schema text; an empty text has no definitions.

    Raises InvalidSchema for a fault of syntax or a duplicate name, the first in source order, and LimitExceeded for a
    text longer than source.MAX_SCHEMA_BYTES.
    """
    source = Source.of(text)
    return SchemaNode(source, cast("tuple[EntityNode | RuleNode, ...]", _parser().parse(source, "start")))


def parse_member(text: str) -> Member:
    """The one member a text holds: a relation, an attribute or a permission. Raises as parse_schema does."""
    source = Source.of(text)
    if not text.strip(" \t\r\n;"):
        hint = "a statement begins with relation, attribute or permission"
        raise source.fault(0, "no valid statement found", code=ErrorCode.SCHEMA_PARSE, hint=hint)
    return cast("Member", _parser().parse(source, "statement"))


class _Parser:
    """Lark with its builder. One text at a time: the builder keeps the names seen so far."""

    def __init__(self) -> None:
        grammar = files("schema").joinpath("grammar.lark").read_text(encoding="utf-8")
        self._builder = _Builder()
        self._lock = Lock()
        starts = ["start", "statement"]
        self._lark = Lark(grammar, parser="lalr", lexer=TokenLexer, transformer=self._builder, start=starts)

    def parse(self, source: Source, start: str) -> object:
        """What the builder makes of the start symbol."""
        with self._lock:
            self._builder.begin(source)
            try:
                return self._lark.parse(cast("str", source), start=start)  # our lexer reads a Source, lark says str
            except UnexpectedToken as error:
                raise unexpected(source, error) from None
            finally:
                self._builder.begin(_NOTHING)


@cache
def _parser() -> _Parser:
    return _Parser()


_NOTHING = Source("", (0,))


def _name(token: Token) -> Name:
    return Name(token.value, _span(token))


def _span(token: Token) -> Span:
    return Span(cast("int", token.start_pos), cast("int", token.end_pos))


class _Builder(Transformer[Token, object]):
    """The callbacks, one per grammar rule, each given the rule's children in order."""

    def begin(self, source: Source) -> None:
        """Forget the names of the text before."""
        self._source = source
        self._entity = ""
        self._definitions: set[str] = set()
        self._members: set[str] = set()

    def start(self, children: list[EntityNode | RuleNode | Token]) -> tuple[EntityNode | RuleNode, ...]:
        return tuple(child for child in children if not isinstance(child, Token))

    def statement(self, children: list[Member]) -> Member:
        return children[0]

    def entity(self, children: list[_Head | Member | Token]) -> EntityNode:
        head, *members, closing = children
        (keyword, name), end = cast("_Head", head), cast("Token", closing)
        return EntityNode(name, tuple(cast("list[Member]", members)), Span(keyword.start, _span(end).end))

    def entity_head(self, children: list[Token]) -> _Head:
        head = self._definition_head(children)
        self._entity, self._members = head[1].text, set()
        return head

    def rule_head(self, children: list[Token]) -> _Head:
        return self._definition_head(children)

    def relation_head(self, children: list[Token]) -> _Head:
        return self._member_head(children)

    attribute_head = permission_head = relation_head

    def relation(self, children: list[_Head | TargetNode]) -> RelationNode:
        (keyword, name), targets = cast("_Head", children[0]), tuple(cast("list[TargetNode]", children[1:]))
        return RelationNode(name, targets, Span(keyword.start, targets[-1].span.end))

    def target(self, children: list[Token]) -> TargetNode:
        sign, kind, *relation = children
        span = Span(_span(sign).start, _span(children[-1]).end)
        return TargetNode(_name(kind), _name(relation[0]) if relation else None, span)

    def attribute(self, children: tuple[_Head, Name]) -> AttributeNode:
        (keyword, name), kind = children
        return AttributeNode(name, kind, Span(keyword.start, kind.span.end))

    def kind(self, children: list[Token]) -> Name:
        brackets = "[]" if len(children) > 1 else ""
        return Name(children[0].value + brackets, Span(_span(children[0]).start, _span(children[-1]).end))

    def permission(self, children: tuple[_Head, Expression]) -> PermissionNode:
        (keyword, name), expression = children
        return PermissionNode(name, expression, Span(keyword.start, expression.span.end))

    def operation(self, children: tuple[Expression, Token, Expression]) -> Binary:
        left, operator, right = children
        depth = 1 + max(_depth(left), _depth(right))
        if depth > MAX_NESTING:
            message = f"expression nests deeper than {MAX_NESTING} levels"
            hint = "group the operands with parentheses, or split the expression into several permissions"
            raise self._fault(_span(operator).start, message, hint)
        return Binary(Operator(operator.value), left, right, Span(left.span.start, right.span.end), depth)

    def group(self, children: tuple[Token, Expression, Token]) -> Expression:
        opening, expression, closing = children
        return replace(expression, span=Span(_span(opening).start, _span(closing).end))

    def path(self, children: list[Token]) -> Path:
        return Path(tuple(map(_name, children)), Span(_span(children[0]).start, _span(children[-1]).end))

    def call(self, children: list[Token | Path]) -> Call:
        rule, _, *arguments, closing = children
        span = Span(_span(cast("Token", rule)).start, _span(cast("Token", closing)).end)
        return Call(_name(cast("Token", rule)), tuple(cast("list[Path]", arguments)), span)

    def parameter(self, children: tuple[Token, Name]) -> ParameterNode:
        name, kind = children
        return ParameterNode(_name(name), kind, Span(_span(name).start, kind.span.end))

    def rule(self, children: list[_Head | ParameterNode | Token]) -> RuleNode:
        (keyword, name), parameters = cast("_Head", children[0]), cast("list[ParameterNode]", children[2:-3])
        body, closing = cast("list[Token]", children[-2:])  # before them the parenthesis
        span = Span(keyword.start, _span(closing).end)
        return RuleNode(name, tuple(parameters), _stripped(body), span)

    def _definition_head(self, children: list[Token]) -> _Head:
        name = _name(children[1])
        if name.text in self._definitions:
            raise self._duplicate(name, name.text)
        self._definitions.add(name.text)
        return _span(children[0]), name

    def _member_head(self, children: list[Token]) -> _Head:
        name = _name(children[1])
        if name.text in self._members:
            raise self._duplicate(name, f"{self._entity}#{name.text}")
        self._members.add(name.text)
        return _span(children[0]), name

    def _duplicate(self, name: Name, label: str) -> InvalidSchema:
        hint = f"{name.text!r} is declared above; a name is declared once"
        return self._fault(name.span.start, f"duplication found for {label}", hint)

    def _fault(self, offset: int, message: str, hint: str) -> InvalidSchema:
        return self._source.fault(offset, message, code=ErrorCode.SCHEMA_PARSE, hint=hint)


_Head = tuple[Span, Name]  # the keyword's span and the name declared


def _depth(expression: Expression) -> int:
    return expression.depth if isinstance(expression, Binary) else 0


def _stripped(body: Token) -> Name:
    """The body without the blanks around it."""
    text, start = body.value, _span(body).start
    stripped = text.strip(" \t\n")
    start += len(text) - len(text.lstrip(" \t\n"))
    return Name(stripped, Span(start, start + len(stripped)))

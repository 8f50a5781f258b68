"""Permission expressions to rewrites: every name resolved, or the fault that keeps it from being.

Source: reference schema-language §7, checks 8 to 16, and §8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from model.attributes import AttributeKind
from model.errors import ErrorCode, InvalidSchema
from schema.ast import AttributeNode, Binary, Call, Expression, Name, Path, PermissionNode, RelationNode, RuleNode
from schema.compiled import Arrow, ComputedAttribute, ComputedUserset, Operation, Rewrite, RuleCall, Target
from schema.names import Names, kind_of
from schema.source import did_you_mean


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolves the expressions of one entity. reach: the subjects each relation of the schema can hold."""

    entity: str
    names: Names
    reach: Mapping[tuple[str, str], frozenset[Target]]

    def rewrite(self, expression: Expression) -> Rewrite:
        """The rewrite of an expression. Raises InvalidSchema for the first leaf, from the left, that does not resolve.

        Recursive: the parser bounds the depth of expressions.
        """
        match expression:
            case Binary(operator, left, right):
                return Operation(operator, self.rewrite(left), self.rewrite(right))
            case Call():
                return self._call(expression)
            case Path(names=(name,)):
                return self._leaf(name)
            case Path(names=(relation, name)):
                return self._arrow(relation, name)
            case Path(names=names):
                hint = "a path takes one step; put the next one into a permission of the entity it leads to"
                raise self._fault(names[2], "not supported relation walk", ErrorCode.NOT_SUPPORTED_RELATION_WALK, hint)

    def _leaf(self, name: Name) -> Rewrite:
        match self.names.member(self.entity, name.text):
            case RelationNode() | PermissionNode():
                return ComputedUserset(name.text)
            case AttributeNode(kind=kind):
                if kind_of(kind) in {AttributeKind.BOOLEAN, None}:  # an unknown kind is reported where it is declared
                    return ComputedAttribute(name.text)
                hint = f"{name.text!r} is {kind.text}; only a boolean attribute stands alone, others go into a rule"
                raise self._fault(name, "schema compile", ErrorCode.SCHEMA_COMPILE, hint)
            case None:
                raise self._undefined(name, self._no_member(self.entity, name))

    def _arrow(self, relation: Name, name: Name) -> Rewrite:
        node = self.names.member(self.entity, relation.text)
        if not isinstance(node, RelationNode):
            hint = f"{relation.text!r} is no relation; a path begins with one" if node else ""
            raise self._undefined(relation, hint or self._no_member(self.entity, relation))
        lacking = [target.type.text for target in node.targets if not self._is_asked(target.type.text, name.text)]
        if lacking and not self._is_asked_beyond(relation, name):
            raise self._undefined(name, self._no_member(lacking[0], name))
        return Arrow(relation.text, name.text)

    def _is_asked(self, entity: str, name: str) -> bool:
        """True if the name is something that can be asked of the entity."""
        return isinstance(self.names.member(entity, name), RelationNode | PermissionNode)

    def _is_asked_beyond(self, relation: Name, name: Name) -> bool:
        """True if all types found by following usersets to their end have the name.

        This is how the reference checks an arrow, though it evaluates on the userset's own type; schemas that
        satisfy either are accepted (L-14).
        """
        ends = {target.type for target in self.reach[self.entity, relation.text] if not target.relation}
        return bool(ends) and all(self._is_asked(end, name.text) for end in ends)

    def _call(self, call: Call) -> Rewrite:
        rule = self.names.rules.get(call.rule.text)
        if rule is None:
            hint = did_you_mean(call.rule.text, self.names.rules)
            raise self._fault(call.rule, "invalid rule reference", ErrorCode.INVALID_RULE_REFERENCE, hint)
        if len(call.arguments) != len(rule.parameters):
            hint = f"{call.rule.text!r} takes {_signature(rule)}"
            raise self._fault(call.rule, "missing argument", ErrorCode.MISSING_ARGUMENT, hint)
        for argument in call.arguments:
            self._check_argument(argument, rule)
        return RuleCall(call.rule.text, tuple(argument.names[0].text for argument in call.arguments))

    def _check_argument(self, argument: Path, rule: RuleNode) -> None:
        name = argument.names[0]
        if len(argument.names) > 1:
            hint = "arguments are attributes of this entity; a rule reads context.data in its body"
            raise self._fault(name, "not supported walk", ErrorCode.NOT_SUPPORTED_WALK, hint)
        node = self.names.member(self.entity, name.text)
        if not isinstance(node, AttributeNode):
            hint = f"{name.text!r} is no attribute of {self.entity!r}"
            raise self._fault(name, "invalid rule reference", ErrorCode.INVALID_RULE_REFERENCE, hint)
        parameter = next((p for p in rule.parameters if p.name.text == name.text), None)
        if parameter is None:
            hint = f"arguments bind by name; {rule.name.text!r} takes {_signature(rule)}"
            raise self._fault(name, "invalid argument", ErrorCode.INVALID_ARGUMENT, hint)
        given, wanted = kind_of(node.kind), kind_of(parameter.kind)
        if given != wanted and None not in {given, wanted}:
            hint = f"{name.text!r} is {node.kind.text}, the parameter is {parameter.kind.text}"
            raise self._fault(name, "invalid argument", ErrorCode.INVALID_ARGUMENT, hint)

    def _no_member(self, entity: str, name: Name) -> str:
        known = [member for member in self.names.members.get(entity, {}) if self._is_asked(entity, member)]
        return f"{entity!r} has no relation or permission {name.text!r}; {did_you_mean(name.text, known)}".rstrip("; ")

    def _undefined(self, name: Name, hint: str) -> InvalidSchema:
        return self._fault(name, "undefined relation reference", ErrorCode.UNDEFINED_RELATION_REFERENCE, hint)

    def _fault(self, name: Name, message: str, code: ErrorCode, hint: str) -> InvalidSchema:
        return self.names.source.fault(name.span.start, message, code=code, hint=hint)


def _signature(rule: RuleNode) -> str:
    parameters = ", ".join(f"{parameter.name.text} {parameter.kind.text}" for parameter in rule.parameters)
    return f"({parameters})"

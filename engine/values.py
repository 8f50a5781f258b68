"""What attributes decide: a boolean as it stands, or a rule over several."""

from __future__ import annotations

from engine.leaves import RuleLeaf
from engine.overlay import Overlay
from model.attributes import AttributeKind, EntityAttribute, PlainValue
from model.errors import InvalidRequest
from model.tuples import EntityRef
from storage.base import Facts


def is_true(key: EntityAttribute, facts: Facts, overlay: Overlay) -> bool:
    """A boolean attribute: a contextual value counts before a stored one, and none means False.

    Raises InvalidRequest for a value that is no boolean.
    """
    value = overlay.attributes.get(key) or facts.attributes.get(key.name)
    if value is None:
        return False
    if value.kind is not AttributeKind.BOOLEAN:
        raise InvalidRequest(
            f"expected a boolean in {key.entity_type}:{key.entity_id}#{key.name}, found {value.kind.keyword}"
        )
    return bool(value.value)


def holds(call: RuleLeaf, entity: EntityRef, facts: Facts, overlay: Overlay) -> bool:
    """A rule call: CEL over attributes of the entity and the request's context data.

    A stored attribute counts before a contextual one; with neither the parameter has its kind's zero value. Raises
    AuthzError for what the rule cannot digest. Source: reference semantics §3.2, S-4, S-6.
    """
    parameters = call.rule.parameters
    values: dict[str, PlainValue] = {name: kind.zero for name, kind in parameters.items()}
    for name in call.arguments:
        value = facts.attributes.get(name) or overlay.attributes.get(EntityAttribute(*entity, name))
        if value is None:
            continue
        if value.kind is not parameters.get(name):
            wanted = parameters[name].keyword if name in parameters else "no such parameter"
            raise InvalidRequest(f"expected {wanted} for {name!r} in {entity}#{call.name}, found {value.kind.keyword}")
        values[name] = value.value
    return call.rule.evaluate(values, overlay.data)

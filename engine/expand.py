"""Expand: how a permission comes about, as a tree over what is stored, in schema order. Source: semantics §5.

An entity is read once, all of it that its schema gives a meaning to. What is met again on its own path contributes an
empty leaf, so cyclic data ends; a tree that grows beyond what a message can carry is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from engine.names import definition_of, has_member, unknown_member
from engine.overlay import Overlay, overlay_of
from model.attributes import AttributeKind, AttributeValue, EntityAttribute
from model.errors import LimitExceeded
from model.expand import Branch, Combination, ExpandRequest, Expansion, Subjects, Value, Values
from model.snapshot import Snapshot
from model.tuples import EntityRef, EntityRelation, SubjectRef
from schema.compiled import (
    Arrow,
    CompiledSchema,
    ComputedAttribute,
    ComputedUserset,
    EntityDefinition,
    Operation,
    Operator,
    Rewrite,
    RuleCall,
    Target,
)
from storage.base import EntityRead, Facts, SnapshotReader, Wanted

MOST_LEVELS = 40
"""Protobuf reads messages up to 100 deep, and a level of the tree takes two."""

MOST_NODES = 100_000
"""Nodes of one tree; groups that share members are listed under each, so a tree can outgrow the data."""

NODES_PER_TURN = 100
"""Nodes added, a few milliseconds, before others get their turn on the event loop."""

_COMBINATIONS = {
    Operator.UNION: Combination.UNION,
    Operator.INTERSECTION: Combination.INTERSECTION,
    Operator.EXCLUSION: Combination.EXCLUSION,
}
_NOBODY = SubjectRef("", "")
Place = tuple[str, str, str]  # entity type, entity id, member
Read = Callable[[Sequence[EntityRead]], Awaitable[Sequence[Facts]]]


async def expand(
    reader: SnapshotReader, schema: CompiledSchema, snapshot: Snapshot, request: ExpandRequest
) -> Expansion:
    """The tree of a permission, relation or attribute of an entity; a rule's name gives an empty leaf.

    Raises NotFound for an unknown type or name, LimitExceeded for a tree too deep or too large, and what the reader
    raises. Cancelling stops it at the next read.
    """
    entity, permission = request.entity, request.permission
    definition = definition_of(schema, entity.type)
    if not has_member(definition, permission):
        if permission in schema.rules:
            return Expansion(entity, permission, Values({}))
        raise unknown_member(schema, entity.type, permission)
    expander = _Expander(schema, partial(reader.read, request.tenant, snapshot), overlay_of(request.context, schema))
    return await expander.member((*entity, permission), path=(), depth=0)


class _Expander:
    def __init__(self, schema: CompiledSchema, read: Read, overlay: Overlay) -> None:
        self._schema = schema
        self._read = read
        self._overlay = overlay
        self._wanted: dict[str, Wanted] = {}
        self._facts: dict[EntityRef, Facts] = {}
        self._nodes = 0

    async def member(self, place: Place, *, path: tuple[Place, ...], depth: int) -> Expansion:
        """The tree of a member; an empty leaf if there is no such member, or if it is met again on its own path."""
        entity, name = EntityRef(*place[:2]), place[2]
        self._count(depth)
        if self._nodes % NODES_PER_TURN == 0:
            await asyncio.sleep(0)
        definition = self._schema.entities.get(entity.type)
        if definition is None or place in path or not has_member(definition, name):
            return Expansion(entity, name, Subjects(()))
        facts = await self._facts_of(entity, definition)
        if name in definition.permissions:
            return await self._rewrite(definition.permissions[name], place, facts, path=(*path, place), depth=depth)
        if name in definition.attributes:
            return Expansion(entity, name, Value(self._value(entity, name, facts)))
        return await self._relation(place, facts, path=(*path, place), depth=depth)

    async def _rewrite(
        self, rewrite: Rewrite, place: Place, facts: Facts, *, path: tuple[Place, ...], depth: int
    ) -> Expansion:
        entity_type, entity_id, permission = place
        entity = EntityRef(entity_type, entity_id)
        match rewrite:
            case Operation(operator, left, right):
                self._count(depth)
                sides = (left, right)
                children = [await self._rewrite(side, place, facts, path=path, depth=depth + 1) for side in sides]
                return Expansion(entity, permission, Branch(_COMBINATIONS[operator], children))
            case ComputedUserset(name) | ComputedAttribute(name):
                return await self.member((entity_type, entity_id, name), path=path, depth=depth)
            case Arrow(relation, name):
                ends = self._subjects((entity_type, entity_id, relation), facts)
                children = [await self.member((end.type, end.id, name), path=path, depth=depth + 1) for end in ends]
                return Expansion(entity, relation, Branch(Combination.UNION, children))
            case RuleCall(rule, arguments):
                self._count(depth)
                values = {name: self._argument(entity, name, facts) for name in arguments}
                return Expansion(entity, rule, Values(values), arguments)

    async def _relation(self, place: Place, facts: Facts, *, path: tuple[Place, ...], depth: int) -> Expansion:
        """A leaf of its subjects; with usersets, a union of their trees and of a leaf that ends with them."""
        entity, relation = EntityRef(*place[:2]), place[2]
        subjects = self._subjects(place, facts)
        usersets = [subject for subject in subjects if subject.relation]
        direct = [subject for subject in subjects if not subject.relation]
        leaf = Expansion(entity, relation, Subjects((*direct, *usersets)))
        if not usersets:
            return leaf
        trees = [await self.member(userset, path=path, depth=depth + 1) for userset in usersets]
        return Expansion(entity, relation, Branch(Combination.UNION, (*trees, leaf)))

    def _subjects(self, place: Place, facts: Facts) -> Sequence[SubjectRef]:
        """Stored subjects the schema still lets be stored, then those the context adds."""
        targets = self._schema.entities[place[0]].relations[place[2]]
        stored = [s for s in facts.subjects.get(place[2], ()) if Target(s.type, s.relation) in targets]
        return tuple(dict.fromkeys((*stored, *self._overlay.subjects.get(EntityRelation(*place), ()))))

    def _value(self, entity: EntityRef, name: str, facts: Facts) -> AttributeValue:
        contextual = self._overlay.attributes.get(EntityAttribute(*entity, name))
        return contextual or facts.attributes.get(name) or AttributeValue(AttributeKind.BOOLEAN, False)

    def _argument(self, entity: EntityRef, name: str, facts: Facts) -> AttributeValue:
        contextual = self._overlay.attributes.get(EntityAttribute(*entity, name))
        kind = self._schema.entities[entity.type].attributes[name]
        return facts.attributes.get(name) or contextual or AttributeValue(kind, kind.zero)

    async def _facts_of(self, entity: EntityRef, definition: EntityDefinition) -> Facts:
        facts = self._facts.get(entity)
        if facts is None:
            wanted = self._wanted.get(entity.type)
            if wanted is None:
                wanted = Wanted(subjects=tuple(definition.relations), attributes=tuple(definition.attributes))
                self._wanted[entity.type] = wanted
            (facts,) = await self._read([EntityRead(*entity, _NOBODY, wanted)])
            self._facts[entity] = facts
        return facts

    def _count(self, depth: int) -> None:
        self._nodes += 1
        if depth > MOST_LEVELS:
            raise LimitExceeded(f"the tree is more than {MOST_LEVELS} levels deep")
        if self._nodes > MOST_NODES:
            raise LimitExceeded(f"the tree has more than {MOST_NODES} nodes")

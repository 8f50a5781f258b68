"""What one transaction changed, in the order its Commit tells it, whatever store the rows come from."""

from __future__ import annotations

from model.attributes import Attribute, EntityAttribute
from model.tuples import RelationTuple
from storage.base import Change, Operation


class CommitChanges:
    """Puts changes in order: tuples as they were added; attributes that went for good, then those that came.

    An attribute whose value was replaced goes right before its successor comes. Attributes that went are to be added
    before any that came; a transaction expires one value of an attribute at most.
    """

    def __init__(self) -> None:
        self._tuples: list[Change] = []
        self._gone: dict[EntityAttribute, Change] = {}
        self._came: list[Change] = []

    def add(self, operation: Operation, item: RelationTuple | Attribute) -> None:
        """Take in the next change."""
        change = Change(operation, item)
        if isinstance(item, RelationTuple):
            self._tuples.append(change)
        elif operation is Operation.DELETE:
            self._gone[item.key] = change
        else:
            replaced = self._gone.pop(item.key, None)
            self._came.extend((replaced, change) if replaced else (change,))

    def in_order(self) -> list[Change]:
        """All of them."""
        return [*self._tuples, *self._gone.values(), *self._came]

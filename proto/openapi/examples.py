"""A request for each operation. Sent one after the other, in this order, to a node without data, all of them work.

They are a small drive: people in groups, documents in folders. What is in a path is left out, it is the tenant ``t1``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SCHEMA = """\
entity user {}

entity group {
  relation member @user
}

entity folder {
  relation viewer @user @group#member
  permission view = viewer
}

entity document {
  relation folder @folder
  relation owner @user
  relation blocked @user
  attribute public boolean

  permission edit = owner
  permission view = (owner or public or folder.view) not blocked
}
"""


def _entity(text: str) -> dict[str, str]:
    kind, _, name = text.partition(":")
    return {"type": kind, "id": name}


def _subject(text: str) -> dict[str, str]:
    entity, _, relation = text.partition("#")
    return {**_entity(entity), "relation": relation} if relation else _entity(entity)


def _tuple(text: str) -> dict[str, Any]:
    """The tuple ``type:id#relation@type:id#relation``."""
    entity, _, rest = text.partition("#")
    relation, _, subject = rest.partition("@")
    return {"entity": _entity(entity), "relation": relation, "subject": _subject(subject)}


_WALK = {"depth": 20}
_ANA = _subject("user:ana")
_PLAN = _entity("document:plan")

EXAMPLES: Mapping[str, Any] = {
    "base.v1.Tenancy.Create": {"id": "acme", "name": "ACME Corporation"},
    "base.v1.Tenancy.List": {"page_size": 50},
    "base.v1.Schema.Write": {"schema": _SCHEMA},
    "base.v1.Schema.PartialWrite": {
        "metadata": {},
        "partials": {"document": {"write": ["permission share = owner"], "update": ["permission edit = owner"]}},
    },
    "base.v1.Schema.Read": {"metadata": {}},
    "base.v1.Schema.List": {"page_size": 20},
    "base.v1.Data.Write": {
        "metadata": {},
        "tuples": [
            _tuple("group:sales#member@user:ana"),
            _tuple("folder:plans#viewer@group:sales#member"),
            _tuple("document:plan#folder@folder:plans"),
            _tuple("document:plan#owner@user:eva"),
        ],
        "attributes": [
            {
                "entity": _entity("document:handbook"),
                "attribute": "public",
                "value": {"@type": "type.googleapis.com/base.v1.BooleanValue", "data": True},
            }
        ],
    },
    "base.v1.Data.WriteRelationships": {"metadata": {}, "tuples": [_tuple("document:plan#blocked@user:troll")]},
    "base.v1.Data.ReadRelationships": {
        "metadata": {},
        "filter": {"entity": {"type": "document", "ids": ["plan"]}},
        "page_size": 50,
    },
    "base.v1.Data.ReadAttributes": {"metadata": {}, "filter": {"entity": {"type": "document"}}, "page_size": 50},
    "base.v1.Permission.Check": {"metadata": _WALK, "entity": _PLAN, "permission": "view", "subject": _ANA},
    "base.v1.Permission.BulkCheck": {
        "metadata": _WALK,
        "items": [
            {"entity": _PLAN, "permission": "view", "subject": _ANA},
            {"entity": _PLAN, "permission": "edit", "subject": _ANA},
        ],
    },
    "base.v1.Permission.Expand": {"metadata": {}, "entity": _PLAN, "permission": "view"},
    "base.v1.Permission.LookupEntity": {
        "metadata": _WALK,
        "entity_type": "document",
        "permission": "view",
        "subject": _ANA,
        "page_size": 50,
    },
    "base.v1.Permission.LookupEntityStream": {
        "metadata": _WALK,
        "entity_type": "document",
        "permission": "view",
        "subject": _ANA,
    },
    "base.v1.Permission.LookupSubject": {
        "metadata": _WALK,
        "entity": _PLAN,
        "permission": "view",
        "subject_reference": {"type": "user"},
        "page_size": 50,
    },
    "base.v1.Permission.SubjectPermission": {"metadata": _WALK, "entity": _PLAN, "subject": _ANA},
    "base.v1.Watch.Watch": {},
    "base.v1.Bundle.Write": {
        "bundles": [
            {
                "name": "document_created",
                "arguments": ["document", "owner"],
                "operations": [{"relationships_write": ["document:{{.document}}#owner@user:{{.owner}}"]}],
            }
        ]
    },
    "base.v1.Bundle.Read": {"name": "document_created"},
    "base.v1.Data.RunBundle": {"name": "document_created", "arguments": {"document": "memo", "owner": "ana"}},
    "base.v1.Bundle.Delete": {"name": "document_created"},
    "base.v1.Data.DeleteRelationships": {
        "filter": {"entity": {"type": "document", "ids": ["plan"]}, "relation": "blocked"}
    },
    "base.v1.Data.Delete": {
        "tuple_filter": {"entity": {"type": "document", "ids": ["memo"]}},
        "attribute_filter": {"entity": {"type": "document", "ids": ["memo"]}},
    },
    "base.v1.TenantDeleteRequest.id": "acme",
}
"""The bodies, by the full name of the RPC; and, by that of the field, what stands in a path and is not ``t1``."""

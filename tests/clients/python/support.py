"""A client of the node under test, and short forms for what is sent."""

from __future__ import annotations

import os
from typing import Any

import permify

SCHEMA = """
entity user {}

entity team {
  relation member @user @team#member
}

entity doc {
  relation owner @user
  relation viewer @user @team#member
  attribute public boolean
  attribute level integer
  attribute tags string[]
  permission edit = owner
  permission view = public or viewer or edit
  permission audit = edit and at_least(level)
}

rule at_least(level integer) {
  level >= context.data.needed
}
"""


def client(token: str | None = None) -> permify.ApiClient:
    """A client of the node, with another token than the one it asks for if given."""
    token = os.environ["TOKEN"] if token is None else token
    if not token:
        return permify.ApiClient(configuration())
    return permify.ApiClient(configuration(), header_name="Authorization", header_value=f"Bearer {token}")


def configuration(*, trusts: bool = True) -> permify.Configuration:
    """Where the node is and, unless it is not to be trusted, who vouches for it."""
    ca_file = os.environ["CA_FILE"] if trusts else ""
    return permify.Configuration(host=os.environ["REST_ADDRESS"], ssl_ca_cert=ca_file or None)


def tuple_of(text: str) -> permify.Tuple:
    """The tuple written ``doc:1#viewer@team:2#member``."""
    owner, _, subject = text.partition("@")
    entity, _, relation = owner.partition("#")
    return permify.Tuple(entity=entity_of(entity), relation=relation, subject=subject_of(subject))


def entity_of(text: str) -> permify.Entity:
    """The entity written ``doc:1``."""
    kind, _, name = text.partition(":")
    return permify.Entity(type=kind, id=name)


def subject_of(text: str) -> permify.Subject:
    """The subject written ``team:2#member``."""
    kind, _, rest = text.partition(":")
    name, _, relation = rest.partition("#")
    return permify.Subject(type=kind, id=name, relation=relation)


def attribute_of(entity: str, name: str, kind: str, value: Any) -> permify.Attribute:
    """An attribute with a value of kind ``Boolean``, ``Integer``, ``StringArray`` …"""
    packed = permify.Any.from_dict({"@type": f"type.googleapis.com/base.v1.{kind}Value", "data": value})
    return permify.Attribute(entity=entity_of(entity), attribute=name, value=packed)

"""What a question is found under: at its owner, and in a cache."""

from __future__ import annotations

import json
from hashlib import blake2b

from model.check import Context, Question

CacheKey = tuple[str, ...]
"""Tenant, schema version, digest of the context, then the question, part by part. Not the snapshot, nor the depth."""


def cache_key(tenant: str, schema_version: str, context_digest: str, question: Question) -> CacheKey:
    """The key of a question; equal for questions that have the same answer wherever nothing stored differs."""
    entity, permission, subject, arguments = question.entity, question.permission, question.subject, question.arguments
    return (tenant, schema_version, context_digest, *entity, permission, *subject, *arguments)


def routing_key(tenant: str, schema_version: str, question: Question) -> bytes:
    """What decides who owns a question. The snapshot is no part of it, so writes move nothing; nor is the context."""
    return _encoded(tenant, schema_version, *question.entity, question.permission, *question.subject)


def tenant_of(key: CacheKey) -> str:
    """The tenant whose question it is."""
    return key[0]


def routing_key_of(key: CacheKey) -> bytes:
    """The routing key of the question a cache key is of."""
    tenant, schema_version, _, *question = key
    return _encoded(tenant, schema_version, *question[:_QUESTION_PARTS])


def digest_of(context: Context) -> str:
    """Names what a request brings along: equal for what is equal to a walk, whatever its order; empty for nothing."""
    if not (context.tuples or context.attributes or context.data):
        return ""
    attributes = {attribute.key: attribute.value for attribute in context.attributes}  # of equal ones the last counts
    brought = (sorted(set(context.tuples)), sorted(attributes.items()), context.data)
    return blake2b(json.dumps(brought, sort_keys=True).encode(), digest_size=16).hexdigest()


_QUESTION_PARTS = 6  # type and id of the entity, permission, type, id and relation of the subject


def _encoded(*parts: str) -> bytes:
    return "\0".join(parts).encode(errors="surrogatepass")  # NUL occurs in no name and no id

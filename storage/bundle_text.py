"""Bundles as stores keep them: JSON with the contract's field names."""

from __future__ import annotations

import json

from storage.base import Bundle, BundleOperation

_LISTS = ("relationships_write", "relationships_delete", "attributes_write", "attributes_delete")


def text_of(bundle: Bundle) -> str:
    """The text a bundle is kept as."""
    return json.dumps(
        {
            "name": bundle.name,
            "arguments": list(bundle.arguments),
            "operations": [
                {name: list(getattr(operation, name)) for name in _LISTS} for operation in bundle.operations
            ],
        }
    )


def bundle_of(name: str, text: str) -> Bundle:
    """The bundle that was kept."""
    payload = json.loads(text)  # JSON we wrote ourselves
    operations = [
        BundleOperation(**{field: tuple(operation[field]) for field in _LISTS}) for operation in payload["operations"]
    ]
    return Bundle(name, tuple(payload["arguments"]), tuple(operations))

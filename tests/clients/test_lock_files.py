"""What the clients' environments are made of is pinned, by hash, and names no registry: the machine knows its own."""

from __future__ import annotations

import json
import re

import pytest

from tests.clients.environments import HERE


@pytest.mark.parametrize("client", ["python", "node"])
def test_every_python_package_is_pinned_with_hashes(client: str) -> None:
    text = (HERE / client / "requirements.txt").read_text(encoding="utf-8")
    packages = re.findall(r"^[a-z][^\n]*\\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", text, re.MULTILINE)

    assert len(packages) == len(re.findall(r"^\w", text, re.MULTILINE)) > 0
    assert "://" not in text


def test_every_node_package_is_pinned_with_a_hash() -> None:
    lock = json.loads((HERE / "node" / "package-lock.json").read_text(encoding="utf-8"))
    packages = {path: package for path, package in lock["packages"].items() if path}

    assert "node_modules/@permify/permify-node" in packages
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not any("resolved" in package for package in packages.values())

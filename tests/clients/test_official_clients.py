"""The official clients, unchanged and in environments of their own, against a node: what they do must work.

Their scripts are test programs themselves; here they are run, and held to have run everything in them.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import trustme

from tests.clients.environments import HERE, node_client, python_client
from tests.clients.running_node import Addresses, running_node

ROOT = HERE.parents[1]
TIMEOUT_S = 120
KEY = "a-preshared-key"


class Reached(NamedTuple):
    """A node and what a client needs to be answered. key and ca_file empty: needs none."""

    addresses: Addresses
    key: str = ""
    ca_file: str = ""


@pytest.fixture(scope="module")
def open_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    """A node that asks nobody who they are."""
    with running_node(home=tmp_path_factory.mktemp("open")) as addresses:
        yield Reached(addresses)


@pytest.fixture(scope="module")
def guarded_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    """A node that encrypts and asks for a key."""
    home = tmp_path_factory.mktemp("guarded")
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(home / "ca.pem")
    certificate.private_key_pem.write_to_path(home / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(home / "cert.pem")
    encryption = [
        f"--{listener}-tls-{option}"
        for listener in ("grpc", "http")
        for option in ("enabled", f"key-path={home}/key.pem", f"cert-path={home}/cert.pem")
    ]
    keys = ["--authn-enabled", "--authn-method=preshared", f"--authn-preshared-keys=another,{KEY}"]
    with running_node(*encryption, *keys, home=home) as addresses:
        yield Reached(addresses, key=KEY, ca_file=str(home / "ca.pem"))


@pytest.fixture
def reached(script: str, request: pytest.FixtureRequest) -> Reached:
    """The node that a script is for."""
    name = "guarded_node" if script.startswith("guarded") else "open_node"
    node: Reached = request.getfixturevalue(name)
    return node


@pytest.mark.parametrize("script", ["scenario.py", "guarded.py"])
def test_all_that_the_python_client_does_works(script: str, reached: Reached) -> None:
    path = HERE / "python" / script
    result = _run(str(python_client()), str(path), node=reached, PYTHONPATH=str(ROOT))

    assert result.returncode == 0, result.stderr
    expected = len(re.findall(r"^    def test_", path.read_text(encoding="utf-8"), re.MULTILINE))
    assert f"Ran {expected} tests" in result.stderr
    assert result.stderr.endswith("\nOK\n")


@pytest.mark.parametrize("script", ["scenario.js", "guarded.js"])
def test_all_that_the_node_client_does_works(script: str, reached: Reached) -> None:
    path = HERE / "node" / script
    node, modules = node_client()
    options = ["--test", "--test-reporter=tap", "--test-force-exit"]
    result = _run(str(node), *options, str(path), node=reached, NODE_PATH=str(modules))

    assert result.returncode == 0, result.stdout
    expected = len(re.findall(r"^test\(", path.read_text(encoding="utf-8"), re.MULTILINE))
    assert f"\n# pass {expected}\n# fail 0\n# cancelled 0\n# skipped 0\n# todo 0\n" in result.stdout


def _run(*command: str, node: Reached, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "GRPC_ADDRESS": node.addresses.grpc,
        "REST_ADDRESS": node.addresses.rest,
        "TOKEN": node.key,
        "CA_FILE": node.ca_file,
        **more,
    }
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)

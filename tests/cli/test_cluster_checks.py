"""What a node of a cluster is told must make one: others to find, a database with them, a door that closes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from api.identity import TlsSettings
from cli.config import Configuration, load_configuration, node_settings
from cli.version import installed_version
from node.settings import ClusterSettings

CLUSTER = {
    "distributed.enabled": "true",
    "distributed.address": "static://a:5000,b:5000",
    "database.engine": "postgres",
    "database.uri": "postgres://db/ringward",
    "server.host": "127.0.0.1",
}
PRESHARED = {
    "authn.enabled": "true",
    "authn.method": "preshared",
    "authn.preshared.keys": "a-key-of-some-length,another",
}
OIDC = {
    "authn.enabled": "true",
    "authn.method": "oidc",
    "authn.oidc.issuer": "https://login.example.com",
    "authn.oidc.audience": "api",
}
TLS = {"distributed.tls.enabled": "true", "distributed.tls.cert": "c", "distributed.tls.key": "k"}


def load(given: Mapping[str, str]) -> Configuration:
    flags = {key: [text] for key, text in given.items()}
    return load_configuration(flags=flags, file=None, environment={"HOME": "/home/me"}, folder=Path("/nonexistent"))


def cluster_of(given: Mapping[str, str]) -> ClusterSettings:
    cluster = node_settings(load(given)).cluster
    assert cluster
    return cluster


@pytest.mark.parametrize("given", [CLUSTER, CLUSTER | TLS | OIDC | {"distributed.tls.client_ca": "ca"}])
def test_what_is_whole_has_no_problems(given: dict[str, str]) -> None:
    assert load(given).problems == ()


PROBLEMS: list[tuple[dict[str, str], str]] = [
    ({"distributed.address": ""}, "distributed.address: must be given, since distributed.enabled is true"),
    ({"distributed.address": "zookeeper://a"}, "'zookeeper://a' names no membership engine"),
    ({"distributed.address": "static://a"}, "distributed.address: "),
    ({"database.engine": "memory", "database.uri": ""}, "nodes of a cluster share a database"),
    ({"database.engine": "sqlite", "database.uri": "/x.db"}, "but database.engine is 'sqlite'"),
    ({"distributed.weight": "101"}, "distributed.weight: expected 1 to 100, got 101"),
    ({"distributed.weight": "0"}, "distributed.weight"),
    ({"distributed.advertise": "node-1"}, "distributed.advertise: expected host:port, got 'node-1'"),
    ({"distributed.advertise": "node-1:70000"}, "distributed.advertise: expected host:port, got 'node-1:70000'"),
    ({"distributed.scope": "zone"}, "distributed.zone: must be given, since distributed.scope is zone"),
    ({"distributed.scope": "planet"}, "distributed.scope: expected cluster or zone, got 'planet'"),
    (TLS, "distributed.tls.client_ca: must be given"),
    ({"distributed.tls.enabled": "true", "distributed.tls.client_ca": "ca"}, "distributed.tls.cert: must be given"),
    (OIDC, "distributed.cluster_key: must be given, or distributed.tls.enabled be true"),
]


@pytest.mark.parametrize(("given", "problem"), PROBLEMS)
def test_what_makes_no_cluster_is_a_problem(given: dict[str, str], problem: str) -> None:
    assert any(problem in found for found in load(CLUSTER | given).problems)


def test_an_address_without_a_cluster_warns() -> None:
    (warning,) = [text for text in load({"distributed.address": "static://a:1"}).warnings if "distributed" in text]
    assert "distributed.address: given, but distributed.enabled is false: this node is alone" in warning


def test_everything_reaches_the_node() -> None:
    cluster = cluster_of(
        CLUSTER
        | TLS
        | {
            "distributed.port": "5001",
            "distributed.advertise": "node-1:5001",
            "distributed.zone": "north",
            "distributed.weight": "3",
            "distributed.scope": "zone",
            "distributed.cluster_key": "hush",
            "distributed.tls.client_ca": "ca",
            "server.name_override": "nodes.example",
        }
    )
    assert cluster == ClusterSettings(
        engine="static://a:5000,b:5000",
        port=5001,
        advertise="node-1:5001",
        zone="north",
        weight=3,
        release=installed_version(),
        is_zonal=True,
        key="hush",
        tls=TlsSettings(Path("c"), Path("k"), Path("ca")),
        server_name="nodes.example",
    )
    assert "hush" not in repr(cluster)


def test_without_a_secret_of_its_own_a_cluster_has_the_first_preshared_key() -> None:
    assert cluster_of(CLUSTER | PRESHARED).key == "a-key-of-some-length"
    assert cluster_of(CLUSTER | PRESHARED | {"distributed.cluster_key": "hush"}).key == "hush"
    assert cluster_of(CLUSTER).key == ""


def test_a_node_is_alone_unless_told_otherwise() -> None:
    assert node_settings(load({})).cluster is None

"""Wrong values are refused with what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helm.chart import Refused, rendered

DATABASE: dict[str, Any] = {"database__uriSecret__name": "database"}
SQLITE: dict[str, Any] = {"database__engine": "sqlite", "cluster__enabled": False, "replicas": 1}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"replica": 3}, "at '': additional properties 'replica' not allowed"),
        ({"size": "huge"}, "at '/size': value must be one of 'small', 'medium', 'large'"),
        ({"replicas": "3"}, "at '/replicas': got string, want integer"),
        ({"ports": {"grpc": 70000}}, "at '/ports/grpc': maximum: got 70,000, want 65,535"),
        ({"cluster": {"membership": {"engine": "etcd"}}}, "at '/cluster/membership/engine': value must be one of"),
        ({"config": {"service": {"wach": {}}}}, "at '/config/service': additional properties 'wach' not allowed"),
        ({"config": {"distributed": {"weight": "two"}}}, "at '/config/distributed/weight': got string, want integer"),
        ({"config": {"server": {"grpc": {"port": 1}}}}, "at '/config/server/grpc': additional properties 'port'"),
        (
            {"config": {"authn": {"preshared": {"keys": ["k"]}}}},
            "at '/config/authn': additional properties 'preshared'",
        ),
        ({"config": {"database": {"uri": "postgres://"}}}, "at '/config/database': additional properties 'uri'"),
        ({"secretEnv": {"RINGWARD_LOG_LEVEL": {"name": "a", "key": "b"}}}, "at '/secretEnv': additional properties"),
        ({"secretEnv": {"RINGWARD_TRACER_HEADERS": "token"}}, "at '/secretEnv/RINGWARD_TRACER_HEADERS': got string"),
        ({"shutdown": {"drainSeconds": 1}}, "at '/shutdown/drainSeconds': minimum: got 1, want 3"),
        ({"image": {"digest": "latest"}}, "at '/image/digest': 'latest' does not match pattern"),
    ],
)
def test_a_value_that_cannot_be_is_told_with_its_place(values: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refused:
        rendered(**DATABASE, **values)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "database: say where PostgreSQL is"),
        (
            {**DATABASE, "database__writer__uri": "postgres://w/x"},
            "database: give either uri (or uriSecret), or writer",
        ),
        ({"database__reader__uri": "postgres://r/x"}, "database.reader: a replica takes no writes"),
        ({**DATABASE, "database__uri": "postgres://x"}, "database: give uri or uriSecret, not both"),
        ({"database__uri": "postgres://me:secret@host/x"}, "database.uri: holds a password"),
        ({"database__uri": "postgres://host/x?password=secret"}, "database.uri: holds a password"),
        ({"database__engine": "sqlite"}, "cluster.enabled: nodes of a cluster share a database"),
        ({**SQLITE, **DATABASE}, "database: addresses are given, but the engine is sqlite"),
        ({**SQLITE, "replicas": 2}, "cluster.enabled: several nodes that do not know each other"),
        ({**SQLITE, "migrations__by": "job"}, "migrations.by: only postgres has tables to migrate"),
        (
            {**DATABASE, "autoscaling": {"enabled": True, "minReplicas": 9, "maxReplicas": 3}},
            "autoscaling: minReplicas (9) is more than maxReplicas (3)",
        ),
        ({**DATABASE, "spread__minZones": 3}, "spread.minZones: has an effect only with"),
        ({**DATABASE, "zone__from": "value"}, "zone.value: must be given"),
        ({**DATABASE, "zone__from": "none", "cluster__scope": "zone"}, "zone.from: nodes must learn their zone"),
        ({**DATABASE, "cluster__membership__engine": "consul"}, "cluster.membership.address: must be given"),
        (
            {**DATABASE, "cluster__membership": {"engine": "consul", "address": "redis://r"}},
            "cluster.membership.address: expected consul://",
        ),
        (
            {**DATABASE, "cluster__membership": {"engine": "redis", "address": "redis://:secret@r"}},
            "cluster.membership.address: holds a secret",
        ),
        ({**DATABASE, "cluster__membership__address": "dns:///x:5000"}, "whose address the chart makes"),
        ({**DATABASE, "authn__method": "preshared"}, "authn.presharedSecret.name: must be given"),
        ({**DATABASE, "authn__method": "oidc"}, "authn.oidc: issuer and audience must be given"),
        (
            {**DATABASE, "authn": {"method": "oidc", "oidc": {"issuer": "https://i", "audience": "a"}}},
            "cluster.keySecret.name: must be given, or tls.peers.enabled be true",
        ),
        ({**DATABASE, "tls__public__enabled": True}, "tls.public: give secretName, or issuer.name"),
        ({**DATABASE, "tls__public__secretName": "x"}, "tls.public: is set up, but tls.public.enabled is false"),
        ({**DATABASE, "tls__peers__enabled": True}, "tls.peers: give secretName, or certManager"),
        ({**DATABASE, "tls__peers__certManager": True}, "tls.peers: is set up, but tls.peers.enabled is false"),
        ({**DATABASE, "ingress": {"grpc": {"host": "a"}, "http": {"host": "a"}}}, "ingress: REST and gRPC need a host"),
        (
            {**DATABASE, "gateway": {"parentRefs": [{"name": "g"}], "grpcHostnames": ["a"], "httpHostnames": ["a"]}},
            "gateway: a is named for REST and for gRPC",
        ),
        ({**DATABASE, "gateway__grpcHostnames": ["a"]}, "gateway.parentRefs: must be given"),
        ({**DATABASE, "externalSecrets__secrets": {"s": {"k": {"key": "x"}}}}, "externalSecrets.store.name: must be"),
        ({**DATABASE, "sidecar__enabled": True, "zone__from": "node"}, "zone.from: a sidecar reads no machine's label"),
        ({**SQLITE, "sidecar__enabled": True}, "database.engine: nodes beside applications share postgres"),
        ({**DATABASE, "sidecar__enabled": True, "migrations__by": "job"}, "migrations.by: beside an application"),
        (
            {**DATABASE, "sidecar__enabled": True, "cluster__membership__engine": "serf"},
            "cluster.membership.engine: beside an application use",
        ),
    ],
)
def test_values_that_do_not_go_together_are_told(values: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refused:
        rendered(**values)
    lines = [line.strip() for line in str(refused.value).splitlines()]
    assert any(line.startswith("- ") and said in line for line in lines), refused.value
    assert "secret@" not in str(refused.value)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(Refused) as refused:
        rendered(zone__from="value", authn__method="preshared")
    assert str(refused.value).count("\n  - ") == 3

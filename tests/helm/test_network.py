"""How nodes are reached, and by whom."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helm.chart import Rendered, rendered

PUBLIC, PEERS, OPERATIONS = {3478, 3476}, {5000}, {9464}


def ingress(release: Rendered) -> dict[frozenset[int], Any]:
    """Who is let in, by the ports; None for everybody."""
    rules = release.one("NetworkPolicy")["spec"]["ingress"]
    return {frozenset(port["port"] for port in rule["ports"]): rule.get("from") for rule in rules}


def test_only_nodes_reach_the_peer_port() -> None:
    release = rendered("aurora")
    nodes = release.one("Deployment")["spec"]["selector"]
    assert ingress(release)[frozenset(PEERS)] == [{"podSelector": nodes}]
    server = {"podSelector": {"matchLabels": {"app": "consul"}}}
    assert ingress(rendered("aurora", networkPolicy__peers=[server]))[frozenset(PEERS)][1:] == [server]


def test_monitoring_alone_reaches_the_operations_port() -> None:
    (who,) = ingress(rendered("aurora"))[frozenset(OPERATIONS)]
    assert who == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    assert frozenset(OPERATIONS) not in ingress(rendered("aurora", networkPolicy__monitoring=[]))


def test_everybody_may_ask_unless_it_is_said_who() -> None:
    assert ingress(rendered("aurora"))[frozenset(PUBLIC)] is None
    release = rendered("three-az")
    *given, test = ingress(release)[frozenset(PUBLIC)]
    assert len(given) == 2
    assert test["podSelector"]["matchLabels"].items() <= release.one("Pod")["metadata"]["labels"].items()


def test_what_goes_out_can_be_closed() -> None:
    assert rendered("aurora").one("NetworkPolicy")["spec"]["policyTypes"] == ["Ingress"]
    spec = rendered("three-az").one("NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    open_to_all = [{port["port"] for port in rule["ports"]} for rule in spec["egress"] if "to" not in rule]
    assert open_to_all == [{53}, {443, 6443}]
    assert {"port": 5432} in spec["egress"][-1]["ports"]


def test_gossip_goes_where_peers_go() -> None:
    release = rendered("aurora", cluster__membership__engine="serf")
    assert frozenset({5000, 7946}) in ingress(release)
    ports = {port["name"]: port for port in release.one("Service", "ringward-peers")["spec"]["ports"]}
    assert ports["gossip"]["port"] == ports["gossip-udp"]["port"] == 7946
    assert ports["gossip-udp"]["protocol"] == "UDP"


def test_nodes_find_each_other_before_they_are_ready() -> None:
    release = rendered("aurora")
    peers = release.one("Service", "ringward-peers")["spec"]
    assert peers["clusterIP"] == "None"
    assert peers["publishNotReadyAddresses"] is True
    assert release.config["distributed"]["address"] == "kubernetes:///ringward-peers.authz:5000"


def test_clients_reach_only_nodes_that_are_ready_and_only_public_ports() -> None:
    for name in ("ringward", "ringward-clients"):
        service = rendered("aurora").one("Service", name)["spec"]
        assert not service.get("publishNotReadyAddresses")
        assert {port["port"] for port in service["ports"]} == PUBLIC
    assert rendered("aurora").one("Service", "ringward-clients")["spec"]["clusterIP"] == "None"
    assert len(rendered("aurora", service__headless=False).all("Service")) == 2


@pytest.mark.parametrize(
    ("is_encrypted", "grpc", "http"), [(False, "kubernetes.io/h2c", "http"), (True, "https", "https")]
)
def test_balancers_are_told_what_is_spoken(is_encrypted: bool, grpc: str, http: str) -> None:
    tls = {"enabled": is_encrypted, "secretName": "x" if is_encrypted else ""}
    ports = rendered("aurora", tls__public=tls).one("Service", "ringward")["spec"]["ports"]
    assert [(port["name"], port["appProtocol"]) for port in ports] == [("grpc", grpc), ("http", http)]


def test_a_gateway_gets_a_route_for_each_protocol() -> None:
    release = rendered("three-az")
    for kind, host, port in (
        ("GRPCRoute", "ringward-grpc.example.com", 3478),
        ("HTTPRoute", "ringward.example.com", 3476),
    ):
        spec = release.one(kind)["spec"]
        assert spec["hostnames"] == [host]
        assert spec["rules"] == [{"backendRefs": [{"name": "ringward", "port": port}]}]
        assert spec["parentRefs"] == [{"name": "public", "namespace": "gateways"}]


def test_an_ingress_is_made_for_each_host_with_its_own_annotations() -> None:
    release = rendered(
        "aurora", ingress={"grpc": {"host": "g.example", "annotations": {"a": "GRPC"}, "tlsSecret": "t"}}
    )
    made = release.one("Ingress")
    assert made["metadata"]["name"] == "ringward-grpc"
    assert made["metadata"]["annotations"] == {"a": "GRPC"}
    assert made["spec"]["tls"] == [{"hosts": ["g.example"], "secretName": "t"}]
    backend = made["spec"]["rules"][0]["http"]["paths"][0]["backend"]
    assert backend == {"service": {"name": "ringward", "port": {"name": "grpc"}}}


def test_other_ports_are_the_same_everywhere() -> None:
    ports = {"grpc": 13478, "http": 13476, "peers": 15000, "operations": 19464, "gossip": 17946}
    release = rendered("aurora", ports=ports, cluster__membership__engine="serf")
    for old in (3478, 3476, 5000, 9464, 7946):
        assert f" {old}" not in release.text
        assert f":{old}" not in release.text
    assert release.config["server"]["grpc"]["port"] == 13478
    assert release.config["distributed"]["port"] == 15000

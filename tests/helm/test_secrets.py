"""Secrets stay in Secrets: the chart makes none, and nothing of them is in a ConfigMap or on a command line."""

from __future__ import annotations

import pytest

from tests.helm.chart import VALUE_FILES, environment, rendered

EVERY_SECRET = {
    "RINGWARD_AUTHN_PRESHARED_KEYS": ("preshared", "keys"),
    "RINGWARD_DATABASE_READER_URI": ("database", "reader-uri"),
    "RINGWARD_DATABASE_WRITER_URI": ("database", "writer-uri"),
    "RINGWARD_DISTRIBUTED_ADDRESS": ("membership", "address"),
    "RINGWARD_DISTRIBUTED_CLUSTER_KEY": ("cluster", "cluster-key"),
    "RINGWARD_RATE_LIMIT_REDIS": ("redis", "url"),
    "RINGWARD_TRACER_HEADERS": ("collector", "headers"),
}


@pytest.mark.parametrize("file", VALUE_FILES)
def test_the_chart_makes_no_secret(file: str) -> None:
    assert rendered(file).all("Secret") == []


def test_every_secret_is_a_variable_that_refers_to_a_secret() -> None:
    release = rendered(
        authn={"method": "preshared", "presharedSecret": {"name": "preshared"}},
        cluster__keySecret__name="cluster",
        cluster__membership={"engine": "redis", "addressSecret": {"name": "membership"}},
        database={"writer": {"uriSecret": {"name": "database"}}, "reader": {"uriSecret": {"name": "database"}}},
        rateLimit__redisSecret__name="redis",
        secretEnv={"RINGWARD_TRACER_HEADERS": {"name": "collector", "key": "headers"}},
    )
    known = environment(release.node)
    for name, (secret, key) in EVERY_SECRET.items():
        assert known[name] == {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
    assert "address" not in release.config["distributed"]


@pytest.mark.parametrize("file", [file for file in VALUE_FILES if file != "sidecar"])
def test_commands_and_files_name_no_secret(file: str) -> None:
    release = rendered(file)
    for container in (*release.pod.get("initContainers", ()), *release.pod["containers"]):
        said = " ".join([*container.get("command", ()), *container.get("args", ())])
        assert not any(word in said for word in ("uri", "key", "token", "password"))
        for variable in environment(container).values():
            is_ours = variable["name"].startswith(("POD_", "HOST_", "NODE_", "RINGWARD_DISTRIBUTED_ADVERTISE"))
            assert is_ours or "value" not in variable


def test_external_secrets_are_fetched_under_the_names_that_are_used() -> None:
    release = rendered("three-az")
    external = release.one("ExternalSecret")
    made = {(external["spec"]["target"]["name"], each["secretKey"]) for each in external["spec"]["data"]}
    (job,) = release.one("Job")["spec"]["template"]["spec"]["containers"]
    variables = [*environment(release.node).values(), *environment(job).values()]
    used = {
        (it["valueFrom"]["secretKeyRef"]["name"], it["valueFrom"]["secretKeyRef"]["key"])
        for it in variables
        if "secretKeyRef" in it.get("valueFrom", {})
    }
    assert used == made
    assert external["spec"]["secretStoreRef"] == {"kind": "ClusterSecretStore", "name": "production"}


def test_certificates_are_written_where_they_are_mounted() -> None:
    release = rendered("three-az")
    mounted = {it["secret"]["secretName"] for it in release.pod["volumes"] if "secret" in it}
    issued = {it["spec"]["secretName"]: it["spec"] for it in release.all("Certificate")}
    assert mounted == {"ringward-public-tls", "ringward-peers-tls"}
    assert mounted < issued.keys()
    assert issued["ringward-peers-tls"]["dnsNames"] == [release.config["server"]["name_override"]]
    assert set(issued["ringward-peers-tls"]["usages"]) >= {"client auth", "server auth"}
    names = issued["ringward-public-tls"]["dnsNames"]
    assert {"ringward.authz.svc", "ringward-clients.authz.svc", "ringward.example.com"} <= set(names)


def test_the_ca_of_the_nodes_vouches_for_nobody_else() -> None:
    release = rendered("three-az")
    authority = release.one("Certificate", "ringward-peers-ca")["spec"]
    assert authority["isCA"] is True
    issuer = release.one("Issuer", "ringward-peers")["spec"]
    assert issuer["ca"]["secretName"] == authority["secretName"]
    assert release.one("Certificate", "ringward-peers")["spec"]["issuerRef"]["name"] == "ringward-peers"
    assert release.config["distributed"]["tls"]["client_ca"] == "/tls/peers/ca.crt"

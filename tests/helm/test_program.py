"""What the chart renders is what the program takes: configuration, variables, commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.program import TIMEOUT_S, started
from tests.helm.chart import VALUE_FILES, Rendered, container, rendered
from tests.helm.nodes import arguments_of, variables_of, written

MORE: dict[str, dict[str, Any]] = {
    "consul": {
        "cluster__membership": {"engine": "consul", "address": "consul://$(HOST_IP):8500/ringward"},
        "database__uriSecret__name": "database",
    },
    "oidc": {
        "authn": {"method": "oidc", "oidc": {"issuer": "https://login.example.com", "audience": "authz"}},
        "cluster__keySecret__name": "cluster",
        "config": {"authn": {"oidc": {"valid_methods": ["ES256"]}}, "service": {"watch": {"enabled": True}}},
        "database": {"uri": "postgres://app@db/ringward", "passwordSecret": {"name": "password"}},
    },
    "secrets": {
        "cluster__membership": {"engine": "consul", "addressSecret": {"name": "consul"}},
        "database": {"writer": {"uriSecret": {"name": "d"}}, "reader": {"uriSecret": {"name": "d"}}},
        "rateLimit__redisSecret__name": "redis",
        "secretEnv": {"RINGWARD_TRACER_HEADERS": {"name": "collector", "key": "headers"}},
    },
    "serf": {
        "cluster__membership__engine": "serf",
        "database__uriSecret__name": "database",
        "zone": {"from": "value", "value": "eu-1a"},
    },
    "tls": {
        "database__uriSecret__name": "database",
        "tls": {
            "public": {"enabled": True, "secretName": "public", "clientCertificates": True},
            "peers": {"enabled": True, "secretName": "peers"},
        },
    },
}


def releases() -> list[Any]:
    return [
        *(pytest.param(lambda file=file: rendered(file), id=file) for file in VALUE_FILES if file != "sidecar"),
        pytest.param(lambda: rendered("sidecar"), id="sidecar"),
        *(pytest.param(lambda values=values: rendered(**values), id=name) for name, values in MORE.items()),
    ]


def shown(release: Rendered, node: dict[str, Any], home: Path) -> tuple[int, str, str]:
    """What ``ringward config`` says to the options, variables and files of a node."""
    arguments = arguments_of(node, written(release, home))
    assert arguments[0] == "serve"
    with started("config", *arguments[1:], home=home, environment=variables_of(node)) as process:
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, stdout, stderr


@pytest.mark.parametrize("release", releases())
def test_the_program_takes_what_a_node_is_told(release: Any, tmp_path: Path) -> None:
    made = release()
    if not made.all("Deployment"):  # a sidecar's container is rendered by the application's chart alone
        cluster = rendered("sidecar", sidecar__enabled=False)
        assert made.config == cluster.config
        made = cluster
    code, settings, complaints = shown(made, made.node, tmp_path)
    assert code == 0, complaints
    said = [line for line in complaints.splitlines() if "tokens travel unencrypted" not in line]
    assert said == []
    values = {line.split()[0]: line.split()[1] for line in settings.splitlines()}
    for key, value in _leaves(made.config).items():
        assert key in values, key
        if isinstance(value, bool):
            assert values[key] == str(value).lower()
    if made.config.get("distributed"):
        assert values["distributed.advertise"] == "127.0.0.1:5000"
        assert values["distributed.zone"] == "eu-1a"


def test_a_setting_the_program_does_not_know_would_be_noticed(tmp_path: Path) -> None:
    release = rendered("one-node")
    folder = written(release, tmp_path)
    config = yaml.safe_load((folder / "config.yaml").read_text("utf-8"))
    release.one("ConfigMap", "ringward")["data"]["config.yaml"] = yaml.safe_dump({**config, "metric": {"port": 1}})
    try:
        code, _, complaints = shown(release, release.node, tmp_path)
    finally:
        release.one("ConfigMap", "ringward")["data"]["config.yaml"] = yaml.safe_dump(config)
    assert code == 1
    assert "metric: unknown key; did you mean metrics?" in complaints


def _leaves(section: dict[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in section.items():
        found |= _leaves(value, f"{above}{name}.") if isinstance(value, dict) else {above + name: value}
    return found


def test_the_commands_of_all_other_containers_are_there(tmp_path: Path) -> None:
    release = rendered("three-az")
    (job,) = release.one("Job")["spec"]["template"]["spec"]["containers"]
    for each in (job, container(release.pod, "migrated")):
        arguments = [*arguments_of(each, written(release, tmp_path)), "--help"]
        with started(*arguments, home=tmp_path) as process:
            assert process.wait(timeout=TIMEOUT_S) == 0, arguments

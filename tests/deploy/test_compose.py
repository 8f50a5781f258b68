"""The compose file says nothing an engine would refuse, nothing a node would, and nothing in the open."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cli.config import load_configuration
from tests.deploy.compose_file import FILE, FOLDER, NODES, Missing, Service, example, services

SERVICES = services(example())


def names() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("service", SERVICES.values(), ids=lambda service: service.name)


def test_it_is_what_the_specification_of_compose_says() -> None:
    subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)], check=True
    )


@names()
def test_every_service_may_do_as_little_as_can_be(service: Service) -> None:
    given = service.given
    assert given["read_only"] is True
    assert given["cap_drop"] == ["ALL"]
    assert given["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in given
    assert "cap_add" not in given


@names()
def test_every_image_has_a_tag(service: Service) -> None:
    assert service.given["image"].rpartition(":")[2] not in ("", "latest")


@names()
def test_what_is_mounted_is_there(service: Service) -> None:
    for mount in service.mounts:
        assert mount.source.exists(), mount


def test_every_service_but_one_without_a_shell_says_how_it_is() -> None:
    assert [name for name, service in SERVICES.items() if not service.health_command] == ["collector"]


@pytest.mark.parametrize("name", NODES)
def test_a_node_takes_all_it_is_told_and_complains_of_encryption_alone(name: str) -> None:
    found = load_configuration(flags={}, file=None, environment=SERVICES[name].environment, folder=Path("/nowhere"))
    assert not found.problems
    assert all("unencrypted" in warning for warning in found.warnings)


def test_nodes_stand_in_two_zones_and_differ_in_nothing_else_but_their_names() -> None:
    nodes = [SERVICES[name] for name in NODES]
    assert [node.environment["RINGWARD_DISTRIBUTED_ZONE"] for node in nodes] == ["east", "east", "west"]
    advertised = [node.environment["RINGWARD_DISTRIBUTED_ADVERTISE"] for node in nodes]
    assert advertised == [f"{name}:5000" for name in NODES]
    own = {"RINGWARD_DISTRIBUTED_ZONE", "RINGWARD_DISTRIBUTED_ADVERTISE"}
    shared = [{name: value for name, value in node.environment.items() if name not in own} for node in nodes]
    assert shared[0] == shared[1] == shared[2]


def test_no_secret_stands_in_it_and_none_may_be_left_out() -> None:
    text = FILE.read_text(encoding="utf-8")
    secrets = [name for name, value in example().items() if value.startswith("secret-of-")]
    assert len(secrets) == 5
    for name in secrets:
        assert f"${{{name}:?" in text
        with pytest.raises(Missing, match=f"{name}: see deploy/env.example"):
            services({**example(), name: ""})
    for service in SERVICES.values():
        for name, value in service.environment.items():
            if name.endswith(("PASSWORD", "_KEY", "_KEYS", "URI", "REDIS")):
                assert "secret-of-" in value, f"{name} of {service.name}"


def test_what_is_for_operators_is_reached_from_this_machine_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.given.get("ports", ())]
    assert sorted(ports) == [f"127.0.0.1:{port}:{port}" for port in (3000, 3476, 3478, 8404, 9090)]
    public = services({**example(), "PUBLIC_ADDRESS": "0.0.0.0"})
    open_ports = [port for service in public.values() for port in service.given.get("ports", ())]
    assert sorted(port for port in open_ports if port.startswith("0.0.0.0")) == [
        "0.0.0.0:3476:3476",
        "0.0.0.0:3478:3478",
    ]


def test_a_node_has_longer_to_stop_than_it_needs() -> None:
    node = SERVICES["node-1"]
    assert node.given["stop_grace_period"] == "30s"
    assert node.environment["RINGWARD_SERVER_DRAIN_DELAY"] == "5s"


def test_grafana_finds_every_dashboard_and_the_source_of_its_data() -> None:
    grafana = SERVICES["grafana"]
    targets = {mount.target: mount.source for mount in grafana.mounts}
    provider = yaml.safe_load((FOLDER / "observability/grafana/dashboards/ringward.yaml").read_text(encoding="utf-8"))
    dashboards = targets[provider["providers"][0]["options"]["path"]]
    assert len(list(dashboards.glob("*.json"))) >= 3
    sources = yaml.safe_load((FOLDER / "observability/grafana/datasources/prometheus.yaml").read_text(encoding="utf-8"))
    assert sources["datasources"][0]["url"] == "http://prometheus:9090"
    assert {"/etc/grafana/provisioning/datasources", "/etc/grafana/provisioning/dashboards"} < targets.keys()

"""A node beside an application: the template an application's chart takes it from."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.helm.chart import CHART, Rendered, complaints, container, copied, helm, rendered, values_file

APPLICATION = Path(__file__).parent / "application"


@pytest.fixture
def application(tmp_path: Path) -> Rendered:
    """The chart of an application that depends on ours, rendered with its file of values below ``ringward``."""
    chart = copied(APPLICATION, tmp_path / "application")
    copied(CHART, chart / "charts" / "ringward")
    values = {"ringward": yaml.safe_load(values_file("sidecar").read_text(encoding="utf-8"))}
    (chart / "values.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    text = helm("template", "shop", chart, "--namespace", "authz")
    return Rendered(text, tuple(it for it in yaml.safe_load_all(text) if it))


def test_the_api_server_would_take_the_application(application: Rendered) -> None:
    assert [it for it in complaints(application.text) if "resources" not in it] == []


def test_the_node_starts_before_the_application_and_is_ready_then(application: Rendered) -> None:
    node = container(application.pod, "ringward")
    assert node in application.pod["initContainers"]
    assert node["restartPolicy"] == "Always"
    assert node["startupProbe"]["httpGet"]["path"] == "/readyz"
    assert application.pod["terminationGracePeriodSeconds"] == 30 + 40


def test_what_the_container_mounts_is_there(application: Rendered) -> None:
    node = container(application.pod, "ringward")
    volumes = {volume["name"]: volume for volume in application.pod["volumes"]}
    assert {mount["name"] for mount in node["volumeMounts"]} == volumes.keys()
    application.one("ConfigMap", volumes["ringward-config"]["configMap"]["name"])


def test_nodes_beside_applications_find_each_other(application: Rendered) -> None:
    (service,) = application.all("Service")
    labels = application.one("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    config = yaml.safe_load(application.one("ConfigMap")["data"]["config.yaml"])
    assert config["distributed"]["address"] == f"kubernetes:///{service['metadata']['name']}.authz:5000"
    assert config["service"]["permission"]["cache"]["number_of_counters"] > 0


def test_only_what_they_share_is_made_beside_it() -> None:
    assert rendered("sidecar").kinds_and_names() == {("ConfigMap", "ringward"), ("Service", "ringward-peers")}

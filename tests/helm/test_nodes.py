"""The nodes' pods: where they run, what they may do, how they are watched and how they go."""

from __future__ import annotations

from typing import Any

import pytest

from node.settings import ClusterSettings, NodeSettings
from tests.helm.chart import RELEASE, Rendered, container, environment, rendered

DATABASE: dict[str, Any] = {"database__uriSecret__name": "database"}
WITH_PODS = ("aurora", "one-node", "three-az")


def pods(release: Rendered) -> list[dict[str, Any]]:
    """The spec of every pod of a release: nodes, jobs, tests."""
    found = [it["spec"]["template"]["spec"] for it in (*release.all("Deployment"), *release.all("Job"))]
    return [*found, *(it["spec"] for it in release.all("Pod"))]


def containers(release: Rendered) -> list[dict[str, Any]]:
    return [each for pod in pods(release) for each in (*pod.get("initContainers", ()), *pod["containers"])]


@pytest.mark.parametrize("file", WITH_PODS)
def test_every_container_runs_as_nobody_and_writes_nowhere(file: str) -> None:
    for pod in pods(rendered(file)):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
    for each in containers(rendered(file)):
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert each["resources"]["requests"]
        assert "memory" in each["resources"]["limits"]
        assert "cpu" not in each["resources"]["limits"]


def test_the_user_may_be_left_to_the_cluster() -> None:
    security = rendered("one-node", runAsUser=None).pod["securityContext"]
    assert security == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def test_three_zones_have_as_many_nodes_each() -> None:
    pod = rendered("three-az").pod
    (zones,) = pod["topologySpreadConstraints"]
    assert (zones["topologyKey"], zones["maxSkew"]) == ("topology.kubernetes.io/zone", 1)
    assert (zones["whenUnsatisfiable"], zones["minDomains"]) == ("DoNotSchedule", 3)
    assert zones["matchLabelKeys"] == ["pod-template-hash"]
    (apart,) = pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert apart["topologyKey"] == "kubernetes.io/hostname"


def test_without_room_nodes_share_zones_and_machines() -> None:
    pod = rendered(**DATABASE).pod
    assert pod["topologySpreadConstraints"][0]["whenUnsatisfiable"] == "ScheduleAnyway"
    (preferred,) = pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert preferred["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
    assert "affinity" not in rendered(**DATABASE, spread__hosts="ignored").pod


@pytest.mark.parametrize("file", ["aurora", "three-az"])
def test_what_chooses_pods_chooses_nodes_and_nothing_else(file: str) -> None:
    release = rendered(file)
    labels = release.one("Deployment")["spec"]["template"]["metadata"]["labels"]
    chosen = release.one("Deployment")["spec"]["selector"]["matchLabels"]
    selectors = [
        chosen,
        release.one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        release.one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        release.pod["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
        *(service["spec"]["selector"] for service in release.all("Service")),
    ]
    assert all(selector == chosen for selector in selectors)
    assert chosen.items() <= labels.items()
    others = [it["spec"]["template"]["metadata"]["labels"] for it in release.all("Job")]
    others += [it["metadata"]["labels"] for it in release.all("Pod")]
    assert not any(chosen.items() <= each.items() for each in others)


def test_one_node_at_a_time_is_taken_away_and_a_new_one_comes_first() -> None:
    release = rendered("three-az")
    assert release.one("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert release.one("PodDisruptionBudget")["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert release.one("Deployment")["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_two_nodes_never_share_a_volume() -> None:
    release = rendered("one-node")
    assert release.one("Deployment")["spec"]["strategy"] == {"type": "Recreate"}
    assert release.one("PersistentVolumeClaim")["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert rendered("one-node", persistence__existingClaim="mine").all("PersistentVolumeClaim") == []


def test_the_autoscaler_looks_at_cpu_and_calls_and_owns_the_number_of_nodes() -> None:
    release = rendered("three-az")
    spec = release.one("HorizontalPodAutoscaler")["spec"]
    cpu, calls = spec["metrics"]
    assert cpu["resource"]["target"] == {"type": "Utilization", "averageUtilization": 70}
    assert calls["pods"]["metric"]["name"] == "ringward_concurrency_in_use"
    assert calls["pods"]["target"]["averageValue"] == "200"
    assert "replicas" not in release.one("Deployment")["spec"]
    assert rendered(**DATABASE).one("Deployment")["spec"]["replicas"] == 3
    assert len(rendered(**DATABASE, autoscaling__enabled=True).one("HorizontalPodAutoscaler")["spec"]["metrics"]) == 1


@pytest.mark.parametrize("file", WITH_PODS)
def test_probes_ask_the_operations_port(file: str) -> None:
    node = rendered(file).node
    ports = {port["name"]: port["containerPort"] for port in node["ports"]}
    assert ports["operations"] == rendered(file).config["metrics"]["port"] == 9464
    assert rendered(file).config["metrics"]["enabled"] is True
    for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        assert node[probe]["httpGet"] == {"path": path, "port": "operations"}
    assert node["startupProbe"]["periodSeconds"] * node["startupProbe"]["failureThreshold"] == 180


@pytest.mark.parametrize("drain_s", [3, 15, 16, 60])
def test_all_times_of_leaving_follow_from_one(drain_s: int) -> None:
    release = rendered("aurora", shutdown__drainSeconds=drain_s)
    before = release.node["lifecycle"]["preStop"]["sleep"]["seconds"]
    delay = int(release.config["server"]["drain_delay"].removesuffix("s"))
    assert before + delay == drain_s
    assert before >= 1
    calls_s, peers_s = NodeSettings().grace_s, ClusterSettings("").grace_s
    assert release.pod["terminationGracePeriodSeconds"] == drain_s + calls_s + peers_s + 10


def test_a_node_is_named_by_its_pods_address_and_learns_its_zone() -> None:
    known = environment(rendered(**DATABASE).node)
    assert known["RINGWARD_DISTRIBUTED_ADVERTISE"]["value"] == "$(POD_IP):5000"
    assert list(known)[:2] == ["POD_IP", "RINGWARD_DISTRIBUTED_ADVERTISE"]  # one can stand only for those before it
    assert known["RINGWARD_DISTRIBUTED_ZONE"]["valueFrom"]["fieldRef"]["fieldPath"] == (
        "metadata.labels['topology.kubernetes.io/zone']"
    )


def test_nodes_may_know_each_other_by_ipv6() -> None:
    release = rendered(**DATABASE, cluster__ipFamily="IPv6")
    assert environment(release.node)["RINGWARD_DISTRIBUTED_ADVERTISE"]["value"] == "[$(POD_IP)]:5000"
    assert release.one("Service", "ringward-peers")["spec"]["ipFamilies"] == ["IPv6"]


def test_a_zone_that_is_given_stands_in_the_file() -> None:
    release = rendered(**DATABASE, zone={"from": "value", "value": "eu-1a"})
    assert release.config["distributed"]["zone"] == "eu-1a"
    assert "RINGWARD_DISTRIBUTED_ZONE" not in environment(release.node)
    assert "RINGWARD_DISTRIBUTED_ZONE" not in environment(rendered(**DATABASE, zone__from="none").node)


def test_nobody_but_the_container_that_reads_zones_may_read_machines() -> None:
    release = rendered("three-az")
    assert release.one("ClusterRole")["rules"] == [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]
    (subject,) = release.one("ClusterRoleBinding")["subjects"]
    assert (subject["name"], subject["namespace"]) == (release.pod["serviceAccountName"], "authz")
    having = [c["name"] for c in containers(release) if any(m["name"] == "token" for m in c["volumeMounts"])]
    assert having == ["zone"]
    assert rendered("aurora").all("ClusterRole") == []


def test_a_changed_configuration_makes_new_pods_and_nothing_else_does() -> None:
    def annotations(**values: Any) -> dict[str, str]:
        return dict(rendered("aurora", **values).one("Deployment")["spec"]["template"]["metadata"]["annotations"])

    assert annotations() != annotations(log__level="debug")
    assert annotations() == annotations(service__annotations={"a": "b"})


def test_sizes_grow_and_caches_fit_their_memory() -> None:
    memory = {"Mi": 2**20, "MiB": 2**20, "Gi": 2**30}

    def in_bytes(text: str) -> int:
        digits = text.rstrip("GMiB")
        return int(digits) * memory[text.removeprefix(digits)]

    before = 0
    for size in ("small", "medium", "large"):
        release = rendered(**DATABASE, size=size)
        limit = in_bytes(release.node["resources"]["limits"]["memory"])
        cache = in_bytes(release.config["service"]["permission"]["cache"]["max_cost"])
        assert cache < (limit - 120 * 2**20) / 1.5, size
        assert limit > before
        before = limit


def test_config_wins_over_the_size() -> None:
    release = rendered(**DATABASE, config={"database": {"max_connections": 7}, "service": {"watch": {"enabled": True}}})
    assert release.config["database"]["max_connections"] == 7
    assert release.config["service"]["watch"] == {"enabled": True}
    assert release.config["service"]["permission"]["cache"]["max_cost"] == "256MiB"
    assert rendered(**DATABASE, resources={"requests": {"cpu": 4}}).node["resources"] == {"requests": {"cpu": 4}}


def test_the_image_is_that_of_the_chart_unless_told_otherwise() -> None:
    assert rendered("one-node").node["image"] == "ringward:0.1.0"
    digest = "sha256:" + "a" * 64
    given = rendered("three-az", image={"repository": "registry.example/r", "tag": "9", "digest": digest})
    assert {each["image"] for each in containers(given)} == {f"registry.example/r@{digest}"}
    assert given.one("Deployment")["metadata"]["name"] == RELEASE


def test_the_serf_agent_is_in_the_image_of_the_nodes_or_in_another() -> None:
    def image(name: str) -> str:
        engine = {"engine": "serf", "serf": {"image": name}}
        return str(container(rendered(**DATABASE, cluster__membership=engine).pod, "serf")["image"])

    assert image("") == "ringward:0.1.0"
    assert image("registry.example/serf:1") == "registry.example/serf:1"

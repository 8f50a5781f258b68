"""What every file of values renders to: valid for Helm, for the API server, and the same each time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.helm.chart import CHART, VALUE_FILES, Refused, complaints, copied, helm, rendered, values_file

EVERYTHING: dict[str, Any] = {
    "autoscaling__callsInProgress": 50,
    "autoscaling__enabled": True,
    "cluster__membership": {"engine": "serf", "serf": {"image": "serf:0.10", "keyringSecret": {"name": "gossip"}}},
    "database": {"writer": {"uri": "postgres://app@w/db"}, "reader": {"uri": "postgres://app@r/db"}},
    "database__passwordSecret__name": "password",
    "image__digest": "sha256:" + "0" * 64,
    "image__pullSecrets": [{"name": "pull"}],
    "ingress": {
        "className": "nginx",
        "grpc": {"host": "g.example.com", "annotations": {"a.example/b": "GRPC"}, "tlsSecret": "g"},
        "http": {"host": "h.example.com"},
    },
    "migrations__by": "job",
    "networkPolicy__clients": [{"podSelector": {}}],
    "networkPolicy__egress": {"restricted": True, "rules": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]},
    "networkPolicy__peers": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "consul"}}}],
    "nodeSelector": {"disk": "fast"},
    "podAnnotations": {"a/b": "c"},
    "podLabels": {"team": "authz"},
    "priorityClassName": "high",
    "rateLimit__redisSecret__name": "redis",
    "secretEnv": {"RINGWARD_TRACER_HEADERS": {"name": "collector", "key": "headers"}},
    "service": {"type": "LoadBalancer", "annotations": {"x/y": "z"}, "trafficDistribution": "PreferClose"},
    "spread": {"zones": "DoNotSchedule", "minZones": 2, "hosts": "required"},
    "tls__public": {"enabled": True, "secretName": "given", "clientCertificates": True},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "zone__from": "node",
}
"""Values that between them reach into every template."""


def test_helm_finds_nothing_to_criticise() -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", CHART)


@pytest.mark.parametrize("file", VALUE_FILES)
def test_helm_finds_nothing_to_criticise_with_values(file: str) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", CHART, "--values", values_file(file))


@pytest.mark.parametrize("file", VALUE_FILES)
def test_the_api_server_would_take_every_object(file: str) -> None:
    assert complaints(rendered(file).text) == []


def test_the_api_server_would_take_what_all_values_together_make() -> None:
    release = rendered(**EVERYTHING)
    assert complaints(release.text) == []
    assert {"Ingress", "HorizontalPodAutoscaler", "Job", "ClusterRole"} <= {
        kind for kind, _ in release.kinds_and_names()
    }


def test_what_reads_manifests_finds_what_is_wrong() -> None:
    text = rendered("one-node").text
    for right, wrong, said in (
        ("readOnlyRootFilesystem", "readOnlyRoot", "unknown field"),
        ("periodSeconds: 10", "periodSeconds: -1", "must be greater than or equal to 0"),
        ("drop: [ALL]", "drop: [NET_RAW]", "unrestricted capabilities"),
        ("claimName: ringward", "claimName: ''", "claimName: Required value"),
    ):
        assert right in text
        assert any(said in complaint for complaint in complaints(text.replace(right, wrong))), said


@pytest.mark.parametrize("file", VALUE_FILES)
def test_nothing_changes_from_one_rendering_to_the_next(file: str) -> None:
    again = helm("template", "ringward", CHART, "--namespace", "authz", "--values", values_file(file))
    assert again == rendered(file).text


@pytest.mark.parametrize("file", VALUE_FILES)
def test_a_difference_shows_no_noise(file: str) -> None:
    """No line ends in blanks, but for empty ones of files that are carried as they are; all that is said is known."""
    for line in rendered(file).text.splitlines():
        assert line == line.rstrip() or not line.strip(), line
    assert "<no value>" not in rendered(file).text
    assert "null" not in re.sub(r"^    .*", "", rendered(file).text, flags=re.MULTILINE)


def test_names_follow_the_release_and_stay_short() -> None:
    assert "- name: ringward" in rendered("one-node").text
    long = "x" * 60
    assert all(len(name) <= 63 for _, name in rendered("aurora", fullnameOverride=long).kinds_and_names())


def test_an_old_kubernetes_is_told_why() -> None:
    with pytest.raises(Refused, match="requires kubeVersion"):
        helm("template", "x", CHART, "--values", values_file("one-node"), "--kube-version", "1.29")


@pytest.mark.parametrize("file", VALUE_FILES)
def test_the_notes_say_where_it_is_and_what_is_open(file: str, tmp_path: Path) -> None:
    chart = copied(CHART, tmp_path / "ringward")
    text = (chart / "templates" / "NOTES.txt").read_text(encoding="utf-8")
    shown = f'{{{{- define "notes" }}}}{text}{{{{- end }}}}\nkind: Notes\nmetadata: {{name: notes}}\n'
    shown += 'text: {{ include "notes" . | quote }}\n'
    (chart / "templates" / "notes.yaml").write_text(shown, encoding="utf-8")
    notes = rendered(file, chart=chart).one("Notes")["text"]
    assert "%!" not in notes
    assert ("whoever reaches the Service may ask" in notes) == (file in ("one-node", "aurora"))
    assert ("ringward.authz.svc:3478" in notes) == (file != "sidecar")

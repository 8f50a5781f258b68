"""The chart, rendered by Helm itself, and what may be asked of the result."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "ringward"
VALUE_FILES = tuple(sorted(path.stem for path in (CHART / "values").glob("*.yaml")))
RELEASE, NAMESPACE = "ringward", "authz"

Object = dict[str, Any]


class Refused(Exception):
    """Helm would not render; the message is what it said."""


def values_file(name: str) -> Path:
    """One of the chart's own files of values."""
    return CHART / "values" / f"{name}.yaml"


def program(name: str) -> Path:
    """``helm``, or ``manifests``; fails saying how it is had."""
    sources = ROOT / "tests" / "servers" / "helm"
    digest = hashlib.sha256()
    for source in (sources / "go.mod", *sorted((sources / "manifests").glob("*.go"))):
        digest.update(source.read_bytes())
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    built = cache_home / "ringward" / f"helm-{digest.hexdigest()[:12]}" / name
    assert built.exists(), f"{name} is not here: make test builds it, given Go"
    return built


def helm(*arguments: str | Path) -> str:
    """What Helm prints. Raises Refused with what it complains of."""
    done = subprocess.run(
        [program("helm"), *arguments], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


def complaints(manifests: str) -> list[str]:
    """What the API server, the operators' types and the Pod Security Standard say against manifests."""
    done = subprocess.run(
        [program("manifests")], input=manifests, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.splitlines()


@dataclass(frozen=True)
class Rendered:
    """The objects of a release. text: as Helm printed them."""

    text: str
    objects: tuple[Object, ...]

    def one(self, kind: str, name: str = "") -> Object:
        """The only object of a kind, or the one of a name."""
        (found,) = [it for it in self.all(kind) if not name or it["metadata"]["name"] == name]
        return found

    def all(self, kind: str) -> list[Object]:
        """The objects of a kind."""
        return [it for it in self.objects if it["kind"] == kind]

    @property
    def pod(self) -> Object:
        """The spec of the nodes' pods."""
        return dict(self.one("Deployment")["spec"]["template"]["spec"])

    @property
    def node(self) -> Object:
        """The container of a node."""
        return container(self.pod, "ringward")

    @property
    def config(self) -> Object:
        """What stands in the nodes' configuration file."""
        return dict(yaml.safe_load(self.one("ConfigMap", RELEASE)["data"]["config.yaml"]))

    def kinds_and_names(self) -> set[tuple[str, str]]:
        return {(it["kind"], it["metadata"]["name"]) for it in self.objects}


def container(pod: Object, name: str) -> Object:
    """A container of a pod, whether it starts before the others or with them."""
    (found,) = [it for it in (*pod.get("initContainers", ()), *pod["containers"]) if it["name"] == name]
    return dict(found)


def environment(of: Object) -> dict[str, Object]:
    """The variables of a container by name: ``{"value": …}`` or ``{"valueFrom": …}``."""
    return {variable["name"]: variable for variable in of.get("env", ())}


def rendered(*files: str, chart: Path = CHART, **values: Any) -> Rendered:
    """The chart with files of values and single ones; in the names of those ``__`` stands for a dot."""
    return _rendered(files, chart, yaml.safe_dump(_nested(values)))


@cache
def _rendered(files: Sequence[str], chart: Path, values: str) -> Rendered:
    arguments: list[str | Path] = ["template", RELEASE, chart, "--namespace", NAMESPACE]
    for file in files:
        arguments += ["--values", values_file(file)]
    done = subprocess.run(
        [program("helm"), *arguments, "--values", "-"],
        input=values,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise Refused(done.stderr)
    return Rendered(done.stdout, tuple(it for it in yaml.safe_load_all(done.stdout) if it))


def _nested(values: Mapping[str, Any]) -> Object:
    root: Object = {}
    for name, value in values.items():
        *above, last = name.split("__")
        section = root
        for step in above:
            section = section.setdefault(step, {})
        section[last] = value
    return root


def copied(chart: Path, target: Path) -> Path:
    """A copy of a chart that a test may change."""
    shutil.copytree(chart, target)
    return target

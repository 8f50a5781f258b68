"""What the chart renders, run by the program itself."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tests.helm.chart import Object, Rendered, environment

FIELDS = {
    "metadata.labels['topology.kubernetes.io/zone']": "eu-1a",
    "status.hostIP": "10.0.0.9",
    "status.podIP": "127.0.0.1",
}

SECRETS = {
    "PGPASSWORD": "a-password-of-the-database",
    "RINGWARD_AUTHN_PRESHARED_KEYS": "a-key-that-is-long-enough,another-key-that-is-too",
    "RINGWARD_DATABASE_READER_URI": "postgres://app@reader.example/ringward",
    "RINGWARD_DATABASE_URI": "postgres://app@database.example/ringward",
    "RINGWARD_DATABASE_WRITER_URI": "postgres://app@writer.example/ringward",
    "RINGWARD_DISTRIBUTED_ADDRESS": "consul://consul.example:8500/ringward?token=secret",
    "RINGWARD_DISTRIBUTED_CLUSTER_KEY": "a-key-all-nodes-know",
    "RINGWARD_RATE_LIMIT_REDIS": "rediss://redis.example:6379/0",
    "RINGWARD_TRACER_HEADERS": "authorization:token",
}


def variables_of(container: Object) -> dict[str, str]:
    """The environment Kubernetes would give a container, with values of our own for what it would look up."""
    known: dict[str, str] = {}
    for name, variable in environment(container).items():
        match variable:
            case {"value": text}:
                known[name] = re.sub(r"\$\((\w+)\)", lambda found: known[found[1]], text)
            case {"valueFrom": {"fieldRef": {"fieldPath": field}}}:
                known[name] = FIELDS[field]
            case _:
                known[name] = SECRETS[name]
    return known


def arguments_of(container: Object, files: Path) -> list[str]:
    """What a container says to the program, with the folder of the ConfigMap where the test has it."""
    return [str(word).replace("/etc/ringward", str(files)) for word in container["args"]]


def written(release: Rendered, folder: Path) -> Path:
    """The folder with the files of the nodes' ConfigMap in it, the zone as if it had been looked up."""
    for name, text in release.one("ConfigMap", "ringward")["data"].items():
        (folder / name).write_text(text.replace("ZONE_OF_THE_MACHINE", "eu-1a"), encoding="utf-8")
    return folder


def changed(file: Path, **values: object) -> None:
    """Change keys of a configuration file that a test cannot have as they are, such as paths of certificates."""
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    for name, value in values.items():
        *above, last = name.split("__")
        section = config
        for step in above:
            section = section[step]
        section[last] = value
    file.write_text(yaml.safe_dump(config), encoding="utf-8")

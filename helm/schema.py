"""The chart's ``values.schema.json``: what each value may be, from its default, the bounds here, and the settings.

Nothing is accepted that is not known: a misspelt key is refused where it would otherwise be ignored. What ``config``
may hold is made from the table of the program's settings, so that chart and program cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cli.config_sources import ENV_PREFIX
from cli.settings import Kind, Secrecy, Setting
from cli.settings_table import SETTINGS
from helm.values_file import Entry

Schema = dict[str, Any]

DECIDED = (
    "authn.enabled",
    "authn.method",
    "authn.oidc.audience",
    "authn.oidc.issuer",
    "database.auto_migrate",
    "database.engine",
    "distributed.advertise",
    "distributed.enabled",
    "distributed.port",
    "distributed.scope",
    "distributed.tls.",
    "distributed.zone",
    "logger.level",
    "logger.output",
    "metrics.",
    "server.drain_delay",
    "server.grpc.port",
    "server.grpc.tls.",
    "server.host",
    "server.http.enabled",
    "server.http.port",
    "server.http.tls.",
    "server.name_override",
    "server.rate_limit",
)
"""Settings that values of their own decide, so ``config`` may not; those that end in a dot, all below it."""

_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_NAMES: Schema = {"type": "array", "items": {"type": "string", "minLength": 1}}
_OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}
_PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
_AMOUNT: Schema = {"type": ["string", "number"]}
_AMOUNTS: Schema = {"type": "object", "additionalProperties": _AMOUNT}
_TIME: Schema = {"type": "string", "pattern": "^([0-9]+(ms|s|m|h))+$"}


def _one_of(*choices: str) -> Schema:
    return {"enum": list(choices)}


def _whole(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def _object(required: Sequence[str] = (), **properties: Schema) -> Schema:
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return schema | ({"required": list(required)} if required else {})


_SECRET = _object(("name", "key"), name={"type": "string", "minLength": 1}, key={"type": "string", "minLength": 1})
_RESOURCES = _object(limits=_AMOUNTS, requests=_AMOUNTS)
_ROUTE_PARENT = {"type": "object", "required": ["name"], "properties": {"name": _TEXT}}

BOUNDS: Mapping[str, Schema] = {
    "authn.method": _one_of("none", "preshared", "oidc"),
    "autoscaling.callsInProgress": _whole(0, 100_000),
    "autoscaling.cpuPercent": _whole(1, 1000),
    "autoscaling.maxReplicas": _whole(1, 1000),
    "autoscaling.minReplicas": _whole(1, 1000),
    "autoscaling.scaleDownSeconds": _whole(0, 3600),
    "cluster.ipFamily": _one_of("IPv4", "IPv6"),
    "cluster.membership.engine": _one_of("kubernetes", "serf", "consul", "redis", "dns"),
    "cluster.membership.serf.profile": _one_of("lan", "wan"),
    "cluster.membership.serf.resources": _RESOURCES,
    "cluster.scope": _one_of("cluster", "zone"),
    "database.engine": _one_of("postgres", "sqlite", "memory"),
    "disruptionBudget.maxUnavailable": {"type": ["integer", "string"], "pattern": "^[0-9]{1,2}%$|^100%$", "minimum": 1},
    "externalSecrets.refreshInterval": _TIME,
    "externalSecrets.secrets": {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": _object(("key",), key=_TEXT, property=_TEXT, version=_TEXT),
        },
    },
    "externalSecrets.store": _object(name=_TEXT, kind=_one_of("SecretStore", "ClusterSecretStore")),
    "gateway.grpcHostnames": _NAMES,
    "gateway.httpHostnames": _NAMES,
    "gateway.parentRefs": {"type": "array", "items": _ROUTE_PARENT},
    "image.digest": {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
    "image.pullPolicy": _one_of("Always", "IfNotPresent", "Never"),
    "image.pullSecrets": {"type": "array", "items": _object(("name",), name=_TEXT)},
    "image.repository": {"type": "string", "minLength": 1},
    "ingress.grpc.annotations": _TEXTS,
    "ingress.http.annotations": _TEXTS,
    "log.level": _one_of("debug", "info", "warn", "error"),
    "log.output": _one_of("json", "text"),
    "migrations.by": _one_of("node", "job"),
    "migrations.timeoutSeconds": _whole(10, 86_400),
    "monitoring.dashboards.annotations": _TEXTS,
    "monitoring.dashboards.labels": _TEXTS,
    "monitoring.rules.labels": _TEXTS,
    "monitoring.serviceMonitor.interval": _TIME,
    "monitoring.serviceMonitor.labels": _TEXTS,
    "networkPolicy.clients": _OBJECTS,
    "networkPolicy.egress.rules": _OBJECTS,
    "networkPolicy.monitoring": _OBJECTS,
    "networkPolicy.peers": _OBJECTS,
    "nodeSelector": _TEXTS,
    "persistence.accessMode": _one_of("ReadWriteOnce", "ReadWriteOncePod"),
    "persistence.size": _AMOUNT,
    "podAnnotations": _TEXTS,
    "podLabels": _TEXTS,
    "ports.gossip": _PORT,
    "ports.grpc": _PORT,
    "ports.http": _PORT,
    "ports.operations": _PORT,
    "ports.peers": _PORT,
    "rateLimit.perSecond": _whole(0, 1_000_000_000),
    "replicas": _whole(0, 1000),
    "resources": _RESOURCES,
    "runAsUser": {"type": ["integer", "null"], "minimum": 1},
    "service.annotations": _TEXTS,
    "service.trafficDistribution": _one_of("", "PreferClose", "PreferSameZone", "PreferSameNode"),
    "service.type": _one_of("ClusterIP", "NodePort", "LoadBalancer"),
    "serviceAccount.annotations": _TEXTS,
    "shutdown.drainSeconds": _whole(3, 600),
    "size": _one_of("small", "medium", "large"),
    "spread.hosts": _one_of("preferred", "required", "ignored"),
    "spread.minZones": _whole(0, 100),
    "spread.zones": _one_of("ScheduleAnyway", "DoNotSchedule"),
    "startup.seconds": _whole(10, 86_400),
    "tls.public.dnsNames": _NAMES,
    "tls.public.issuer.kind": _one_of("Issuer", "ClusterIssuer"),
    "tolerations": _OBJECTS,
    "zone.from": _one_of("podLabel", "node", "value", "none"),
}
"""What a value may be beyond the type of its default; lists and mappings stand here all."""


def schema_of(entries: Sequence[Entry]) -> Schema:
    """The schema of all values. Raises ValueError for a list or mapping without bounds, and for bounds of nothing."""
    if unknown := BOUNDS.keys() - {entry.key for entry in entries}:
        raise ValueError(f"bounds are given for values there are not: {', '.join(sorted(unknown))}")
    root: Schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart ringward",
        **_section(),
    }
    root["properties"]["global"] = {
        "type": "object",
        "description": "Helm's own, for subcharts; nothing is read of it.",
    }
    for entry in entries:
        _put(root, entry.place, _section() if entry.is_section else _value(entry), entry.comment)
    return root


def settable() -> list[Setting]:
    """The settings that ``config`` may hold."""
    return [setting for setting in SETTINGS if setting.secrecy is Secrecy.OPEN and not _is_decided(setting.key)]


def secret_variables() -> list[str]:
    """The variables of settings that are secrets, in order."""
    return sorted(ENV_PREFIX + setting.env_suffix for setting in SETTINGS if setting.secrecy is not Secrecy.OPEN)


def _is_decided(key: str) -> bool:
    return any(key.startswith(decided) if decided.endswith(".") else key == decided for decided in DECIDED)


def _value(entry: Entry) -> Schema:
    match entry.key, entry.default:
        case "config", _:
            return _config()
        case "secretEnv", _:
            return _section() | {"properties": dict.fromkeys(secret_variables(), _SECRET)}
        case key, _ if key in BOUNDS:
            return dict(BOUNDS[key])
        case _, bool():
            return {"type": "boolean"}
        case _, str():
            return dict(_TEXT)
        case key, _:
            raise ValueError(f"{key}: what it may be must be told")


def _config() -> Schema:
    root = _section()
    for setting in settable():
        _put(root, tuple(setting.key.split(".")), _setting(setting), setting.help)
    return root


def _setting(setting: Setting) -> Schema:
    if setting.choices:
        return {"enum": list(setting.choices)}
    match setting.kind:
        case Kind.SWITCH:
            return {"type": "boolean"}
        case Kind.INTEGER | Kind.NUMBER:
            least = {} if setting.least is None else {"minimum": setting.least}
            return {"type": "integer" if setting.kind is Kind.INTEGER else "number", **least}
        case Kind.PORT:
            return dict(_PORT)
        case Kind.LIST:
            return {"type": ["array", "string"], "items": {"type": "string"}}
        case Kind.SIZE:
            return {"type": ["integer", "string"]}
        case Kind.TEXT | Kind.DURATION:
            return dict(_TEXT)


def _section() -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": {}}


def _put(root: Schema, place: Sequence[str], schema: Schema, description: str) -> None:
    """Hang a schema below the sections that lead to it, which are made where they are missing."""
    *above, name = place
    section = root
    for step in above:
        section = section["properties"].setdefault(step, _section())
    section["properties"][name] = ({"description": description} if description else {}) | schema

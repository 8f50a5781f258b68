"""Rules over the settings that say who may ask and what is encrypted.

A door that was meant to be closed and would be open is a problem, and so is one nobody could open; what Permify starts
with and leaves a door open is a warning, since its configuration files are used as they are.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from api.auth.settings import ASYMMETRIC_METHODS, SHARED_SECRET_METHODS
from cli.settings import Value
from cluster.redis_server import RedisServer
from model.errors import Misconfigured

_SHORT_KEY = 16  # characters
_LONG_SKEW_S = 300

METHODS = ("preshared", "oidc")


def security_problems(values: Mapping[str, Value]) -> Iterator[str]:
    """Why no node should start with these values."""
    if values["authn.enabled"] is True:
        method = values["authn.method"]
        if method == "preshared":
            yield from _key_problems(_items(values, "authn.preshared.keys"))
        elif method == "oidc":
            yield from _oidc_problems(values)
        else:
            yield f"authn.method: expected {' or '.join(METHODS)}, since authn.enabled is true, got {method!r}"
    for prefix in ("server.grpc.tls", "server.http.tls", "distributed.tls"):
        yield from _tls_problems(values, prefix)
    yield from _limit_problems(str(values["server.rate_limit_redis"]))


def security_warnings(values: Mapping[str, Value]) -> Iterator[str]:
    """What leaves a door open, perhaps without being meant to."""
    if values["authn.enabled"] is True:
        yield from _method_warnings(values)
        yield from _plain_text_warnings(values)
    else:
        for key in ("authn.preshared.keys", "authn.oidc.issuer"):
            if values[key]:
                yield f"{key}: given, but authn.enabled is false: EVERYBODY MAY ASK AND CHANGE EVERYTHING"
    for prefix in ("server.grpc.tls", "server.http.tls", "distributed.tls"):
        if values[f"{prefix}.enabled"] is not True and (values[f"{prefix}.cert"] or values[f"{prefix}.key"]):
            yield f"{prefix}: certificate or key given, but {prefix}.enabled is false: nothing is encrypted"
    if values["server.rate_limit_redis"] and not _is_above_zero(values["server.rate_limit"]):
        yield "server.rate_limit_redis: ignored, since server.rate_limit says there is no limit"


def _key_problems(keys: tuple[str, ...]) -> Iterator[str]:
    if not keys:
        yield "authn.preshared.keys: at least one key must be given, since authn.method is preshared"
    if not all(keys):
        yield "authn.preshared.keys: a key is empty; whoever sent nothing would be let in"


def _oidc_problems(values: Mapping[str, Value]) -> Iterator[str]:
    for name in ("issuer", "audience"):
        if not values[f"authn.oidc.{name}"]:
            yield f"authn.oidc.{name}: must be given, since authn.method is oidc"
    issuer = str(values["authn.oidc.issuer"])
    if issuer and not _is_issuer(issuer):
        yield "authn.oidc.issuer: expected a URL such as https://login.example.com, without user, query or fragment"
    for name in ("refresh_interval", "backoff_interval"):
        if not values[f"authn.oidc.{name}"]:
            yield f"authn.oidc.{name}: must be above 0s, since authn.method is oidc"
    methods = set(_items(values, "authn.oidc.valid_methods"))
    for unknown in sorted(methods - ASYMMETRIC_METHODS - SHARED_SECRET_METHODS):
        yield f"authn.oidc.valid_methods: expected some of {', '.join(sorted(ASYMMETRIC_METHODS))}, got {unknown!r}"
    if not methods & ASYMMETRIC_METHODS:
        yield "authn.oidc.valid_methods: no method among them could verify a token: an issuer's keys are public"


def _is_issuer(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    is_bare = not (parts.query or parts.fragment or "@" in parts.netloc)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_bare


def _tls_problems(values: Mapping[str, Value], prefix: str) -> Iterator[str]:
    is_on = values[f"{prefix}.enabled"] is True
    for name in ("cert", "key"):
        if is_on and not values[f"{prefix}.{name}"]:
            yield f"{prefix}.{name}: must be given, since {prefix}.enabled is true"
    if values[f"{prefix}.client_ca"] and not is_on:
        yield f"{prefix}.client_ca: clients can be asked for certificates only if {prefix}.enabled is true"


def _limit_problems(url: str) -> Iterator[str]:
    try:
        if url:
            RedisServer.of(url)
    except Misconfigured as error:
        yield f"server.rate_limit_redis: {error}"


def _is_above_zero(value: Value) -> bool:
    return isinstance(value, int) and value > 0


def _method_warnings(values: Mapping[str, Value]) -> Iterator[str]:
    if values["authn.method"] == "preshared":
        keys = _items(values, "authn.preshared.keys")
        if any(len(key) < _SHORT_KEY for key in keys):
            yield f"authn.preshared.keys: a key is shorter than {_SHORT_KEY} characters and may be guessed"
    if values["authn.method"] == "oidc":
        issuer = str(values["authn.oidc.issuer"])
        if issuer.lower().startswith("http:") and not _is_loopback(urlsplit(issuer).hostname or ""):
            yield "authn.oidc.issuer: met without encryption, so whoever is between can put keys of his own in place"
        skew = values["authn.oidc.clock_skew"]
        if isinstance(skew, float) and skew > _LONG_SKEW_S:
            yield "authn.oidc.clock_skew: expired tokens are accepted for longer than five minutes"


def _plain_text_warnings(values: Mapping[str, Value]) -> Iterator[str]:
    if _is_loopback(str(values["server.host"])):
        return
    for name, is_served in (("grpc", True), ("http", values["server.http.enabled"] is True)):
        if is_served and values[f"server.{name}.tls.enabled"] is not True:
            yield f"server.{name}.tls.enabled: tokens travel unencrypted; fine only behind something that encrypts"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _items(values: Mapping[str, Value], key: str) -> tuple[str, ...]:
    items = values[key]
    return items if isinstance(items, tuple) else ()

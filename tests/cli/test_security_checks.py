"""A door that was meant to be closed is never open in silence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from api.auth.settings import OidcSettings, PresharedSettings
from api.identity import TlsSettings
from api.limits import LimitSettings
from cli.config import Configuration, load_configuration, node_settings

KEY = "a-key-of-some-length"
PRESHARED = {"authn.enabled": "true", "authn.method": "preshared", "authn.preshared.keys": KEY, "server.host": "::1"}
OIDC = {
    "authn.enabled": "true",
    "authn.method": "oidc",
    "authn.oidc.issuer": "https://login.example.com",
    "authn.oidc.audience": "api",
    "server.host": "127.0.0.1",
}
GRPC, HTTP = "server.grpc.tls", "server.http.tls"


def load(given: Mapping[str, str]) -> Configuration:
    flags = {key: [text] for key, text in given.items()}
    return load_configuration(flags=flags, file=None, environment={"HOME": "/home/me"}, folder=Path("/nonexistent"))


@pytest.mark.parametrize("given", [{}, PRESHARED, OIDC], ids=["open", "preshared", "oidc"])
def test_what_is_whole_has_neither_problems_nor_warnings(given: dict[str, str]) -> None:
    configuration = load(given)
    assert (configuration.problems, configuration.warnings) == ((), ())


PROBLEMS: list[tuple[dict[str, str], str]] = [
    ({"authn.enabled": "true"}, "authn.method: expected preshared or oidc"),
    (PRESHARED | {"authn.method": "basic"}, "authn.method: expected preshared or oidc"),
    (PRESHARED | {"authn.preshared.keys": ""}, "authn.preshared.keys: at least one key"),
    (PRESHARED | {"authn.preshared.keys": f"{KEY},"}, "authn.preshared.keys: a key is empty"),
    (OIDC | {"authn.oidc.issuer": ""}, "authn.oidc.issuer: must be given"),
    (OIDC | {"authn.oidc.audience": ""}, "authn.oidc.audience: must be given"),
    (OIDC | {"authn.oidc.issuer": "login.example.com"}, "authn.oidc.issuer: expected a URL"),
    (OIDC | {"authn.oidc.issuer": "file:///etc"}, "authn.oidc.issuer: expected a URL"),
    (OIDC | {"authn.oidc.issuer": "https://me:hush@login"}, "authn.oidc.issuer: expected a URL"),
    (OIDC | {"authn.oidc.issuer": "https://login?x=1"}, "authn.oidc.issuer: expected a URL"),
    (OIDC | {"authn.oidc.issuer": "https://[::"}, "authn.oidc.issuer: expected a URL"),
    (OIDC | {"authn.oidc.refresh_interval": "0"}, "authn.oidc.refresh_interval: must be above 0s"),
    (OIDC | {"authn.oidc.backoff_interval": "0"}, "authn.oidc.backoff_interval: must be above 0s"),
    (OIDC | {"authn.oidc.valid_methods": "RS256,none"}, "authn.oidc.valid_methods: expected some of ES256, "),
    (OIDC | {"authn.oidc.valid_methods": "HS256,HS512"}, "authn.oidc.valid_methods: no method among them"),
    (OIDC | {"authn.oidc.valid_methods": ""}, "authn.oidc.valid_methods: no method among them"),
    ({f"{GRPC}.enabled": "true", f"{GRPC}.key": "k"}, f"{GRPC}.cert: must be given"),
    ({f"{HTTP}.enabled": "true", f"{HTTP}.cert": "c"}, f"{HTTP}.key: must be given"),
    ({f"{GRPC}.client_ca": "ca"}, f"{GRPC}.client_ca: clients can be asked for certificates only if"),
]


@pytest.mark.parametrize(("given", "problem"), PROBLEMS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_door_that_would_be_open_or_closed_to_all_is_refused(given: dict[str, str], problem: str) -> None:
    (told,) = load(given).problems
    assert told.startswith(problem)
    assert "hush" not in told


WARNINGS: list[tuple[dict[str, str], str]] = [
    ({"authn.preshared.keys": KEY}, "authn.preshared.keys: given, but authn.enabled is false"),
    ({"authn.oidc.issuer": "https://login"}, "authn.oidc.issuer: given, but authn.enabled is false"),
    (PRESHARED | {"authn.preshared.keys": f"{KEY},hush"}, "authn.preshared.keys: a key is shorter than 16"),
    (OIDC | {"authn.oidc.issuer": "http://login.example.com"}, "authn.oidc.issuer: met without encryption"),
    (OIDC | {"authn.oidc.clock_skew": "5m1s"}, "authn.oidc.clock_skew: expired tokens are accepted"),
    ({f"{GRPC}.cert": "c"}, f"{GRPC}: certificate or key given, but {GRPC}.enabled is false"),
    ({f"{HTTP}.key": "k"}, f"{HTTP}: certificate or key given, but {HTTP}.enabled is false"),
]


@pytest.mark.parametrize(("given", "warning"), WARNINGS, ids=lambda value: value if isinstance(value, str) else "")
def test_what_permify_starts_with_is_warned_about(given: dict[str, str], warning: str) -> None:
    configuration = load(given)
    (told,) = configuration.warnings
    assert told.startswith(warning)
    assert configuration.problems == ()
    assert not any(secret in told for secret in (KEY, "hush"))


@pytest.mark.parametrize("issuer", ["http://localhost:8080", "http://127.0.0.1/realm", "http://[::1]:1"])
def test_an_issuer_on_this_machine_may_speak_plainly(issuer: str) -> None:
    assert load(OIDC | {"authn.oidc.issuer": issuer}).warnings == ()


@pytest.mark.parametrize("host", ["", "10.0.0.1", "node.example.com"])
def test_tokens_that_travel_unencrypted_are_warned_about_for_each_listener(host: str) -> None:
    given = PRESHARED | {"server.host": host}
    warnings = load(given).warnings
    assert [text.partition(":")[0] for text in warnings] == [f"{GRPC}.enabled", f"{HTTP}.enabled"]
    assert KEY not in "".join(warnings)
    (grpc_alone,) = load(given | {"server.http.enabled": "false"}).warnings
    assert grpc_alone.startswith(GRPC)
    encrypted = {f"{prefix}.{name}": text for prefix in (GRPC, HTTP) for name, text in TLS.items()}
    assert load(given | encrypted).warnings == ()


TLS = {"enabled": "true", "cert": "c.pem", "key": "k.pem"}


# --- what reaches the node ---


def test_without_a_word_anybody_may_ask_within_the_limits() -> None:
    settings = node_settings(load({}))
    assert settings.auth is None
    assert (settings.grpc_tls, settings.http_tls) == (None, None)
    assert settings.limits == LimitSettings(calls_per_s=10_000, calls_at_once=10_000, streams_at_once=10_000)


def test_keys_and_limits_reach_the_node() -> None:
    limits = {"rate_limit": "5", "max_concurrent_requests": "6", "max_concurrent_streams": "-7"}
    settings = node_settings(load(PRESHARED | {f"server.{name}": text for name, text in limits.items()}))
    assert settings.auth == PresharedSettings((KEY,))
    assert settings.limits == LimitSettings(calls_per_s=5, calls_at_once=6, streams_at_once=-7)


REDIS = "server.rate_limit_redis"


def test_where_nodes_share_their_limit_reaches_the_node() -> None:
    limits = node_settings(load({REDIS: "redis://:hush-hush@cache:6380/2?cluster=eu"})).limits
    assert limits.shared_in is not None
    assert (limits.shared_in.host, limits.shared_in.port, limits.shared_in.cluster) == ("cache", 6380, "eu")
    assert "hush" not in repr(limits)


@pytest.mark.parametrize("url", ["cache:6379", "http://me:hush-hush@cache", "redis://me:hush-hush@cache/one"])
def test_a_place_to_share_the_limit_that_is_none_stops_the_start_without_its_password(url: str) -> None:
    (problem,) = load({REDIS: url}).problems
    assert problem.startswith(f"{REDIS}: ")
    assert "hush" not in problem


def test_to_share_no_limit_warns() -> None:
    given = {REDIS: "redis://cache", "server.host": "::1"}
    (warning,) = load({**given, "server.rate_limit": "0"}).warnings
    assert warning == f"{REDIS}: ignored, since server.rate_limit says there is no limit"
    assert load(given).warnings == ()


def test_an_issuer_reaches_the_node_and_the_default_pause_spreads_its_tries() -> None:
    assert node_settings(load(OIDC)).auth == OidcSettings(
        "https://login.example.com", "api", frozenset({"RS256", "HS256"}), unknown_key_tries=6, unknown_key_pause_s=2.0
    )
    given = {"refresh_interval": "1m", "backoff_interval": "10s", "backoff_max_retries": "1", "clock_skew": "0"}
    given |= {"backoff_frequency": "3s", "valid_methods": "ES256"}
    assert node_settings(
        load(OIDC | {f"authn.oidc.{name}": text for name, text in given.items()})
    ).auth == OidcSettings(
        "https://login.example.com",
        "api",
        frozenset({"ES256"}),
        refresh_interval_s=60.0,
        unknown_key_tries=2,
        unknown_key_window_s=10.0,
        unknown_key_pause_s=3.0,
        clock_skew_s=0.0,
    )


@pytest.mark.parametrize("prefix", [GRPC, HTTP])
def test_certificate_files_reach_the_node(prefix: str) -> None:
    settings = node_settings(
        load({f"{prefix}.{name}": text for name, text in (TLS | {"client_ca": "~/ca.pem"}).items()})
    )
    tls = TlsSettings(Path("c.pem"), Path("k.pem"), Path.home() / "ca.pem")
    assert (settings.grpc_tls, settings.http_tls) == ((tls, None) if prefix == GRPC else (None, tls))

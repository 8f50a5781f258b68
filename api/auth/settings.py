"""What authentication can be told; ``cli/config.py`` fills it. No repr shows a key."""

from __future__ import annotations

from dataclasses import dataclass, field

ASYMMETRIC_METHODS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
SHARED_SECRET_METHODS = frozenset({"HS256", "HS384", "HS512"})


@dataclass(frozen=True, slots=True)
class PresharedSettings:
    """Keys that open the door, at least one, none empty."""

    keys: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """An OpenID Connect issuer whose tokens open the door.

    issuer: its URL, exactly as in the tokens. audience: what the tokens' ``aud`` must contain. methods: signature
    methods accepted; those with a shared secret (HS256 and so on) may be named and never verify anything.
    refresh_interval_s: how often the keys are fetched; shorter notices withdrawn keys sooner. clock_skew_s: by how much
    the issuer's clock may differ; an expired token is accepted for so long.

    A token with an unknown key makes the keys be fetched out of turn, at most ``unknown_key_tries`` times within
    ``unknown_key_window_s`` and never sooner than ``unknown_key_pause_s`` after the last time: more finds a new key
    sooner and lets strangers cause more requests to the issuer. fetch_timeout_s: for one request to the issuer.
    start_tries: how often the issuer is asked at start, with pauses of ``start_pause_s`` doubling each time.
    """

    issuer: str
    audience: str
    methods: frozenset[str] = frozenset({"RS256"})
    refresh_interval_s: float = 900.0
    unknown_key_tries: int = 6
    unknown_key_window_s: float = 12.0
    unknown_key_pause_s: float = 2.0
    clock_skew_s: float = 30.0
    fetch_timeout_s: float = 5.0
    start_tries: int = 5
    start_pause_s: float = 0.5


AuthSettings = PresharedSettings | OidcSettings

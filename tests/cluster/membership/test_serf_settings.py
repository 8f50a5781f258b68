"""What a serf URL says."""

from __future__ import annotations

import pytest

from cluster.membership.serf_agent import AgentSettings
from cluster.membership.serf_settings import SerfSettings, settings_of
from cluster.membership.urls import EngineUrl
from model.errors import Misconfigured

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def read(text: str) -> SerfSettings:
    return settings_of(EngineUrl.parse(text))


def test_an_agent_that_runs_already() -> None:
    assert read("serf://host?cluster=staging.eu-1&auth=secret") == SerfSettings(
        shown="serf://host?…", host="host", port=7373, cluster="staging.eu-1", auth="secret"
    )


def test_an_agent_to_be_started_has_serfs_own_defaults() -> None:
    settings = read("serf://127.0.0.1:7374?agent=start")

    assert settings.agent == AgentSettings(binary="serf", bind="0.0.0.0:7946", rpc="127.0.0.1:7374")
    assert settings.join == ()


def test_an_agent_to_be_started_as_told() -> None:
    settings = read(
        f"serf://[::1]:7374?agent=start&auth=secret&bind=[::]:1&advertise=10.0.0.1&join=h1,[fd00::1],h2:9&key={KEY}"
        "&snapshot=/var/lib/serf&binary=/opt/serf&profile=wan"
    )

    assert settings.agent == AgentSettings(
        binary="/opt/serf",
        bind="[::]:1",
        advertise="10.0.0.1:7946",
        rpc="[::1]:7374",
        auth="secret",
        encrypt=KEY,
        snapshot="/var/lib/serf",
        profile="wan",
    )
    assert settings.join == ("h1:7946", "[fd00::1]:7946", "h2:9")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("serf://", "expected host:port, got ''"),
        ("serf://a,b", "got 'a,b'"),
        ("serf://host:0", "'host:0'"),
        ("serf://host/path", "expected serf://host:port"),
        ("serf://:secret@host", "a key is given as auth="),
        ("serf://host?cluster=a/b", "cluster is 'a/b'"),
        ("serf://host?cluster=", "cluster is ''"),
        ("serf://host?agent=stop", "agent is 'stop'; expected running or start"),
        ("serf://host?join=h1", "unknown option 'join'; known: cluster, auth, agent"),
        ("serf://host?agent=running&key=x", "unknown option 'key'"),
        ("serf://host?agent=start&join=h1:x", "'h1:x'"),
        ("serf://host?agent=start&bind=:7946", "':7946'"),
        ("serf://host?agent=start&profile=fast", "profile is 'fast'; expected lan or wan or local"),
    ],
)
def test_another_form_is_misconfigured(url: str, told: str) -> None:
    with pytest.raises(Misconfigured) as error:
        read(url)
    assert told in str(error.value)


@pytest.mark.parametrize("key", ["secret", "c2VjcmV0", f"{KEY}=", "secret\N{SNOWMAN}"])
def test_a_key_of_another_length_is_misconfigured_and_not_told(key: str) -> None:
    with pytest.raises(Misconfigured, match="16, 24 or 32 bytes") as error:
        read(f"serf://host?agent=start&key={key}")
    assert key not in str(error.value)


def test_keys_stand_in_no_repr() -> None:
    assert KEY not in (told := repr(read(f"serf://host?agent=start&auth=secret&key={KEY}")))
    assert "secret" not in told

"""URLs that name engines: read strictly, shown without secrets."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.membership.urls import EngineUrl, joined_address, shown_form
from model.errors import Misconfigured

SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4).map("pa55".__add__)


def test_a_url_is_cut_into_its_parts() -> None:
    url = EngineUrl.parse("Redis://ann:p%40ss@[::1]:6379/a%20b?cluster=x&key=a%26b+c==")

    assert (url.scheme, url.authority, url.path) == ("redis", "[::1]:6379", "a b")
    assert (url.user, url.password) == ("ann", "p@ss")
    assert url.options == {"cluster": "x", "key": "a&b+c=="}


def test_a_url_tells_neither_user_nor_password_nor_options() -> None:
    url = EngineUrl.parse("redis://ann:pass@host:6379/0?token=secret")

    assert str(url) == "redis://host:6379/0?…"
    for text in (repr(url), f"{url}"):
        assert not any(secret in text for secret in ("ann", "pass", "token", "secret"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("serf://host:7373", "serf://host:7373"),
        ("serf://host:7373?auth=secret", "serf://host:7373?…"),
        ("redis://:se/cret@host", "redis://host"),
        ("redis://:se?cret@host", "redis://…"),
        ("redis://:se#cret@host/0", "redis://…"),
        ("redis://:se@cret@host/0", "redis://host/0"),
        (":secret@host:6379", "host:6379"),
        ("host#secret", "host?…"),
        ("", ""),
    ],
)
def test_what_may_be_shown(text: str, shown: str) -> None:
    assert shown_form(text) == shown


@given(SECRETS, SECRETS)
def test_no_password_and_no_key_is_ever_shown_however_badly_it_is_written(password: str, key: str) -> None:
    for text in (
        f"redis://user:{password}@host/0?key={key}",
        f"redis://user:{quote(password, safe='')}@host/0?key={quote(key, safe='')}",
        f"user:{password}@host?key={key}",
    ):
        told = shown_form(text)
        try:
            EngineUrl.parse(text)
        except Misconfigured as error:
            told += str(error)
        assert "pa55" not in told


@pytest.mark.parametrize(
    "text", ["", "host", "host:5000", "://host", "1x://host", "serf:host", "serf://a@b@c", "serf://host#part"]
)
def test_another_form_is_misconfigured(text: str) -> None:
    with pytest.raises(Misconfigured, match="expected scheme://address"):
        EngineUrl.parse(text)


@pytest.mark.parametrize("options", ["auth", "=x", "auth=x&y", "A=x"])
def test_an_option_of_another_form_is_misconfigured_and_not_quoted(options: str) -> None:
    with pytest.raises(Misconfigured, match=r"^serf://host\?…: an option is not of the form name=value") as told:
        EngineUrl.parse(f"serf://host?{options}")
    assert f"{options}" not in str(told.value)


def test_an_option_given_twice_is_misconfigured() -> None:
    with pytest.raises(Misconfigured, match="'auth' is given twice"):
        EngineUrl.parse("serf://host?auth=a&auth=b")


def test_only_known_options_are_allowed() -> None:
    url = EngineUrl.parse("serf://host?auth=secret&bind=x")

    url.allow_only("auth", "bind")
    with pytest.raises(Misconfigured, match="unknown option 'bind'; known: auth"):
        url.allow_only("auth")
    with pytest.raises(Misconfigured, match="unknown option 'auth'; it has none"):
        url.allow_only()


def test_a_choice_is_one_of_its_values() -> None:
    url = EngineUrl.parse("serf://host?agent=start")

    assert url.choice("agent", "running", "start") == "start"
    assert url.choice("profile", "lan", "wan") == "lan"
    with pytest.raises(Misconfigured, match="agent is 'start'; expected a or b"):
        url.choice("agent", "a", "b")


@pytest.mark.parametrize(
    ("text", "address"),
    [("host:1", ("host", 1)), ("10.0.0.1:65535", ("10.0.0.1", 65535)), ("[::1]:80", ("::1", 80)), ("a_b", ("a_b", 7))],
)
def test_an_address_is_host_and_port(text: str, address: tuple[str, int]) -> None:
    assert EngineUrl.parse("serf://x").address(text, port=7) == address


@pytest.mark.parametrize(
    "text", ["", "host", "host:", "host:0", "host:65536", "host:²", "::1:80", "[::1]", "a b:1", "a:1,b:2", "[x]:1"]
)
def test_no_address_is_misconfigured_and_quoted(text: str) -> None:
    with pytest.raises(Misconfigured, match=r"expected (host:port|a port from 1 to 65535), got ") as told:
        EngineUrl.parse("serf://x").address(text)
    assert repr(text) in str(told.value)


@given(st.sampled_from(["host", "10.0.0.1", "fd00::1"]), st.integers(1, 65535))
def test_an_address_that_was_joined_is_read_again(host: str, port: int) -> None:
    assert EngineUrl.parse("serf://x").address(joined_address(host, port)) == (host, port)

"""Addresses of PostgreSQL: options of another driver are understood, not handed on."""

from __future__ import annotations

import pytest

from cli.postgres_uri import PostgresUri


@pytest.mark.parametrize(
    "uri",
    [
        "postgres://h/d",
        "postgresql://user:p%40ss@h1:1,h2:2/d?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        "postgres:///d?host=/var/run/postgresql",
        "postgres://u@[::1]:5432/d",
        "postgres://[fe80::1]/d",
        "postgres://u:p@h:/d",
    ],
)
def test_an_address_without_those_options_stays_as_it_is(uri: str) -> None:
    assert PostgresUri.parse(uri) == (uri, True)


@pytest.mark.parametrize("mode", ["cache_describe", "describe_exec", "mode_exec", "simple_protocol"])
def test_every_mode_but_the_usual_keeps_no_statements(mode: str) -> None:
    assert PostgresUri.parse(f"postgres://h/d?default_query_exec_mode={mode}") == ("postgres://h/d", False)
    assert PostgresUri.parse("postgres://h/d?default_query_exec_mode=cache_statement") == ("postgres://h/d", True)


@pytest.mark.parametrize("mode", ["auto", "force_custom_plan", "disable"])
def test_the_way_to_plan_is_read_and_dropped(mode: str) -> None:
    assert PostgresUri.parse(f"postgres://h/d?plan_cache_mode={mode}&sslmode=require").uri == (
        "postgres://h/d?sslmode=require"
    )


@pytest.mark.parametrize(
    "text",
    [
        "hush",
        "hush.db",
        "mysql://u:hush@h/d",
        "host=h password=hush",
        "postgres://",
        "postgres://u:hush@h/d?plan_cache_mode=x",
        "postgres://u:hush@h:99x/d",
        "postgres://u:hush@h:1,g:65536/d",
        "postgres://u:hush@h:0",
        "postgres://u:hush/word@h:1/d",
        "postgres://u@[::1]:hush/d",
    ],
)
def test_anything_else_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(ValueError, match="expected ") as refusal:
        PostgresUri.parse(text)
    assert "hush" not in str(refusal.value)

"""``ringward config`` shows what counts and why, and keeps secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.settings_table import SETTINGS
from cli.show_config import show_config


def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(show_config, arguments, env=env, catch_exceptions=False)


def line_of(result: Result, key: str) -> list[str]:
    (line,) = (line for line in result.stdout.splitlines() if line.split()[:1] == [key])
    return line.split()


def test_each_key_is_shown_with_value_and_source(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("server:\n  host: 10.0.0.9\n", encoding="utf-8")
    result = run("-c", str(file), "--grpc-port=4000", env={"RINGWARD_LOG_LEVEL": "debug"})

    assert result.exit_code == 0
    assert line_of(result, "server.grpc.port") == ["server.grpc.port", "4000", "FLAG", "--grpc-port"]
    assert line_of(result, "logger.level") == ["logger.level", "debug", "ENVIRONMENT", "RINGWARD_LOG_LEVEL"]
    assert line_of(result, "server.host") == ["server.host", "10.0.0.9", "FILE", f"{file}:2"]
    assert line_of(result, "database.connect_timeout") == ["database.connect_timeout", "0s", "DEFAULT"]
    for setting in SETTINGS:
        assert line_of(result, setting.key)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--authn-preshared-keys=open-sesame-hush,other-hush"],
        ["--tracer-headers=authorization:hush-hush-hush"],
        ["--database-writer-uri=postgres://me:hush@host/name"],
        ["--database-uri=postgres://me:hush@host/name"],
    ],
)
def test_no_secret_is_shown(arguments: list[str]) -> None:
    result = run(*arguments)
    assert "hush" not in result.stdout + result.stderr
    assert "****" in result.stdout


def test_an_invalid_configuration_is_shown_with_its_problems() -> None:
    result = run("--authn-enabled", "--log-level=loud")

    assert result.exit_code == 1
    assert line_of(result, "server.grpc.port")
    assert "error: authn.method: expected preshared or oidc" in result.stderr
    assert "error: --log-level: logger.level: expected" in result.stderr


def test_warnings_are_no_failure() -> None:
    result = run("--account-id=me")
    assert result.exit_code == 0
    assert "warning: --account-id: account_id: has no effect" in result.stderr

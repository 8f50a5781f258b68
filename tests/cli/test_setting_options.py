"""Every setting is a long option of ``serve`` and ``config``, explained in their help."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli.config import Configuration, Source
from cli.setting_options import SettingsCommand, configuration_of
from cli.settings import Kind, Setting
from cli.settings_table import SETTINGS
from tests.cli.test_config import other_text


def configure(*arguments: str) -> Configuration:
    """The configuration that a command with these arguments sees."""
    seen: list[Configuration] = []

    @click.command(cls=SettingsCommand)
    def command(config: Path | None, **given: Sequence[str]) -> None:
        seen.append(configuration_of(config, given))

    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return seen[0]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_every_setting_is_reached_by_flag(setting: Setting) -> None:
    text = other_text(setting)
    configuration = configure(f"--{setting.flag_name}", text)

    assert configuration.values[setting.key] == setting.parse(text)
    assert configuration.origins[setting.key].source is Source.FLAG
    assert configuration.origins[setting.key].place == f"--{setting.flag_name}"


@pytest.mark.parametrize("setting", [each for each in SETTINGS if each.kind is Kind.SWITCH], ids=lambda each: each.key)
def test_a_switch_may_stand_alone_or_with_a_value(setting: Setting) -> None:
    assert configure(f"--{setting.flag_name}").is_on(setting.key)
    assert configure(f"--{setting.flag_name}", "--account-id=x").is_on(setting.key)
    assert not configure(f"--{setting.flag_name}=false").is_on(setting.key)


def test_a_list_may_be_given_in_parts() -> None:
    configuration = configure("--authn-preshared-keys=a,b", "--authn-preshared-keys", "c")
    assert configuration.values["authn.preshared.keys"] == ("a", "b", "c")


def test_the_file_is_named_by_config(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("server: {host: 10.0.0.9}", encoding="utf-8")
    assert configure("-c", f"{tmp_path}/x.yaml").text("server.host") == "10.0.0.9"
    assert configure(f"--config={tmp_path}/x.yaml").text("server.host") == "10.0.0.9"
    assert "No such file" in configure("-c", "missing.yaml").problems[0]


def test_a_typo_in_a_flag_gets_a_suggestion() -> None:
    result = CliRunner().invoke(click.Command("serve", callback=print), ["--x"])
    assert result.exit_code == 2

    @click.command(cls=SettingsCommand)
    def serve(**_given: object) -> None:
        raise AssertionError("must not run")

    result = CliRunner().invoke(serve, ["--databse-engine", "x"])
    assert result.exit_code == 2
    assert "--database-engine" in result.output


def test_the_help_explains_every_option_and_the_file() -> None:
    @click.command(cls=SettingsCommand)
    def serve(**_given: object) -> None:
        raise AssertionError("must not run")

    output = CliRunner().invoke(serve, ["--help"], terminal_width=200).output
    assert "--config FILE" in output
    for setting in SETTINGS:
        assert f"--{setting.flag_name}" in output
        assert setting.help in output
    assert output.index("Where data is kept") < output.index("Several nodes")

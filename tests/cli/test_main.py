"""The command itself: help, version, completion."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from cli.main import main
from cli.version import installed_version

COMMANDS = ["serve", "health", "quickstart", "validate", "ast", "config", "version", "completion"]


def test_alone_it_prints_its_help_with_all_commands_and_first_steps() -> None:
    result = CliRunner().invoke(main, [])
    assert result.exit_code == 0
    assert "First steps" in result.output
    for command in COMMANDS:
        assert f"\n  {command} " in result.output


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: main {command} ")


def test_every_command_of_the_table_is_where_it_says_under_its_own_name() -> None:
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        assert command.name == name


def test_the_version_is_printed() -> None:
    for arguments in (["version"], ["--version"]):
        assert CliRunner().invoke(main, arguments).output == f"v{installed_version()}\n"


def test_a_wrong_command_gets_a_suggestion_or_at_least_an_error() -> None:
    result = CliRunner().invoke(main, ["sevre"])
    assert result.exit_code == 2
    assert "sevre" in result.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell], catch_exceptions=False)
    assert result.exit_code == 0
    assert "_RINGWARD_COMPLETE" in result.output


def test_completion_knows_three_shells() -> None:
    assert CliRunner().invoke(main, ["completion", "tcsh"]).exit_code == 2

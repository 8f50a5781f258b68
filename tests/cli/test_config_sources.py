"""Each source tells what it was given and where; typos are found, foreign names are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.config_sources import Given, from_environment, from_file, from_flags


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_last_of_repeated_flags_counts_but_lists_add_up() -> None:
    given = from_flags({"server.host": ["a", "b"], "authn.preshared.keys": ["k,l", "m"], "account_id": []}).given

    assert given == {
        "server.host": Given("b", "--server-host"),
        "authn.preshared.keys": Given("k,l,m", "--authn-preshared-keys"),
    }


def test_our_prefix_wins_over_the_compatible_one() -> None:
    given = from_environment({"RINGWARD_GRPC_PORT": "1", "PERMIFY_GRPC_PORT": "2", "PERMIFY_RATE_LIMIT": "3"}).given

    assert given["server.grpc.port"] == Given("1", "RINGWARD_GRPC_PORT")
    assert given["server.rate_limit"] == Given("3", "PERMIFY_RATE_LIMIT")


def test_an_empty_variable_counts_as_not_set() -> None:
    assert not from_environment({"RINGWARD_GRPC_PORT": "", "RINGWARD_TYPO": ""}).given


def test_a_typo_in_our_variables_is_a_problem_in_the_compatible_ones_a_warning() -> None:
    readings = from_environment({"RINGWARD_GRPC_PROT": "1", "PERMIFY_GRPC_PROT": "1", "HOME": "/root"})

    assert readings.problems == ["RINGWARD_GRPC_PROT: unknown environment variable; did you mean RINGWARD_GRPC_PORT?"]
    assert readings.warnings == ["PERMIFY_GRPC_PROT: unknown environment variable; did you mean PERMIFY_GRPC_PORT?"]


def test_what_kubernetes_sets_for_a_service_of_our_name_is_no_typo() -> None:
    readings = from_environment(
        {
            "RINGWARD_SERVICE_HOST": "10.0.0.1",
            "RINGWARD_SERVICE_PORT": "3478",
            "RINGWARD_SERVICE_PORT_GRPC": "3478",
            "RINGWARD_PORT": "tcp://10.0.0.1:3478",
            "RINGWARD_PORT_3478_TCP": "tcp://10.0.0.1:3478",
            "RINGWARD_PORT_3478_TCP_ADDR": "10.0.0.1",
            "RINGWARD_HEADLESS_SERVICE_HOST": "10.0.0.2",
            "RINGWARD_HEADLESS_PORT": "tcp://10.0.0.2:3478",
        }
    )
    assert (readings.problems, readings.given) == ([], {})


def test_a_file_tells_the_line_of_each_setting(tmp_path: Path) -> None:
    path = write(
        tmp_path, "server:\n  grpc:\n    port: 4000\nauthn:\n  preshared:\n    keys: [a, b]\ndatabase:\n  uri:\n"
    )

    assert from_file(path).given == {
        "server.grpc.port": Given("4000", f"{path}:3"),
        "authn.preshared.keys": Given(("a", "b"), f"{path}:6"),
    }


def test_keys_may_be_written_in_any_case(tmp_path: Path) -> None:
    assert "server.rate_limit" in from_file(write(tmp_path, "Server:\n  Rate_Limit: 5\n")).given


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("server:\n  grpc:\n    prot: 1\n", ":3: server.grpc.prot: unknown key; did you mean server.grpc.port?"),
        ("databse:\n  uri: x\n", ":1: databse: unknown key; did you mean database?"),
        ("grpc_port: 3\n", ":1: grpc_port: unknown key; did you mean server.grpc.port?"),
        ("qqq: 3\n", ":1: qqq: unknown key"),
        ("server: 5\n", ":1: server: expected a section with keys"),
        ("- a\n", ":1: the file: expected a section with keys"),
        ("server:\n  host:\n    x: 1\n", ":2: server.host: expected a value, not a section"),
        ("server:\n  host: [[1]]\n", ":2: server.host: expected a value, not a section"),
    ],
)
def test_a_wrong_key_is_named_with_its_line(tmp_path: Path, text: str, complaint: str) -> None:
    path = write(tmp_path, text)
    assert from_file(path).problems == [f"{path}{complaint}"]


def test_all_wrong_keys_are_told_at_once(tmp_path: Path) -> None:
    assert len(from_file(write(tmp_path, "a: 1\nb: 2\nserver:\n  c: 3\n")).problems) == 3


def test_a_key_of_the_sample_file_that_nothing_reads_is_only_a_warning(tmp_path: Path) -> None:
    readings = from_file(write(tmp_path, "logger:\n  file: /var/log/x\n  level: debug\n"))

    assert readings.problems == []
    assert readings.warnings == [f"{tmp_path}/config.yaml:2: logger.file: nothing reads this key"]
    assert "logger.level" in readings.given


def test_a_file_that_cannot_be_read_is_one_problem(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"a: \xe4")

    assert "No such file" in from_file(tmp_path / "missing.yaml").problems[0]
    assert "not UTF-8" in from_file(tmp_path / "latin").problems[0]
    assert "not valid YAML" in from_file(write(tmp_path, "a: [")).problems[0]

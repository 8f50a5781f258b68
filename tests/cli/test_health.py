"""``ringward health`` asks real nodes: what it says and ends with, and how it finds the node of its machine."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from tests.cli.program import finished, read_until, started
from tests.support.certificates import Files, issue
from tests.support.processes import free_ports

ASKED = (
    "import sys; from cli.main import main; main(standalone_mode=False); print(*sorted(sys.modules), file=sys.stderr)"
)


@contextmanager
def node(home: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """One that serves from memory, and where."""
    memory = ("--database-engine=memory", "--http-enabled=false", "--server-host=127.0.0.1", "--log-level=error")
    with started("serve", "--grpc-port=0", *memory, *options, home=home) as process:
        yield process, read_until(process, "gRPC").split()[1]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a node without encryption."""
    with node(tmp_path_factory.mktemp("plain")) as (_, found):
        yield found


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """Signs the certificates of nodes and callers."""
    return trustme.CA()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, ca: trustme.CA) -> Files:
    """A certificate that is not made out to this machine, as most are, and the CA."""
    found = Files(tmp_path_factory.mktemp("certificates"))
    found.write(ca.issue_cert("node.example.com"))
    ca.cert_pem.write_to_path(str(found.client_ca))
    return found


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory, files: Files) -> Iterator[str]:
    """Where a node serves with that certificate."""
    options = ("--grpc-tls-enabled", f"--grpc-tls-cert-path={files.cert}", f"--grpc-tls-key-path={files.key}")
    with node(tmp_path_factory.mktemp("encrypted"), *options) as (_, found):
        yield found


def test_a_node_that_serves_is_one_line_and_exit_code_0(address: str, tmp_path: Path) -> None:
    result = finished("health", "--address", address, home=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{address} serving\n", "")


def test_json_says_the_same(address: str, tmp_path: Path) -> None:
    result = finished("health", "--address", address, "--output", "json", home=tmp_path)
    assert result.returncode == 0
    assert json.loads(result.stdout) == {"address": address, "state": "serving"}


def test_a_node_on_its_way_out_is_exit_code_1(tmp_path: Path) -> None:
    with node(tmp_path, "--server-drain-delay=1m") as (process, address):
        process.send_signal(signal.SIGTERM)
        read_until(process, "stopping", from_stderr=True)
        result = finished("health", "--address", address, home=tmp_path)
    assert (result.returncode, result.stdout) == (1, f"{address} not serving\n")


def test_where_nobody_listens_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    result = finished("health", "--address", f"127.0.0.1:{port}", home=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"error: 127.0.0.1:{port} gives no answer: ")
    assert result.stderr.count("\n") == 1


def test_one_that_says_nothing_is_given_up_in_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        result = finished("health", "--address", f"127.0.0.1:{port}", "--timeout", "200ms", home=tmp_path)
    assert result.returncode == 2
    assert "gives no answer: Deadline Exceeded" in result.stderr


def test_the_node_of_this_machine_is_found_by_its_variables(address: str, tmp_path: Path) -> None:
    result = asked(tmp_path, RINGWARD_GRPC_PORT=address.rpartition(":")[2])
    assert (result.returncode, result.stdout) == (0, f"localhost:{address.rpartition(':')[2]} serving\n")


def test_the_node_of_this_machine_is_found_by_its_configuration_file(address: str, tmp_path: Path) -> None:
    host, _, port = address.rpartition(":")
    (tmp_path / "config").mkdir()
    usual = tmp_path / "config" / "config.yaml"
    usual.write_text(f"server:\n  host: {host}\n  grpc:\n    port: {port}\n", encoding="utf-8")
    assert asked(tmp_path).stdout == f"{address} serving\n"

    named = usual.rename(tmp_path / "other.yaml")
    assert asked(tmp_path, "--config", str(named)).stdout == f"{address} serving\n"


def test_settings_it_does_not_need_are_not_judged(address: str, tmp_path: Path) -> None:
    port = address.rpartition(":")[2]
    assert asked(tmp_path, RINGWARD_GRPC_PORT=port, RINGWARD_LOG_LEVEL="loud", RINGWARD_NEW="1").returncode == 0


def test_settings_it_cannot_read_are_exit_code_2(tmp_path: Path) -> None:
    wrong = asked(tmp_path, RINGWARD_GRPC_PORT="high")
    assert wrong.returncode == 2
    assert "RINGWARD_GRPC_PORT: server.grpc.port: expected a port from 0 to 65535, got 'high'" in wrong.stderr

    missing = asked(tmp_path, "--config", "nowhere.yaml")
    assert missing.returncode == 2
    assert "nowhere.yaml: cannot read the configuration file" in missing.stderr


def test_the_node_of_this_machine_is_trusted_by_its_own_certificate(
    encrypted: str, files: Files, tmp_path: Path
) -> None:
    port = encrypted.rpartition(":")[2]
    variables = {"RINGWARD_GRPC_PORT": port, "RINGWARD_GRPC_TLS_ENABLED": "true"}
    assert asked(tmp_path, **variables, RINGWARD_GRPC_TLS_CERT_PATH=str(files.cert)).returncode == 0

    other = Files(tmp_path)
    other.write(issue(trustme.CA()))
    assert asked(tmp_path, **variables, RINGWARD_GRPC_TLS_CERT_PATH=str(other.cert)).returncode == 2
    assert asked(tmp_path, **variables, RINGWARD_GRPC_TLS_CERT_PATH=str(other.key)).returncode == 2


def test_another_node_is_trusted_by_its_ca_and_name(encrypted: str, files: Files, tmp_path: Path) -> None:
    named = ("--address", encrypted, "--ca", str(files.client_ca), "--server-name", "node.example.com")
    assert finished("health", *named, home=tmp_path).returncode == 0
    assert finished("health", *named[:4], home=tmp_path).returncode == 2, "it is not made out to an address"
    assert finished("health", "--address", encrypted, "--tls", home=tmp_path).returncode == 2, "nobody knows this CA"
    assert finished("health", "--address", encrypted, home=tmp_path).returncode == 2, "it speaks nothing unencrypted"


def test_a_node_that_asks_for_certificates_is_shown_one(files: Files, ca: trustme.CA, tmp_path: Path) -> None:
    caller = Files(tmp_path)
    caller.write(issue(ca))
    options = (f"--grpc-tls-cert-path={files.cert}", f"--grpc-tls-key-path={files.key}")
    asks = (f"--grpc-tls-client-ca-path={files.client_ca}", "--grpc-tls-enabled")
    with node(tmp_path, *options, *asks) as (_, address):
        variables = {
            "RINGWARD_GRPC_PORT": address.rpartition(":")[2],
            "RINGWARD_GRPC_TLS_ENABLED": "1",
            "RINGWARD_GRPC_TLS_CERT_PATH": str(files.cert),
        }
        assert asked(tmp_path, "--cert", str(caller.cert), "--key", str(caller.key), **variables).returncode == 0
        assert asked(tmp_path, **variables).returncode == 2


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--cert", "a.pem"), "--cert and --key go together"),
        (("--tls",), "go with --address"),
        (("--timeout", "soon"), "expected a duration"),
        (("--address", "127.0.0.1:1", "--ca", "nowhere.pem"), "cannot read nowhere.pem: no such file or directory"),
    ],
)
def test_what_cannot_be_meant_is_exit_code_2(options: tuple[str, ...], word: str, tmp_path: Path) -> None:
    result = finished("health", *options, home=tmp_path)
    assert result.returncode == 2
    assert word in result.stderr


def test_it_loads_nothing_that_it_can_do_without(address: str, tmp_path: Path) -> None:
    with started("health", "--address", address, home=tmp_path, code=ASKED) as process:
        _, loaded = process.communicate()
    assert {"cli.health", "grpc"} <= {*loaded.split()}
    assert not {"rich", "google.protobuf", "structlog", "node", "api", "cluster", "storage"} & {*loaded.split()}


def asked(home: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What it says where a node has such variables."""
    with started("health", *options, home=home, environment=variables) as process:
        stdout, stderr = process.communicate(timeout=60)
    return subprocess.CompletedProcess([sys.executable], process.returncode, stdout, stderr)

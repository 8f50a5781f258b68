"""``ringward serve`` as a process: it starts, says where it is, stops when told, and fails in one line."""

from __future__ import annotations

import json
import signal
import socket
import urllib.request
from pathlib import Path

import trustme

from cli.serve import reachable
from tests.cli.program import TIMEOUT_S, finished, read_until, started
from tests.support.certificates import Files, issue


def test_it_says_what_runs_and_where_and_stops_on_sigterm(tmp_path: Path) -> None:
    with started("serve", "--grpc-port=0", "--http-port=0", "--server-host=127.0.0.1", home=tmp_path) as process:
        read_until(process, "ringward ")
        address = read_until(process, "gRPC").split()[1]
        data = read_until(process, "data").split()[1]
        url = read_until(process, "HTTP").split()[1]
        assert "grpcurl -plaintext" in read_until(process, "try")
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=TIMEOUT_S):
            pass
        with urllib.request.urlopen(f"{url.removesuffix('/v1')}/healthz", timeout=TIMEOUT_S) as health:
            assert json.load(health) == {"status": "SERVING"}
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=TIMEOUT_S)

    assert process.returncode == 0
    assert data == f"{tmp_path}/.local/share/ringward/ringward.db"
    assert Path(data).exists()
    assert "Traceback" not in stderr


def test_with_json_each_line_is_an_event(tmp_path: Path) -> None:
    arguments = ["--grpc-port=0", "--http-port=0", "--database-engine=memory", "--log-output=json", "--account-id=me"]
    with started("serve", *arguments, home=tmp_path) as process:
        warning = json.loads(read_until(process, "account_id", from_stderr=True))
        event = json.loads(read_until(process, "node started", from_stderr=True))
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=TIMEOUT_S)

    assert process.returncode == 0
    assert warning["level"] == "warning"
    assert event["http"].startswith("http://")
    assert int(event["grpc"].rpartition(":")[2]) > 0
    assert stdout == ""


def test_it_says_how_the_door_is_closed(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.write(issue(trustme.CA()))
    arguments = ["--grpc-port=0", "--http-enabled=false", "--server-host=127.0.0.1", "--database-engine=memory"]
    arguments += ["--authn-enabled", "--authn-method=preshared", "--authn-preshared-keys=open-sesame-hush-hush"]
    arguments += ["--grpc-tls-enabled", f"--grpc-tls-cert-path={files.cert}", f"--grpc-tls-key-path={files.key}"]
    with started("serve", *arguments, home=tmp_path) as process:
        assert "(encrypted, callers show a token)" in read_until(process, "gRPC")
        assert "grpcurl -cacert ca.pem -H 'authorization: Bearer TOKEN'" in read_until(process, "try")
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)

    assert process.returncode == 0
    assert "hush" not in stdout + stderr


def test_a_certificate_that_cannot_be_used_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    arguments = ["--grpc-port=0", "--database-engine=memory", "--grpc-tls-enabled"]
    result = finished("serve", *arguments, "--grpc-tls-cert-path=no.pem", "--grpc-tls-key-path=no.key", home=tmp_path)

    assert result.returncode == 1
    assert result.stderr == "error: cannot read no.pem: no such file or directory\n"


def test_a_taken_port_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = [f"--grpc-port={port}", "--http-port=0", "--server-host=127.0.0.1", "--database-engine=memory"]
        result = finished("serve", *arguments, home=tmp_path)

    assert result.returncode == 1
    assert str(port) in result.stderr
    assert result.stderr.count("error: ") == 1
    assert "Traceback" not in result.stderr


def test_a_data_folder_that_cannot_be_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = finished("serve", "--grpc-port=0", f"--database-uri={tmp_path}/file/x.db", home=tmp_path)

    assert result.returncode == 1
    assert result.stderr.count("error: ") == 1
    assert "Traceback" not in result.stderr


def test_all_problems_of_the_configuration_are_told_before_anything_starts(tmp_path: Path) -> None:
    result = finished("serve", "--authn-enabled", "--grpc-port=x", home=tmp_path)

    assert result.returncode == 1
    assert "authn.method: expected preshared or oidc" in result.stderr
    assert "server.grpc.port: expected a port" in result.stderr
    assert result.stdout == ""
    assert not list(tmp_path.iterdir())


def test_a_node_on_every_interface_is_reachable_at_localhost() -> None:
    assert reachable("0.0.0.0:1") == reachable("[::]:1") == "localhost:1"
    assert reachable("10.0.0.1:1") == "10.0.0.1:1"


def test_it_says_where_metrics_and_profiles_are(tmp_path: Path) -> None:
    arguments = ["--grpc-port=0", "--http-port=0", "--server-host=127.0.0.1", "--database-engine=memory"]
    arguments += ["--metrics-enabled", "--metrics-port=0", "--profiler-enabled", "--profiler-port=0"]
    with started("serve", *arguments, home=tmp_path) as process:
        metrics = read_until(process, "metrics").split()[1]
        profiles = read_until(process, "profiles").split()[1]
        for url in (metrics, f"{metrics.removesuffix('/metrics')}/readyz", profiles):
            with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
                assert answer.status == 200


def test_a_metrics_port_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ["--grpc-port=0", "--http-port=0", "--server-host=127.0.0.1", "--database-engine=memory"]
        result = finished("serve", *arguments, "--metrics-enabled", f"--metrics-port={port}", home=tmp_path)
    assert result.returncode == 1
    assert f"metrics.port: cannot listen on 127.0.0.1:{port}: address already in use" in result.stderr
    assert "Traceback" not in result.stderr

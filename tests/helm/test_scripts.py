"""The scripts that containers run: the zone is asked of an API server, a release is asked whether it works."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import trustme
import yaml

from tests.cli.program import TIMEOUT_S, read_until, started
from tests.helm.chart import CHART, rendered
from tests.helm.nodes import arguments_of, variables_of, written
from tests.support.certificates import issue

ZONE = "topology.kubernetes.io/zone"


class ApiServer(ThreadingHTTPServer):
    """Kubernetes' API as far as machines go. labels: of each machine, by name."""

    def __init__(self, ca: trustme.CA) -> None:
        super().__init__(("127.0.0.1", 0), _Machines)
        self.labels: dict[str, dict[str, str]] = {}
        self.tokens: list[str] = []
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issue(ca).configure_cert(tls)
        self.socket = tls.wrap_socket(self.socket, server_side=True)


class _Machines(BaseHTTPRequestHandler):
    server: ApiServer

    def do_GET(self) -> None:
        name = self.path.removeprefix("/api/v1/nodes/")
        self.server.tokens.append(self.headers["Authorization"])
        found = self.server.labels.get(name)
        body = json.dumps(
            {"message": f'nodes "{name}" is forbidden'} if found is None else {"metadata": {"labels": found}}
        ).encode()
        self.send_response(403 if found is None else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def account(tmp_path: Path) -> Iterator[tuple[ApiServer, Path]]:
    """An API server, and the folder of an account's token and the server's CA."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.crt")
    (tmp_path / "token").write_text("a-token\n", encoding="ascii")
    given = rendered("aurora", zone={"from": "node"}).one("ConfigMap", "ringward")["data"]["config.yaml"]
    (tmp_path / "given.yaml").write_text(given, encoding="utf-8")
    with ApiServer(ca) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server, tmp_path
        server.shutdown()


def zone_of(machine: str, port: int, account: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "ACCOUNT": str(account),
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(port),
        "NODE_NAME": machine,
    }
    return subprocess.run(
        [sys.executable, CHART / "files" / "zone.py", account / "given.yaml", account / "config.yaml"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def zone_in(folder: Path) -> object:
    """The zone in the copy, which differs in nothing else."""
    given, made = (yaml.safe_load((folder / name).read_text("utf-8")) for name in ("given.yaml", "config.yaml"))
    given["distributed"]["zone"], zone = made["distributed"]["zone"], made["distributed"]["zone"]
    assert given == made
    return zone


def test_the_zone_is_that_of_the_machine(account: tuple[ApiServer, Path]) -> None:
    server, folder = account
    server.labels = {"machine-1": {ZONE: "eu-1a", "other": "x"}}
    done = zone_of("machine-1", server.server_port, folder)
    assert (done.returncode, done.stdout) == (0, "machine-1 is in zone eu-1a\n")
    assert zone_in(folder) == "eu-1a"
    assert server.tokens == ["Bearer a-token"]


def test_a_machine_without_a_zone_leaves_the_node_without_one(account: tuple[ApiServer, Path]) -> None:
    server, folder = account
    server.labels = {"machine-1": {}}
    done = zone_of("machine-1", server.server_port, folder)
    assert done.returncode == 0
    assert "carries no label topology.kubernetes.io/zone" in done.stdout
    assert zone_in(folder) == ""


def test_who_may_not_look_is_told_so_and_the_pod_does_not_start(account: tuple[ApiServer, Path]) -> None:
    server, folder = account
    done = zone_of("machine-2", server.server_port, folder)
    assert done.returncode == 1
    assert done.stderr == (
        'the zone of machine-2 cannot be known: the API server says 403: nodes "machine-2" is forbidden\n'
    )
    assert not (folder / "config.yaml").exists()


def test_a_server_of_another_ca_is_not_told_the_token(account: tuple[ApiServer, Path]) -> None:
    server, folder = account
    trustme.CA().cert_pem.write_to_path(folder / "ca.crt")
    code = "import sys, time; time.sleep = lambda _: None; sys.argv = sys.argv[1:]; exec(open(sys.argv[0]).read())"
    done = subprocess.run(
        [sys.executable, "-c", code, CHART / "files" / "zone.py", folder / "given.yaml", folder / "config.yaml"],
        env={
            "ACCOUNT": str(folder),
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(server.server_port),
            "NODE_NAME": "machine-1",
        },
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 1
    assert "certificate verify failed" in done.stderr
    assert server.tokens == []


def ask(url: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script of ``helm test``, asking."""
    return subprocess.run(
        [sys.executable, CHART / "files" / "ask.py", url],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_a_node_as_the_chart_has_it_serves_and_passes_helm_test(tmp_path: Path) -> None:
    release = rendered("one-node")
    arguments = arguments_of(release.node, written(release, tmp_path))
    elsewhere = {
        "RINGWARD_DATABASE_URI": str(tmp_path / "data.db"),
        "RINGWARD_GRPC_PORT": "0",
        "RINGWARD_HTTP_PORT": "0",
        "RINGWARD_METRICS_PORT": "0",
        "RINGWARD_SERVER_HOST": "127.0.0.1",
    }
    with started(*arguments, home=tmp_path, environment=variables_of(release.node) | elsewhere) as process:
        url = json.loads(read_until(process, "node started", from_stderr=True))["http"]
        for _ in range(2):  # nothing is left of the first that would be in the way of the second
            asked = ask(url, TENANT="helm-test")
            assert (asked.returncode, asked.stderr) == (0, "")
            assert "both checks are right" in asked.stdout
        healthy = ask(url)
        assert (healthy.returncode, healthy.stdout) == (0, "health: {'status': 'SERVING'}\n")


def test_a_release_that_does_not_answer_fails_helm_test(unused_tcp_port: int) -> None:
    asked = ask(f"http://127.0.0.1:{unused_tcp_port}", TENANT="helm-test")
    assert asked.returncode == 1
    assert asked.stderr == "/healthz: <urlopen error [Errno 111] Connection refused>\n"

"""The three-zone release, played through with a real PostgreSQL: roles, migration, wait, a node, `helm test`."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.cli.program import TIMEOUT_S, read_until, started
from tests.helm.chart import CHART, RELEASE, Rendered, container, rendered
from tests.helm.nodes import SECRETS, arguments_of, changed, variables_of, written
from tests.helm.test_scripts import ask
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.processes import free_port

PASSWORD = "the-password-of-both"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server with the roles of README.md, who must show a password."""
    with postgres_server() as running:
        statements = (CHART / "README.md").read_text("utf-8").partition("```sql\n")[2].partition("```")[0]
        assert "ringward_owner" in statements
        running.execute("CREATE DATABASE ringward")
        running.execute(statements, "ringward")
        for role in ("ringward_owner", "ringward_app"):
            running.execute(f"ALTER ROLE {role} PASSWORD '{PASSWORD}'")
        rules = running.folder / "data" / "pg_hba.conf"
        strict = "host all ringward_owner,ringward_app all scram-sha-256\n"
        rules.write_text(strict + rules.read_text("ascii"), encoding="ascii")
        running.execute("SELECT pg_reload_conf()")
        yield running


def uri(server: PostgresServer, role: str, password: str = f":{PASSWORD}") -> str:
    return f"postgres://{role}{password}@127.0.0.1:{server.port}/ringward"


def run(release: Rendered, of: dict[str, Any], home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A container's command, to its end."""
    arguments = arguments_of(of, written(release, home))
    with started(*arguments, home=home, environment=variables_of(of) | variables) as process:
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


def test_migrated_by_its_owner_and_served_by_another(server: PostgresServer, tmp_path: Path) -> None:
    release = rendered("three-az")
    (job,) = release.one("Job")["spec"]["template"]["spec"]["containers"]
    app = uri(server, "ringward_app")

    may_not = run(release, job, tmp_path, RINGWARD_DATABASE_URI=app)
    assert may_not.returncode == 1
    assert "must own the schema ringward" in may_not.stderr
    waiting = {**variables_of(container(release.pod, "migrated")), "RINGWARD_DATABASE_URI": app}
    wait = arguments_of(container(release.pod, "migrated"), written(release, tmp_path))
    with started(*wait, home=tmp_path, environment=waiting) as waits:
        migrated = run(release, job, tmp_path, RINGWARD_DATABASE_URI=uri(server, "ringward_owner"))
        assert (migrated.returncode, migrated.stdout[:7]) == (0, "applied"), migrated.stderr
        assert waits.wait(timeout=TIMEOUT_S) == 0

    url, tls = node_of(tmp_path)
    serve = arguments_of(release.node, tmp_path)
    variables = {**variables_of(release.node), "RINGWARD_DATABASE_URI": app, "RINGWARD_SERVER_HOST": "127.0.0.1"}
    with started(*serve, home=tmp_path, environment=variables) as node:
        read_until(node, "node started", from_stderr=True)
        asked = ask(url, TENANT="helm-test", TOKENS=SECRETS["RINGWARD_AUTHN_PRESHARED_KEYS"], TLS=str(tls))
        assert (asked.returncode, asked.stderr) == (0, "")
        assert "both checks are right" in asked.stdout
        unknown = ask(url, TENANT="helm-test", TOKENS="nobody's", TLS=str(tls))
        assert (unknown.returncode, "401" in unknown.stderr) == (1, True)


def node_of(folder: Path) -> tuple[str, Path]:
    """Give its configuration ports and certificates that this machine has; where it is asked, and by what files."""
    ca, name = trustme.CA(), f"{RELEASE}-peers.authz.svc"
    leaf = ca.issue_cert("127.0.0.1", name)
    ca.cert_pem.write_to_path(folder / "ca.crt")
    leaf.private_key_pem.write_to_path(folder / "tls.key")
    (folder / "tls.crt").write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    text = (folder / "config.yaml").read_text("utf-8")
    (folder / "config.yaml").write_text(re.sub("/tls/(public|peers)", str(folder), text), encoding="utf-8")
    http, peers = free_port(), free_port()
    changed(
        folder / "config.yaml",
        distributed__address=f"static://127.0.0.1:{peers}",
        distributed__advertise=f"127.0.0.1:{peers}",
        distributed__port=peers,
        metrics__port=0,
        server__grpc__port=0,
        server__http__port=http,
    )
    return f"https://127.0.0.1:{http}", folder


def test_a_password_may_come_from_a_secret_of_its_own(server: PostgresServer, tmp_path: Path) -> None:
    release = rendered(
        database={"uri": uri(server, "ringward_app", ""), "passwordSecret": {"name": "password"}}, migrations__by="job"
    )
    wait = container(release.pod, "migrated")
    wait["args"][-1] = "0"
    refused = run(release, wait, tmp_path, PGPASSWORD="another")
    assert refused.returncode == 1
    assert "refuses the user or the password" in refused.stderr
    known = run(release, wait, tmp_path, PGPASSWORD=PASSWORD)
    assert known.returncode == 0 or "migrations are not applied yet" in known.stderr

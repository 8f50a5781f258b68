"""TLS to the database, by what its URI asks for."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from model.errors import StorageFailed
from storage.postgres.settings import PostgresSettings
from storage.postgres.store import PostgresStorage
from tests.support.postgres import PostgresServer, migrate, plain_user, postgres_server


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server(authority: trustme.CA) -> Iterator[PostgresServer]:
    with postgres_server() as made:
        migrate(made.uri())
        issued = authority.issue_cert("127.0.0.1")
        key = made.folder / "data" / "server.key"
        issued.private_key_pem.write_to_path(str(key))
        (made.folder / "data" / "server.crt").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.chmod(0o600)
        if user := plain_user():
            shutil.chown(key, user)
        made.configure(ssl="on")
        made.stop()
        made.start()
        yield made


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_the_connection_is_encrypted_as_the_uri_asks(
    server: PostgresServer, authority: trustme.CA, tmp_path: Path, mode: str
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    root = f"&sslrootcert={tmp_path / 'ca.pem'}" if mode != "require" else ""
    store = await PostgresStorage.open(PostgresSettings(f"{server.uri()}?sslmode={mode}{root}"))
    rows = await store._pools.writer.fetch("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    assert rows[0]["ssl"] is True
    await store.ping()
    await store.close()


async def test_a_certificate_of_somebody_else_is_for_the_operator(server: PostgresServer, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    uri = f"{server.uri()}?sslmode=verify-full&sslrootcert={tmp_path / 'other.pem'}"
    with pytest.raises(StorageFailed, match="certificate") as caught:
        await PostgresStorage.open(PostgresSettings(uri))
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)

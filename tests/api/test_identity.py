"""What the certificate files of a listener must say, and how a node complains."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from api.identity import Identity
from model.errors import Misconfigured
from tests.support.certificates import Files, issue


@pytest.fixture
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(tmp_path: Path, ca: trustme.CA) -> Files:
    files = Files(tmp_path)
    files.write(issue(ca))
    files.client_ca.write_bytes(ca.cert_pem.bytes())
    return files


def complaint(files: Files) -> str:
    with pytest.raises(Misconfigured) as refused:
        Identity.read(files.settings(asks_clients=True))
    return str(refused.value)


def test_files_that_fit_are_read(files: Files, ca: trustme.CA) -> None:
    identity = Identity.read(files.settings(asks_clients=True))
    assert (identity.cert, identity.key) == (files.cert.read_bytes(), files.key.read_bytes())
    assert identity.client_ca == ca.cert_pem.bytes()
    assert Identity.read(files.settings()).client_ca is None


def test_the_repr_shows_no_key(files: Files) -> None:
    assert "PRIVATE" not in repr(Identity.read(files.settings()))


@pytest.mark.parametrize("name", ["cert", "key", "client_ca"])
def test_a_file_that_is_missing_a_folder_or_nonsense_is_named(files: Files, name: str) -> None:
    path: Path = getattr(files, name)
    path.write_bytes(b"nonsense")
    assert complaint(files).startswith(f"{path} holds no ")
    path.write_bytes(b"")
    assert complaint(files).startswith(f"{path} holds no ")
    path.write_bytes(b"x" * 2_000_000)
    assert complaint(files).startswith(f"{path} is longer than ")
    path.unlink()
    assert complaint(files) == f"cannot read {path}: no such file or directory"
    path.mkdir()
    assert complaint(files) == f"cannot read {path}: is a directory"


def test_a_key_of_another_certificate_is_refused(files: Files, ca: trustme.CA) -> None:
    files.key.write_bytes(issue(ca).private_key_pem.bytes())
    assert complaint(files) == f"the key {files.key} does not belong to the certificate {files.cert}"


def test_an_encrypted_key_is_refused_and_no_password_asked_for(files: Files) -> None:
    key = load_pem_private_key(files.key.read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hush"))
    files.key.write_bytes(locked)
    assert complaint(files).startswith(f"the key {files.key} is encrypted")


def test_certificate_and_key_in_each_others_place_are_refused(files: Files) -> None:
    cert, key = files.cert.read_bytes(), files.key.read_bytes()
    files.cert.write_bytes(key)
    files.key.write_bytes(cert)
    assert complaint(files) == f"{files.cert} holds no certificate in PEM form"


def test_an_expired_certificate_is_read_and_says_so(files: Files, ca: trustme.CA) -> None:
    expired = datetime(2020, 1, 1, tzinfo=UTC)
    files.write(issue(ca, expires=expired))
    assert Identity.read(files.settings()).expires == expired

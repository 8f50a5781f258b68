"""The certificate, key and client CA of a listener, read from files and checked to fit together.

Checked here rather than by what uses them: gRPC only logs what it dislikes, and ssl asks the terminal for a password.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import Certificate, load_pem_x509_certificates

from model.errors import Misconfigured

_MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """PEM files of one listener. cert: the chain, the listener's own certificate first. key: unencrypted.

    client_ca: if given, clients must show a certificate signed by one of these. check_interval_s: how soon changed
    files are noticed.
    """

    cert: Path
    key: Path
    client_ca: Path | None = None
    check_interval_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Identity:
    """What a listener shows, and whose certificates it accepts from clients, in PEM. The repr shows no key."""

    cert: bytes = field(repr=False)
    key: bytes = field(repr=False)
    client_ca: bytes | None = field(repr=False)
    expires: datetime

    @classmethod
    def read(cls, settings: TlsSettings) -> Identity:
        """What the files say now. Raises Misconfigured, naming the file, if they cannot be used.

        An expired certificate is read like any other: whether to go on with it is for the caller to say.
        """
        cert, key = _read(settings.cert), _read(settings.key)
        leaf = _certificates(settings.cert, cert)[0]
        if _public_bytes(leaf) != _public_bytes(_private_key(settings.key, key)):
            raise Misconfigured(f"the key {settings.key} does not belong to the certificate {settings.cert}")
        client_ca = _read(settings.client_ca) if settings.client_ca is not None else None
        if settings.client_ca is not None and client_ca is not None:
            _certificates(settings.client_ca, client_ca)
        return cls(cert, key, client_ca, leaf.not_valid_after_utc)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise Misconfigured(f"cannot read {path}: {reason}") from error
    if len(text) > _MOST_BYTES:
        raise Misconfigured(f"{path} is longer than {_MOST_BYTES} bytes")
    return text


def _certificates(path: Path, text: bytes) -> list[Certificate]:
    try:
        return load_pem_x509_certificates(text)
    except ValueError as error:
        raise Misconfigured(f"{path} holds no certificate in PEM form") from error


def _private_key(path: Path, text: bytes) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(text, password=None)
    except TypeError as error:  # so cryptography says that it wants a password
        raise Misconfigured(
            f"the key {path} is encrypted; give one without a password, readable by the node only"
        ) from (error)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Misconfigured(f"{path} holds no private key in PEM form") from error


def _public_bytes(owner: Certificate | PrivateKeyTypes) -> bytes:
    return owner.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

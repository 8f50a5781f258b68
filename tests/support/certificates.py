"""Certificates of a CA made for the test, in files as an operator would have them."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import trustme

from api.identity import TlsSettings


@dataclass(frozen=True, slots=True)
class Files:
    """Where a listener's certificate, key and client CA are."""

    folder: Path

    @property
    def cert(self) -> Path:
        return self.folder / "tls.crt"

    @property
    def key(self) -> Path:
        return self.folder / "tls.key"

    @property
    def client_ca(self) -> Path:
        return self.folder / "clients.crt"

    def write(self, leaf: trustme.LeafCert) -> None:
        """Put a certificate and its key in place."""
        self.cert.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        self.key.write_bytes(leaf.private_key_pem.bytes())

    def settings(self, *, asks_clients: bool = False, check_interval_s: float = 0.01) -> TlsSettings:
        """What a node is told of these files."""
        return TlsSettings(self.cert, self.key, self.client_ca if asks_clients else None, check_interval_s)


def issue(ca: trustme.CA, *, expires: datetime | None = None) -> trustme.LeafCert:
    """A certificate for this machine, of its own each time."""
    return ca.issue_cert("127.0.0.1", "localhost", not_after=expires)


def chain_of(leaf: trustme.LeafCert) -> bytes:
    """The certificate as PEM."""
    return b"".join(blob.bytes() for blob in leaf.cert_chain_pems)


async def shown_by(address: str, context: ssl.SSLContext | None = None) -> bytes:
    """The certificate a listener shows to a new connection, in DER."""
    if context is None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    host, _, port = address.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return shown

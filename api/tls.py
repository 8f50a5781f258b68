"""Encryption of the listeners, following their certificate files: a renewed certificate needs no restart.

A watch reads the files every few seconds. Handshakes take what it found last, so none of them touches a disk, and open
connections go on as they are. What cannot be used leaves the old in place, and is logged.

gRPC asks for the certificate at each handshake. For HTTP one SSLContext lives as long as the listener and hands each
handshake over to a context made of the newest files. Loading them into the context in use would be shorter, but could
leave it with half a pair, and would never take a client CA out again.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime

import grpc
import structlog

from api.identity import Identity, TlsSettings
from model.errors import Misconfigured

Follower = Callable[[bytes, bytes, bytes | None], None]
"""Takes certificates, key and client CA, all in PEM."""

log = structlog.get_logger(__name__)


class ListenerTls:
    """The encryption of one listener. Raises Misconfigured, naming the file, if it cannot be had.

    settings: its files. The identity is what they said when they last could be used.
    """

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        self._identity = Identity.read(settings)
        self._context = _ssl_context(settings, self._identity)
        self._complaint = ""
        self._followers: list[Follower] = []
        _warn_if_expired(settings, self._identity)

    def __repr__(self) -> str:
        return f"<ListenerTls {self._settings.cert} until {self._identity.expires:%Y-%m-%d}>"

    @property
    def expires(self) -> datetime:
        """Until when the certificate that is shown now is valid."""
        return self._identity.expires

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """Credentials for a gRPC port, which follow the files."""
        served = self._identity

        def newer() -> grpc.ServerCertificateConfiguration | None:  # called by gRPC's threads; None: nothing new
            nonlocal served
            if (identity := self._identity) is served:
                return None
            served = identity
            return _grpc_configuration(identity)

        asks_clients = self._settings.client_ca is not None
        first = _grpc_configuration(served)
        return grpc.dynamic_ssl_server_credentials(first, newer, asks_clients)  # type: ignore[arg-type]  # knows no None

    def hand_on(self, follower: Follower) -> None:
        """Give the certificates, the key and the client CA, if there is one, to a listener: now and when they change.

        It raises ValueError for what it cannot use, which is Misconfigured now, and later a line in the log.
        """
        self._give(self._identity, follower)
        self._followers.append(follower)

    def _give(self, identity: Identity, follower: Follower) -> None:
        try:
            follower(identity.cert, identity.key, identity.client_ca)
        except ValueError as error:
            raise Misconfigured(f"cannot use the certificate {self._settings.cert}: {error}") from error

    def http_context(self) -> ssl.SSLContext:
        """A context for an HTTP listener, which follows the files."""

        def hand_over(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            connection.context = self._context

        context = _ssl_context(self._settings, self._identity)
        context.sni_callback = hand_over  # called whether or not the client names a server
        return context

    async def follow_files(self) -> None:
        """Look at the files at intervals, until cancelled."""
        while True:
            await asyncio.sleep(self._settings.check_interval_s)
            try:
                await self.look()
            except Exception as error:  # the supervisor: the listener goes on with what it has
                log.exception("looking at the certificate files failed", exc_info=error)

    async def look(self) -> None:
        """Take what the files say now if it is new, or log why it cannot be used, once for each reason."""
        try:
            identity, context = await asyncio.to_thread(self._load)
            if identity != self._identity:
                for follower in self._followers:
                    self._give(identity, follower)
        except Misconfigured as error:
            if self._complaint != str(error):
                self._complaint = str(error)
                log.error("the new certificate files cannot be used; the old stay", error=str(error))  # noqa: TRY400
            return
        self._complaint = ""
        if identity != self._identity:
            self._identity, self._context = identity, context
            log.info("the certificate was renewed", file=str(self._settings.cert), expires=str(identity.expires))
            _warn_if_expired(self._settings, identity)

    def _load(self) -> tuple[Identity, ssl.SSLContext]:
        identity = Identity.read(self._settings)
        is_known = identity == self._identity
        return identity, self._context if is_known else _ssl_context(self._settings, identity)


def _grpc_configuration(identity: Identity) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(identity.key, identity.cert)], identity.client_ca)


def _ssl_context(settings: TlsSettings, identity: Identity) -> ssl.SSLContext:
    """A context of the files, which have been found good as an identity: ssl reads the pair from files only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(settings.cert, settings.key, password=lambda: "")
        if identity.client_ca is not None:
            context.load_verify_locations(cadata=identity.client_ca.decode("ascii", "ignore"))
            context.verify_mode = ssl.CERT_REQUIRED
            context.options |= ssl.OP_NO_TICKET  # a resumed session would not be asked for its certificate again
            context.num_tickets = 0
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise Misconfigured(f"cannot use the certificate {settings.cert} with {settings.key}: {error}") from error
    return context


def _warn_if_expired(settings: TlsSettings, identity: Identity) -> None:
    if identity.expires <= datetime.now(UTC):
        log.warning("the certificate has expired", file=str(settings.cert), expired=str(identity.expires))

"""Encrypted listeners and their clients, before and after the certificate is renewed."""
# ruff: noqa: ASYNC110 - what is waited for has no event of its own

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
import trustme
from structlog.testing import capture_logs

from api.identity import Identity, TlsSettings
from api.tls import ListenerTls
from model.errors import Misconfigured
from node.background import kept_running
from node.node import open_node
from node.settings import GrpcTransport, NodeSettings
from proto.base.v1 import service_pb2 as pb
from tests.support.certificates import Files, chain_of, issue, shown_by
from tests.support.client import Client

TIMEOUT_S = 20.0
Told = Callable[..., NodeSettings]

pytestmark = pytest.mark.both_transports


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def other_ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def leaf(ca: trustme.CA) -> trustme.LeafCert:
    return issue(ca)


@pytest.fixture
def files(tmp_path: Path, ca: trustme.CA, leaf: trustme.LeafCert) -> Files:
    files = Files(tmp_path)
    files.write(leaf)
    files.client_ca.write_bytes(ca.cert_pem.bytes())
    return files


@pytest.fixture
def told(transport: GrpcTransport) -> Told:
    """What a node is told of files."""

    def settings(files: Files, *, asks_clients: bool = False) -> NodeSettings:
        tls = files.settings(asks_clients=asks_clients)
        return NodeSettings(host="127.0.0.1", grpc_port=0, grpc_transport=transport, grace_s=0.1, grpc_tls=tls)

    return settings


def trusting(ca: trustme.CA, own: trustme.LeafCert | None = None) -> grpc.ChannelCredentials:
    if own is None:
        return grpc.ssl_channel_credentials(ca.cert_pem.bytes())
    return grpc.ssl_channel_credentials(ca.cert_pem.bytes(), own.private_key_pem.bytes(), chain_of(own))


@asynccontextmanager
async def client_of(address: str, credentials: grpc.ChannelCredentials) -> AsyncIterator[Client]:
    """A client with a connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.secure_channel(address, credentials, options) as channel:
        yield Client(channel)


async def answers(client: Client) -> bool:
    try:
        await client.call("Tenancy.List", pb.TenantListRequest(), timeout_s=TIMEOUT_S)
    except grpc.aio.AioRpcError as refusal:
        if refusal.code() is grpc.StatusCode.UNAVAILABLE:
            return False
        raise
    return True


def der_of(leaf: trustme.LeafCert) -> bytes:
    return ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())


# --- gRPC ---


async def test_a_client_that_trusts_the_ca_is_served(told: Told, files: Files, ca: trustme.CA) -> None:
    async with open_node(told(files)) as node, client_of(node.grpc_address, trusting(ca)) as client:
        assert node.is_grpc_encrypted
        assert await answers(client)


async def test_a_client_that_trusts_another_or_speaks_plainly_is_not(
    told: Told, files: Files, other_ca: trustme.CA
) -> None:
    async with open_node(told(files)) as node:
        async with client_of(node.grpc_address, trusting(other_ca)) as client:
            assert not await answers(client)
        async with grpc.aio.insecure_channel(node.grpc_address) as channel:
            assert not await answers(Client(channel))


async def test_where_clients_need_a_certificate_only_one_of_the_client_ca_will_do(
    told: Told, files: Files, ca: trustme.CA, other_ca: trustme.CA
) -> None:
    async with open_node(told(files, asks_clients=True)) as node:
        for own, expected in ((issue(ca), True), (None, False), (issue(other_ca), False)):
            async with client_of(node.grpc_address, trusting(ca, own)) as client:
                assert await answers(client) is expected


async def test_nothing_older_than_tls_1_2_is_spoken(told: Told, files: Files) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    async with open_node(told(files)) as node:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await shown_by(node.grpc_address, old)


async def until_shown(address: str, leaf: trustme.LeafCert) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while await shown_by(address) != der_of(leaf):
            await asyncio.sleep(0.01)


async def test_a_renewed_certificate_is_shown_to_new_connections_while_old_ones_go_on(
    told: Told, files: Files, ca: trustme.CA, leaf: trustme.LeafCert
) -> None:
    async with open_node(told(files)) as node, client_of(node.grpc_address, trusting(ca)) as old:
        assert await answers(old)
        assert await shown_by(node.grpc_address) == der_of(leaf)
        renewed = issue(ca)
        files.write(renewed)
        await until_shown(node.grpc_address, renewed)
        assert await answers(old)
        async with client_of(node.grpc_address, trusting(ca)) as new:
            assert await answers(new)


async def test_a_folder_swapped_as_kubernetes_does_is_noticed(
    told: Told, tmp_path: Path, ca: trustme.CA, leaf: trustme.LeafCert
) -> None:
    mounted = Files(tmp_path / "mounted")
    mounted.folder.mkdir()
    (mounted.folder / "..data").symlink_to(generation(tmp_path, "one", leaf))
    for path in (mounted.cert, mounted.key):
        path.symlink_to(Path("..data") / path.name)
    async with open_node(told(mounted)) as node:
        assert await shown_by(node.grpc_address) == der_of(leaf)
        renewed = issue(ca)
        (mounted.folder / "..data_tmp").symlink_to(generation(tmp_path, "two", renewed))
        os.rename(mounted.folder / "..data_tmp", mounted.folder / "..data")
        await until_shown(node.grpc_address, renewed)


def generation(folder: Path, name: str, leaf: trustme.LeafCert) -> Path:
    files = Files(folder / name)
    files.folder.mkdir()
    files.write(leaf)
    return files.folder


async def test_a_node_with_a_key_of_another_certificate_does_not_start(
    told: Told, files: Files, ca: trustme.CA
) -> None:
    files.key.write_bytes(issue(ca).private_key_pem.bytes())
    with pytest.raises(Misconfigured, match=str(files.key)):
        async with open_node(told(files)):
            pass


# --- the files change ---


async def test_files_that_cannot_be_used_leave_the_old_in_place_and_are_complained_of_once(
    files: Files, ca: trustme.CA
) -> None:
    tls = ListenerTls(files.settings())
    before = repr(tls), tls._identity
    renewed = issue(ca)
    files.cert.write_bytes(chain_of(renewed))
    with capture_logs() as logs:
        await tls.look()
        await tls.look()
    (complaint,) = logs
    assert complaint["log_level"] == "error"
    assert str(files.key) in complaint["error"]
    assert (repr(tls), tls._identity) == before
    files.write(renewed)
    with capture_logs() as logs:
        await tls.look()
        await tls.look()
    assert [entry["event"] for entry in logs] == ["the certificate was renewed"]


async def test_an_expired_certificate_is_used_with_a_warning(files: Files, ca: trustme.CA) -> None:
    files.write(issue(ca, expires=datetime(2020, 1, 1, tzinfo=UTC)))
    with capture_logs() as logs:
        ListenerTls(files.settings())
    assert [(entry["log_level"], entry["event"]) for entry in logs] == [("warning", "the certificate has expired")]


async def test_the_watch_outlives_a_bug(files: Files, ca: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: TlsSettings) -> Identity:
        raise RuntimeError("a bug")

    tls = ListenerTls(files.settings(check_interval_s=0.001))
    async with asyncio.timeout(TIMEOUT_S), kept_running(tls.follow_files):
        with monkeypatch.context() as patch, capture_logs() as logs:
            patch.setattr("api.tls.Identity.read", broken)
            while not logs:
                await asyncio.sleep(0)
        assert logs[0]["event"] == "looking at the certificate files failed"
        files.write(issue(ca))
        before = tls._identity
        while tls._identity is before:
            await asyncio.sleep(0)


# --- HTTP ---


@asynccontextmanager
async def greeter(tls: ListenerTls) -> AsyncIterator[str]:
    """A server that says hello over the context meant for HTTP."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0, ssl=tls.http_context()) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def greeting(address: str, ca: trustme.CA, own: trustme.LeafCert | None = None) -> bytes:
    """What the server says; nothing if it does not accept the client."""
    context = ssl.create_default_context()
    ca.configure_trust(context)
    if own is not None:
        own.configure_cert(context)
    host, _, port = address.rpartition(":")
    try:
        reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
        said = await reader.read()
        writer.close()
    except OSError:
        return b""
    return said


async def test_http_shows_a_renewed_certificate_to_new_connections(
    files: Files, ca: trustme.CA, leaf: trustme.LeafCert
) -> None:
    tls = ListenerTls(files.settings())
    async with greeter(tls) as address:
        assert await shown_by(address) == der_of(leaf)
        renewed = issue(ca)
        files.write(renewed)
        await tls.look()
        assert await shown_by(address) == der_of(renewed)
        assert await greeting(address, ca) == b"hello"


async def test_http_asks_for_certificates_of_the_client_ca_of_today(
    files: Files, ca: trustme.CA, other_ca: trustme.CA
) -> None:
    tls = ListenerTls(files.settings(asks_clients=True))
    clients = (issue(ca), issue(other_ca), None)
    async with greeter(tls) as address:
        assert [await greeting(address, ca, own) for own in clients] == [b"hello", b"", b""]
        files.client_ca.write_bytes(other_ca.cert_pem.bytes())
        await tls.look()
        assert [await greeting(address, ca, own) for own in clients] == [b"", b"hello", b""]

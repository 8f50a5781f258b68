"""A Redis server as its URL names it: what is read, what is refused, what is never shown."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import trustme

from cluster.redis_server import RedisServer
from model.errors import Misconfigured, Unavailable
from tests.support.certificates import Files, issue
from tests.support.processes import free_port
from tests.support.redis import redis_server

PASSWORD = "hush-hush"


async def ping(server: RedisServer) -> bool:
    async with server.connected(5.0) as redis, server.asked(5.0):
        return bool(await redis.set(server.key("ping"), "1"))


def test_all_parts_of_a_url_are_read() -> None:
    server = RedisServer.of("rediss://me%40here:a%3Ab@node-1.example:6380/3?cluster=staging&ca=/etc/ca.pem")
    assert (server.host, server.port, server.database) == ("node-1.example", 6380, 3)
    assert (server.user, server.password, server.is_encrypted) == ("me@here", "a:b", True)
    assert (server.cluster, server.ca) == ("staging", "/etc/ca.pem")


def test_a_host_is_enough() -> None:
    server = RedisServer.of("redis://cache")
    assert (server.host, server.port, server.database, server.cluster) == ("cache", 6379, 0, "ringward")
    assert not server.is_encrypted
    assert server.key("members") == "ringward:{ringward}:members"


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis://:0",
        "redis://host:70000",
        "redis://host/db",
        "redis://host/1/2",
        "redis://host?db=3",
        "redis://host?ca=/etc/ca.pem",
        "redis://host?cluster=a{b}",
        "redis://host?cluster=",
        "memcached://host",
    ],
)
def test_other_forms_are_refused_without_telling_the_password(url: str) -> None:
    with_password = url.replace("://", f"://me:{PASSWORD}@")
    with pytest.raises(Misconfigured) as refused:
        RedisServer.of(with_password)
    assert PASSWORD not in str(refused.value)


def test_neither_text_nor_repr_tells_a_secret() -> None:
    server = RedisServer.of(f"redis://me:{PASSWORD}@host/0?cluster=x")
    assert PASSWORD not in f"{server} {server!r}"
    assert "host" in str(server)


async def test_a_wrong_password_is_told_without_it() -> None:
    with redis_server("--requirepass", "another") as own:
        for user in (f":{PASSWORD}", f"nobody:{PASSWORD}"):
            with pytest.raises(Unavailable, match=f"127.0.0.1:{own.port}.*password") as refused:
                await ping(RedisServer.of(own.url(user=user)))
            assert PASSWORD not in str(refused.value)
        assert await ping(RedisServer.of(own.url(user=":another")))


async def test_a_server_that_repeats_what_it_was_sent_tells_no_password() -> None:
    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.read(1000)
        writer.write(b"-ERR unknown command " + said.replace(b"\r\n", b" ") + b"\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    host = await asyncio.start_server(repeat, "127.0.0.1", 0)
    async with host:
        port = host.sockets[0].getsockname()[1]
        with pytest.raises(Unavailable, match="unknown command") as refused:
            await ping(RedisServer.of(f"redis://:{PASSWORD}@127.0.0.1:{port}"))
    assert PASSWORD not in str(refused.value)


async def test_an_encrypted_server_is_asked_for_a_certificate_of_the_ca(tmp_path: Path) -> None:
    files, port = Files(tmp_path), free_port()
    ours, others = trustme.CA(), trustme.CA()
    files.write(issue(ours))
    ours.cert_pem.write_to_path(str(tmp_path / "ours.pem"))
    others.cert_pem.write_to_path(str(tmp_path / "others.pem"))
    options = f"--tls-port {port} --tls-cert-file {files.cert} --tls-key-file {files.key} --tls-auth-clients no"
    with redis_server(*options.split(), "--tls-ca-cert-file", str(tmp_path / "ours.pem")):
        assert await ping(RedisServer.of(f"rediss://127.0.0.1:{port}?ca={tmp_path}/ours.pem"))
        with pytest.raises(Unavailable, match=r"(?i)certificate"):
            await ping(RedisServer.of(f"rediss://127.0.0.1:{port}?ca={tmp_path}/others.pem"))
        with pytest.raises(Unavailable, match=r"(?i)certificate"):
            await ping(RedisServer.of(f"rediss://127.0.0.1:{port}"))


async def test_a_server_that_says_nothing_is_given_up_in_time() -> None:
    with redis_server() as own:
        server = RedisServer.of(own.url())
        async with server.connected(5.0) as redis:
            async with server.asked(5.0):
                await redis.ping()
            with own.frozen(), pytest.raises(Unavailable, match=r"no answer within 0\.1 s"):
                async with server.asked(0.1):
                    await redis.ping()
            async with server.asked(5.0):
                assert await redis.ping()


async def test_a_connection_that_was_lost_is_opened_anew() -> None:
    with redis_server() as own:
        server = RedisServer.of(own.url())
        async with server.connected(5.0) as redis, server.asked(5.0):
            await redis.ping()
            own.stop()
            own.start()
            assert await redis.ping()

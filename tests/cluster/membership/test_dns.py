"""Members found by DNS, asked of a real server whose records change."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

import dns.asyncresolver
import pytest

from cluster.member import Member
from cluster.membership import dns as dns_module
from cluster.membership.dns import DnsMembership
from model.errors import Misconfigured, Unavailable
from tests.cluster.membership.watching import PATIENCE_S
from tests.support.dns_server import OwnDns, dns_server


@pytest.fixture
def server() -> Iterator[OwnDns]:
    with dns_server() as server:
        yield server


async def first_view(url: str) -> frozenset[str]:
    """Addresses alone: DNS tells no more."""
    async with asyncio.timeout(PATIENCE_S), aclosing(DnsMembership.of(url).views()) as views:
        view = await anext(views)
    assert view == {Member(member.address) for member in view}
    return frozenset(member.address for member in view)


async def test_all_addresses_of_a_name_are_members(server: OwnDns) -> None:
    server.serve("host-record=ringward.test,10.0.0.1", "host-record=ringward.test,10.0.0.2")

    found = await first_view(f"dns://127.0.0.1:{server.port}/ringward.test:5000")

    assert found == {"10.0.0.1:5000", "10.0.0.2:5000"}


async def test_a_name_with_addresses_of_both_kinds_has_one_member_per_node(server: OwnDns) -> None:
    server.serve("host-record=ringward.test,10.0.0.1,fd00::1", "host-record=six.test,fd00::1")

    assert await first_view(f"dns://127.0.0.1:{server.port}/ringward.test:5000") == {"10.0.0.1:5000"}
    assert await first_view(f"dns://127.0.0.1:{server.port}/six.test:5000") == {"[fd00::1]:5000"}


@pytest.mark.parametrize("name", ["_peers._tcp.ringward.test", "srv+_peers._tcp.ringward.test", "srv+other.test"])
async def test_srv_records_bring_names_and_ports(server: OwnDns, name: str) -> None:
    asked = name.removeprefix("srv+")
    server.serve(f"srv-host={asked},n1.test,5001", f"srv-host={asked},n2.test,5002")

    assert await first_view(f"dns://127.0.0.1:{server.port}/{name}") == {"n1.test:5001", "n2.test:5002"}


async def test_another_name_for_the_name_is_followed(server: OwnDns) -> None:
    server.serve("host-record=ringward.test,10.0.0.1", "cname=alias.test,ringward.test")

    assert await first_view(f"dns://127.0.0.1:{server.port}/alias.test:5000") == {"10.0.0.1:5000"}


async def test_more_members_than_a_datagram_holds(server: OwnDns) -> None:
    addresses = [f"10.0.{number // 250}.{number % 250 + 1}" for number in range(600)]
    server.serve(*(f"host-record=ringward.test,{address}" for address in addresses))

    found = await first_view(f"dns://127.0.0.1:{server.port}/ringward.test:5000")

    assert found == {f"{address}:5000" for address in addresses}


@pytest.mark.parametrize("asked", ["ringward.default", "ringward.default.svc.cluster.local."])
async def test_a_service_of_kubernetes_is_found_in_its_namespace(server: OwnDns, asked: str) -> None:
    server.serve("host-record=ringward.default.svc.cluster.local,10.1.0.1", "host-record=ringward.default,10.9.9.9")

    assert await first_view(f"kubernetes://127.0.0.1:{server.port}/{asked}:5000") == {"10.1.0.1:5000"}


async def test_a_cluster_of_another_domain_is_found_by_the_search_domains(
    server: OwnDns, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.serve("host-record=ringward.default.svc.elsewhere.test,10.1.0.1")
    monkeypatch.setattr(dns_module, "Resolver", searching("svc.elsewhere.test"))

    assert await first_view(f"kubernetes://127.0.0.1:{server.port}/ringward.default:5000") == {"10.1.0.1:5000"}


def searching(domain: str) -> type[dns.asyncresolver.Resolver]:
    """A resolver whose system has this search domain, as /etc/resolv.conf of a pod says."""

    class SearchingResolver(dns.asyncresolver.Resolver):
        def __init__(self, *, configure: bool) -> None:
            super().__init__(configure=configure)
            self.search, self.ndots = [dns.name.from_text(domain)], 5

    return SearchingResolver


async def test_the_servers_of_the_system_are_asked_where_none_is_named(
    server: OwnDns, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.serve("host-record=ringward.test,10.0.0.1")
    monkeypatch.setattr(dns_module, "Resolver", system_with(server))

    assert await first_view("dns:///ringward.test:5000") == {"10.0.0.1:5000"}


def system_with(server: OwnDns) -> type[dns.asyncresolver.Resolver]:
    """A resolver whose system knows of this server alone."""

    class SystemResolver(dns.asyncresolver.Resolver):
        def __init__(self, *, configure: bool) -> None:
            assert configure
            super().__init__(configure=False)
            self.nameservers, self.port = ["127.0.0.1"], server.port

    return SystemResolver


async def test_a_change_is_seen_when_the_records_have_grown_old(server: OwnDns) -> None:
    server.serve("host-record=ringward.test,10.0.0.1,1")
    views = DnsMembership.of(f"dns://127.0.0.1:{server.port}/ringward.test:5000").views()

    async with asyncio.timeout(PATIENCE_S), aclosing(views):
        assert await anext(views) == {Member("10.0.0.1:5000")}
        await asyncio.to_thread(
            server.serve, "host-record=ringward.test,10.0.0.1,1", "host-record=ringward.test,10.0.0.2,1"
        )
        assert await anext(views) == {Member("10.0.0.1:5000"), Member("10.0.0.2:5000")}


@pytest.mark.parametrize(("ttl_s", "pause_s"), [(0, 1), (1, 1), (7, 7), (3600, 10)])
async def test_it_asks_again_when_records_are_old_but_within_bounds(
    server: OwnDns, monkeypatch: pytest.MonkeyPatch, ttl_s: int, pause_s: int
) -> None:
    pauses: list[float] = []

    async def note(pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) == 2:
            raise asyncio.CancelledError

    server.serve(f"host-record=ringward.test,10.0.0.1,{ttl_s}")
    views = DnsMembership.of(f"dns://127.0.0.1:{server.port}/ringward.test:5000").views()
    assert len(await anext(views)) == 1
    with monkeypatch.context() as patched:
        patched.setattr(dns_module.asyncio, "sleep", note)  # type: ignore[attr-defined]  # it imports asyncio for itself
        with pytest.raises(asyncio.CancelledError):
            await anext(views)

    assert pauses == [pause_s, pause_s]


@pytest.mark.parametrize(
    ("records", "name"),
    [
        ((), "ringward.test:5000"),
        (("txt-record=ringward.test,hello",), "ringward.test:5000"),
        (("host-record=ringward.test,10.0.0.1",), "_peers._tcp.ringward.test"),
        (("host-record=ringward.test,10.0.0.1",), "srv+ringward.test"),
        ((), "ringward.example:5000"),  # which the server refuses to tell of
    ],
)
async def test_an_empty_answer_is_no_view(server: OwnDns, records: tuple[str, ...], name: str) -> None:
    server.serve(*records)

    with pytest.raises(Unavailable, match=rf"^membership engine dns://127\.0\.0\.1:{server.port}/"):
        await first_view(f"dns://127.0.0.1:{server.port}/{name}")


async def test_a_service_of_kubernetes_without_nodes_is_no_view(server: OwnDns) -> None:
    with pytest.raises(Unavailable):
        await first_view(f"kubernetes://127.0.0.1:{server.port}/ringward.test:5000")


async def test_a_name_that_loses_all_its_records_is_lost_and_found_again(server: OwnDns) -> None:
    records = "host-record=ringward.test,10.0.0.1,1"
    server.serve(records)
    engine = DnsMembership.of(f"dns://127.0.0.1:{server.port}/ringward.test:5000")

    async with asyncio.timeout(PATIENCE_S), aclosing(engine.views()) as views:
        assert await anext(views) == {Member("10.0.0.1:5000")}
        await asyncio.to_thread(server.serve)
        with pytest.raises(Unavailable):
            await anext(views)

    await asyncio.to_thread(server.serve, records)
    async with aclosing(engine.views()) as views:
        assert await anext(views) == {Member("10.0.0.1:5000")}


@pytest.mark.parametrize("fault", ["stopped", "frozen"])
async def test_a_server_that_does_not_answer_is_unavailable(
    server: OwnDns, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(dns_module, "_ANSWER_S", 0.3)
    server.serve("host-record=ringward.test,10.0.0.1")
    url = f"dns://127.0.0.1:{server.port}/ringward.test:5000"
    if fault == "stopped":
        server.stop()
        with pytest.raises(Unavailable):
            await first_view(url)
    else:
        with server.frozen(), pytest.raises(Unavailable):
            await first_view(url)


async def test_what_is_no_dns_server_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    class Parrot(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            self.transport.sendto(b"HTTP/1.1 400 " + data, addr)  # type: ignore[attr-defined]  # it is one of datagrams

    monkeypatch.setattr(dns_module, "_ANSWER_S", 0.5)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Parrot, ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    with pytest.raises(Unavailable):
        await first_view(f"dns://127.0.0.1:{port}/ringward.test:5000")
    transport.close()


async def test_announcing_waits_to_be_cancelled() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await DnsMembership.of("dns:///name:5000").announce(Member("b:5000"))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("dns:///", "no name"),
        ("dns:///:5000", "no name"),
        ("dns:///name", "expected host:port, got 'name'"),
        ("dns:///name:0", "'name:0'"),
        ("dns:///a..b:5000", "'a..b' is no name of DNS"),
        (f"dns:///{'a' * 64}:5000", "is no name of DNS"),
        ("dns:///_peers._tcp.name:5000", "leave out '5000'"),
        ("dns:///srv+name:5000", "leave out '5000'"),
        ("dns://server/name:5000", "got 'server'"),
        ("dns://10.0.0.1:99999/name:5000", "10.0.0.1:99999"),
        ("dns://u:p@10.0.0.1/name:5000", "dns://10.0.0.1/name:5000: "),
        ("dns:///name:5000?ttl=1", "unknown option 'ttl'"),
        ("kubernetes:///ringward:5000", "kubernetes:///service.namespace:port, got 'ringward'"),
        ("kubernetes://ringward.default:5000", "no name"),
    ],
)
def test_another_form_is_misconfigured(url: str, told: str) -> None:
    with pytest.raises(Misconfigured) as error:
        DnsMembership.of(url)
    assert told in str(error.value)

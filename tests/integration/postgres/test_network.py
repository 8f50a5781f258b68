"""A network that swallows packets between a node and its database: no refusal, no farewell, just silence."""

from __future__ import annotations

from collections.abc import Iterator

import asyncpg
import pytest

from storage.postgres.settings import PostgresSettings
from tests.integration.postgres.load import ensure_kept, load_on, some_done
from tests.integration.postgres.serving import serving, until_not_serving, until_serving
from tests.support.eventually import eventually
from tests.support.network import OtherHost, other_host
from tests.support.postgres import PostgresServer, postgres_server

_WAIT_FOR_LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
_OF_NODES = "SELECT pid FROM pg_stat_activity WHERE application_name = 'ringward'"


@pytest.fixture(scope="module")
def cabled() -> Iterator[OtherHost]:
    with other_host() as there:
        yield there


@pytest.fixture(scope="module")
def server(cabled: OtherHost) -> Iterator[PostgresServer]:
    """A server over there, reached by the first of its addresses."""
    with postgres_server(
        host=cabled.there[0], through=cabled.through, listen_addresses=",".join(cabled.there)
    ) as running:
        yield running


@pytest.fixture
def host(cabled: OtherHost) -> Iterator[OtherHost]:
    """Where the server is; each test finds the cable whole."""
    yield cabled
    cabled.lose_nothing()


@pytest.mark.parametrize(("is_heard", "hears"), [(False, True), (True, False), (False, False)])
async def test_packets_that_vanish_end_no_call_late_and_once_they_flow_the_node_serves(
    host: OtherHost, server: PostgresServer, is_heard: bool, hears: bool
) -> None:
    """Lost is what the node sends, what it would hear, or both. It is not restarted, nor is the server."""
    async with serving(PostgresSettings(server.uri())) as client:
        async with load_on(client) as account:
            await some_done(account)
            if not is_heard:
                host.lose_what_is_sent(host.there[0])
            if not hears:
                host.lose_what_it_sends()
            await until_not_serving(client)
            host.lose_nothing()
            await until_serving(client)
            await some_done(account)
        account.ensure_clear()
        await ensure_kept(client, account)


async def test_what_a_vanished_node_had_locked_and_the_places_it_took_are_free_for_others_soon(
    host: OtherHost, server: PostgresServer
) -> None:
    """The server hears nothing of it, not even a farewell, until the test is over."""
    by_other_way = server.uri().replace(*host.there)
    watching = await asyncpg.connect(by_other_way)
    async with serving(PostgresSettings(server.uri(), health_check_period_s=1.0)) as vanishing:
        async with load_on(vanishing, writers=6) as account:
            await some_done(account)
            host.lose_what_is_sent(host.there[0])
            while not await watching.fetchval(_WAIT_FOR_LOCKS):  # it may have happened to hold none
                host.lose_nothing()
                await some_done(account)
                host.lose_what_is_sent(host.there[0])
        held = [row["pid"] for row in await watching.fetch(_OF_NODES)]

        async def places_are_free() -> bool:
            return not {row["pid"] for row in await watching.fetch(_OF_NODES)}.intersection(held)

        async with serving(PostgresSettings(by_other_way)) as staying:
            await until_serving(staying)
            await ensure_kept(staying, account)
            await eventually(places_are_free, patience_s=60)
        host.lose_nothing()
    await watching.close()

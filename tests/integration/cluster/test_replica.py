"""A cluster one of whose nodes reads from a replica that stands still: it says nothing that is out of date."""

from __future__ import annotations

from pathlib import Path

from tests.integration.cluster.fleet import ClusterNode, fleet_of
from tests.integration.cluster.load import load_on
from tests.integration.cluster.test_faults import addresses
from tests.support.postgres import migrate, postgres_server, replica_of


async def test_a_node_whose_replica_lags_answers_as_the_others_do(tmp_path: Path) -> None:
    with postgres_server() as primary:
        migrate(primary.uri())
        with replica_of(primary) as replica:
            uri = f"--database-uri={primary.uri()}"
            lagging = (f"--database-writer-uri={primary.uri()}", f"--database-reader-uri={replica.uri()}")
            nodes = [ClusterNode("a", tmp_path, uri), ClusterNode("b", tmp_path, *lagging)]
            with fleet_of(nodes) as fleet:
                await fleet.begins_anew("ab")
                async with load_on(addresses(fleet, "ab")) as load:
                    await load.goes_on("a", "b")
                    replica.execute("SELECT pg_wal_replay_pause()")
                    await load.goes_on("a", "b", more=200)
                    replica.execute("SELECT pg_wal_replay_resume()")
                    await load.goes_on("a", "b")
                load.ensure_exact()
                assert not fleet.troubles()

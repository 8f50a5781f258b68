"""What the nodes under test are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.settings import DatabaseEngine, DatabaseSettings, NodeSettings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the data is kept; neither the file nor its folder is there yet."""
    return tmp_path / "some" / "folder" / "ringward.db"


@pytest.fixture
def on_file(path: Path) -> NodeSettings:
    """A node that keeps its data."""
    database = DatabaseSettings(engine=DatabaseEngine.SQLITE, path=path)
    return NodeSettings(host="127.0.0.1", grpc_port=0, grace_s=0.1, database=database)


@pytest.fixture
def in_memory() -> NodeSettings:
    """A node that forgets."""
    return NodeSettings(host="127.0.0.1", grpc_port=0, grace_s=0.1)

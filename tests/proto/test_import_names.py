"""Our folders are import names; no installed dependency may bring a module of the same name."""

from __future__ import annotations

from importlib.metadata import Distribution, distributions

OURS = {
    "api",
    "bench",
    "cli",
    "cluster",
    "console",
    "engine",
    "model",
    "node",
    "proto",
    "schema",
    "storage",
    "telemetry",
}


def test_no_dependency_ships_one_of_our_import_names() -> None:
    others = [each for each in distributions() if each.metadata["Name"].lower() != "ringward"]
    assert {each.metadata["Name"]: taken for each in others if (taken := _modules(each) & OURS)} == {}


def _modules(distribution: Distribution) -> set[str]:
    """The top-level modules and folders of the distribution's files."""
    return {path.parts[0].partition(".")[0] for path in distribution.files or ()}

"""Files made for Permify, used as they are: configurations and validation files, by the program itself."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cli.config_sources import from_file
from cli.located_yaml import YamlMap, YamlNode, read_yaml
from tests.cli.program import TIMEOUT_S, finished, read_until, started

CONFIGURATIONS = Path(__file__).parent / "contract_files"
SCENARIOS = Path(__file__).parents[1] / "scenarios"
VALIDATION_FILES = ["github_like", "shared_documents", "notion_like", "bank_rules"]


class QuietServer(SimpleHTTPRequestHandler):
    """Serves a folder."""

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def scenarios_on_the_web() -> Iterator[str]:
    """The address of a web server that shows the scenario files."""
    handler = partial(QuietServer, directory=str(SCENARIOS))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def keys_of(node: YamlNode, prefix: str = "") -> set[str]:
    """The keys of all values in a tree, such as ``server.grpc.port``."""
    if not isinstance(node, YamlMap):
        return {prefix}
    return {key for name, entry in node.entries.items() for key in keys_of(entry, f"{prefix}.{name}".lstrip("."))}


@pytest.mark.parametrize("name", ["single_node", "cluster"])
def test_every_key_of_a_configuration_file_is_read(name: str) -> None:
    path = CONFIGURATIONS / f"{name}.yaml"
    readings = from_file(path)
    keys = keys_of(read_yaml(path.read_text(encoding="utf-8"), name=path.name))

    assert readings.problems == []
    assert set(readings.given) | {"logger.file"} == keys
    assert [warning.partition(": ")[2] for warning in readings.warnings] == ["logger.file: nothing reads this key"]


def test_a_node_runs_with_the_configuration_of_a_single_node(tmp_path: Path) -> None:
    shown = finished("config", "-c", str(CONFIGURATIONS / "single_node.yaml"), home=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "service.permission.cache.max_cost" in shown.stdout

    with started("serve", "-c", str(CONFIGURATIONS / "single_node.yaml"), home=tmp_path) as process:
        event = json.loads(read_until(process, "node started", from_stderr=True))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    assert event["data"].startswith("memory")


def test_of_the_configuration_of_a_cluster_everything_is_understood_and_secrets_are_kept(tmp_path: Path) -> None:
    result = finished("config", "-c", str(CONFIGURATIONS / "cluster.yaml"), home=tmp_path)

    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert "200h0m0s" in lines["database.garbage_collection.window"]
    assert "kubernetes:///permify.default:5000" in lines["distributed.address"]
    assert "256MiB" in lines["service.permission.cache.max_cost"]
    assert all("cluster.yaml" in lines[key] for key in ("authn.preshared.keys", "database.uri", "account_id"))
    assert not any(secret in result.stdout + result.stderr for secret in ("first-secret", "hidden-password", "3fa9"))


def test_what_this_version_cannot_do_is_all_that_is_wrong_with_it(tmp_path: Path) -> None:
    result = finished("config", "-c", str(CONFIGURATIONS / "cluster.yaml"), home=tmp_path)
    errors = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert [line for line in errors if "not available in this version" not in line] == []


def test_validation_files_hold_as_paths_and_as_file_addresses(tmp_path: Path) -> None:
    paths = [SCENARIOS / f"{name}.yaml" for name in VALIDATION_FILES]
    sources = [*map(str, paths[:2]), *(path.as_uri() for path in paths[2:])]
    result = finished("validate", *sources, home=tmp_path)

    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("\nSUCCESS: ") == len(paths)
    for kind in ("checks", "entity_filters", "subject_filters"):
        assert f"  {kind}:\n    success: " in result.stdout


def test_a_validation_file_holds_from_the_web_and_fails_where_an_answer_differs(
    scenarios_on_the_web: str, tmp_path: Path
) -> None:
    result = finished("validate", f"{scenarios_on_the_web}/bank_rules.yaml", home=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr

    text = (SCENARIOS / "bank_rules.yaml").read_text(encoding="utf-8")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(text.replace('audit: ["company"]', 'audit: ["savings"]'), encoding="utf-8")
    result = finished("validate", str(wrong), home=tmp_path)
    assert result.returncode == 1
    assert "    fail: user:mia audit account\n      expected: [savings]\n      actual:   [company]\n" in result.stdout
    assert "      missing:  [savings]\n      too many: [company]\n" in result.stdout


def test_a_schema_may_lie_beside_the_file_on_disk_and_on_the_web(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "doc.perm").write_text("entity user {}\nentity doc {\n relation owner @user\n}\n", "utf-8")
    (tmp_path / "file.yaml").write_text(
        "schema: parts/doc.perm\nrelationships: ['doc:1#owner@user:1']\nscenarios:\n"
        "  - checks: [{entity: 'doc:1', subject: 'user:1', assertions: {owner: true}}]\n",
        encoding="utf-8",
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietServer, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        validated = finished("validate", str(tmp_path / "file.yaml"), f"{address}/file.yaml", home=tmp_path)
        shown = finished("ast", f"{address}/file.yaml", home=tmp_path)
        missing = finished("ast", f"{address}/parts/nothing.perm", home=tmp_path)
        server.shutdown()
        thread.join()

    assert validated.returncode == 0, validated.stderr
    assert validated.stdout.count("SUCCESS: 1 of 1") == 2
    assert set(json.loads(shown.stdout)["entityDefinitions"]) == {"user", "doc"}
    assert (missing.returncode, missing.stderr.count("cannot read: 404 ")) == (1, 1)


def test_coverage_of_a_validation_file_is_told(tmp_path: Path) -> None:
    path = str(SCENARIOS / "notion_like.yaml")
    result = finished("coverage", path, "--coverage-relationships=70", "--output=json", home=tmp_path)

    assert result.returncode == 0, result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert report["result"] == "SUCCESS"
    (page,) = (entity for entity in report["entities"] if entity["name"] == "page")
    assert page["relationships"]["uncovered"] == ["page#reader@workspace#guest"]

"""The generated modules are those of today's .proto files, and live under proto without hiding anybody's google."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from proto import generate
from proto.base.v1 import base_pb2


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    generate.generate(folder)
    return folder


def test_generated_modules_are_up_to_date(fresh: Path) -> None:
    assert generate.stale_files(fresh) == []


def test_a_changed_a_missing_and_a_left_over_module_are_stale(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = fresh.with_name("here")
    monkeypatch.setattr(generate, "SOURCES", here)
    for name, text in {"base_pb2.py": "old", "gone_pb2.pyi": "", "same_pb2.py": "x", "by_hand.py": "y"}.items():
        _write(here / name, text)
    there = fresh.with_name("there")
    for name, text in {"base_pb2.py": "new", "new_pb2.py": "", "same_pb2.py": "x"}.items():
        _write(there / name, text)
    assert generate.stale_files(there) == ["base_pb2.py", "gone_pb2.pyi", "new_pb2.py"]


def test_check_names_the_stale_files_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "SOURCES", tmp_path)
    _write(tmp_path / "small.proto", 'syntax = "proto3";')
    with pytest.raises(SystemExit, match=r"small_pb2\.py small_pb2\.pyi"):
        generate.main(["--check"])
    assert [path.name for path in tmp_path.iterdir()] == ["small.proto"]


def test_generating_writes_what_is_missing_and_removes_what_is_left_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "SOURCES", tmp_path)
    _write(tmp_path / "small.proto", 'syntax = "proto3";')
    _write(tmp_path / "gone_pb2.py", "")
    generate.main([])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.proto", "small_pb2.py", "small_pb2.pyi"]
    generate.main(["--check"])


def test_our_own_imports_get_the_prefix_and_others_stay() -> None:
    own = {"base.v1.base_pb2", "google.api.expr.v1alpha1.checked_pb2"}
    text = (
        "from base.v1 import base_pb2 as a\n"
        "from google.api import http_pb2 as b\n"
        "from google.api.expr.v1alpha1 import checked_pb2 as c\n"
        "from google.protobuf import any_pb2 as d\n"
    )
    assert generate._with_prefix(text, own) == (
        "from proto.base.v1 import base_pb2 as a\n"
        "from google.api import http_pb2 as b\n"
        "from proto.google.api.expr.v1alpha1 import checked_pb2 as c\n"
        "from google.protobuf import any_pb2 as d\n"
    )


def test_messages_know_the_module_they_live_in() -> None:
    entity = base_pb2.Entity(type="doc", id="1")
    assert type(entity).__module__ == "proto.base.v1.base_pb2"
    assert pickle.loads(pickle.dumps(entity)) == entity


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)

"""The version in a program's file, as Go's linker leaves it there."""

from __future__ import annotations

from pathlib import Path

from bench.harness.systems.go_program import go_version

BUILT = (
    b"\x00\x7fELF\x00path\tgithub.com/openfga/openfga/cmd/openfga\nmod\tgithub.com/openfga/openfga\tv1.18.1\th1:abc=\n"
)
FROM_SOURCE = b"path\texample\nmod\texample\t(devel)\t\ndep\tgithub.com/openfga/openfga\tv1.2.3-rc1\th1:abc=\n"


def test_the_version_of_the_module_is_found(tmp_path: Path) -> None:
    program = tmp_path / "openfga"
    program.write_bytes(BUILT)
    assert go_version(program, "github.com/openfga/openfga") == "v1.18.1"


def test_a_module_built_into_another_program_is_found(tmp_path: Path) -> None:
    program = tmp_path / "openfga"
    program.write_bytes(FROM_SOURCE)
    assert go_version(program, "github.com/openfga/openfga") == "v1.2.3-rc1"


def test_a_file_that_does_not_tell_has_an_unknown_version(tmp_path: Path) -> None:
    program = tmp_path / "openfga"
    program.write_bytes(BUILT)
    assert go_version(program, "github.com/authzed/spicedb") == "unknown"
    program.write_bytes(FROM_SOURCE)
    assert go_version(program, "example") == "unknown"

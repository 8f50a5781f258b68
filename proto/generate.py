"""Generates the Python modules of all .proto files below this folder, next to them, and the document of the HTTP API.

    python -m proto.generate             writes *_pb2.py, *_pb2.pyi and openapi.json
    python -m proto.generate --check     writes nothing; exits 1 and names the files that are not what it would write

protoc names modules after their .proto files, ``base.v1.base_pb2``; here they live one package deeper. So imports
among our own files get the prefix ``proto.``, and only those: ``google.protobuf`` and ``google.api.http`` stay with
the packages that ship them, although our ``google.api.expr`` shares their name. The stubs are also completed to what
mypy's strict mode asks for. The output depends on the version of grpcio-tools, which requirements-dev.txt pins.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

from proto.openapi.document import document_of, print_document

SOURCES = Path(__file__).parent
GENERATED = ("*_pb2.py", "*_pb2.pyi", "openapi.json")

_OWN_IMPORT = re.compile(r"^from (?P<package>[\w.]+) import (?P<module>\w+_pb2)\b", re.MULTILINE)
_OWN_NAME = re.compile(r"(?<=_builder\.BuildTopDescriptorsAndMessages\(DESCRIPTOR, ')(?=[\w.]+_pb2')")
_STUB_CONSTANT = re.compile(r"^(\w+): _ClassVar\[int\]$", re.MULTILINE)
_STUB_IMPORT = re.compile(r"^from [\w.]+ import \w+ as (?P<alias>_\w+_pb2)\n", re.MULTILINE)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line at the top of this file. Raises SystemExit for stale files and for .proto errors."""
    parser = argparse.ArgumentParser(prog="python -m proto.generate", description="Generate the protobuf modules.")
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 if a file is not up to date")
    check = parser.parse_args(arguments).check
    with TemporaryDirectory() as folder:
        generate(Path(folder))
        stale = stale_files(Path(folder))
        if check and stale:
            sys.exit("not up to date, run python -m proto.generate: " + " ".join(stale))
        for name in stale:
            _replace(Path(folder, name), SOURCES / name)


def generate(target: Path) -> None:
    """Write the modules of all our .proto files below the target folder, and the document if anything is bound to HTTP.

    Raises SystemExit if protoc refuses the files.
    """
    names = sorted(str(path.relative_to(SOURCES)) for path in SOURCES.rglob("*.proto"))
    includes = [SOURCES, distribution("googleapis-common-protos").locate_file(""), _well_known_types()]
    options = [f"-I{folder}" for folder in includes] + [f"--python_out={target}", f"--pyi_out={target}"]
    described = target / "described"
    options += [f"--descriptor_set_out={described}", "--include_source_info", "--include_imports"]
    if protoc.main(["protoc", *options, *names]) != 0:
        sys.exit("protoc failed")
    if (document := document_of(FileDescriptorSet.FromString(described.read_bytes()))) is not None:
        Path(target, "openapi.json").write_text(print_document(document))
    described.unlink()
    own = {name.removesuffix(".proto").replace("/", ".") + "_pb2" for name in names}
    for path in target.rglob("*_pb2.py"):
        path.write_text(_OWN_NAME.sub("proto.", _with_prefix(path.read_text(), own)))
    for path in target.rglob("*_pb2.pyi"):
        path.write_text(_complete_stub(_with_prefix(path.read_text(), own)))


def stale_files(fresh: Path) -> list[str]:
    """The names of generated files here that differ from the fresh folder: changed, missing or left over."""
    here, there = _contents(SOURCES), _contents(fresh)
    return sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))


def _contents(folder: Path) -> dict[str, bytes]:
    paths = [path for pattern in GENERATED for path in folder.rglob(pattern)]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def _replace(fresh: Path, stale: Path) -> None:
    if fresh.exists():
        shutil.copyfile(fresh, stale)
    else:
        stale.unlink()


def _well_known_types() -> Path:
    return Path(protoc.__file__).with_name("_proto")


def _with_prefix(text: str, own: set[str]) -> str:
    def prefixed(found: re.Match[str]) -> str:
        line = found[0]
        return line.replace("from ", "from proto.", 1) if f"{found['package']}.{found['module']}" in own else line

    return _OWN_IMPORT.sub(prefixed, text)


def _complete_stub(text: str) -> str:
    """The stub as strict mypy takes it.

    Bare generics are spelled out, constants of the module are no class variables, and imports for side effects alone
    go: the modules behind some of them have no types.
    """

    def used(found: re.Match[str]) -> str:
        return found[0] if f"{found['alias']}." in text else ""

    text = _STUB_CONSTANT.sub(r"\1: int", _STUB_IMPORT.sub(used, text))
    return text.replace(", _Mapping]", ", _Mapping[str, object]]").replace(", **kwargs)", ", **kwargs: object)")


if __name__ == "__main__":
    main()

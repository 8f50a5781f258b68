"""The official clients' own environments below .venv/clients, made from their lock files on first use.

Each lies in a folder named by the hash of what it is made of, so that a changed lock file makes a new one and an
unchanged one is never made twice, however many test processes ask at once. Node.js comes as a Python wheel: no
machine needs to have it, and every machine tests with the same one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".venv" / "clients"

_INSTALL_TIMEOUT_S = 900
_COMPLETE = ".complete"


def python_client() -> Path:
    """The interpreter that has the Python client. Raises CalledProcessError if it cannot be installed."""
    return _made("python", ["requirements.txt"], _make_python) / "bin" / "python"


def node_client() -> tuple[Path, Path]:
    """Node.js and the folder of modules with the Node client. Raises CalledProcessError if it cannot be installed."""
    folder = _made("node", ["requirements.txt", "package.json", "package-lock.json", ".npmrc"], _make_node)
    return folder / "bin" / "node", folder / "node_modules"


def _made(name: str, sources: Sequence[str], make: Callable[[Path, Path], None]) -> Path:
    """The folder of an environment, made unless it is there already; those of older sources are removed."""
    digest = sha256(sys.version.encode())
    for source in sources:
        digest.update((HERE / name / source).read_bytes())
    folder = CACHE / f"{name}-{digest.hexdigest()[:12]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with _alone(CACHE / f"{name}.lock"):
        if not (folder / _COMPLETE).exists():
            for old in CACHE.glob(f"{name}-*"):
                shutil.rmtree(old)
            make(HERE / name, folder)
            (folder / _COMPLETE).touch()
    return folder


def _make_python(source: Path, folder: Path) -> None:
    _run(sys.executable, "-m", "venv", str(folder))
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run(*pip, "--require-hashes", "--only-binary=:all:", "-r", str(source / "requirements.txt"))


def _make_node(source: Path, folder: Path) -> None:
    _make_python(source, folder)
    for file in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(source / file, folder)
    npm = [str(folder / "bin" / "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    _run(*npm, cwd=folder, path=folder / "bin")


def _run(*command: str, cwd: Path | None = None, path: Path | None = None) -> None:
    environment = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"} if path else None
    subprocess.run(command, check=True, cwd=cwd, env=environment, timeout=_INSTALL_TIMEOUT_S)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """While no other process is in here with the same lock; its file stays."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    python_client()
    node_client()

"""Programs of others that a cluster to play with is made of: where they are, or how to get them."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model.errors import Misconfigured

_POSTGRES_FOLDERS = Path("/usr/lib/postgresql")
_ALSO_IN = "/usr/sbin:/usr/local/sbin:/sbin"  # which not every user has on the path


@dataclass(frozen=True, slots=True)
class Programs:
    """Where each is."""

    initdb: str
    postgres: str
    redis: str
    serf: str
    haproxy: str

    @classmethod
    def found(cls) -> Programs:
        """Those of this machine. Raises Misconfigured, naming all that are missing."""
        newest = max(_POSTGRES_FOLDERS.glob("*/bin"), key=lambda folder: int(folder.parent.name), default=Path())
        places = {
            "initdb": _place_of("initdb", newest),
            "postgres": _place_of("postgres", newest),
            "redis-server": _place_of("redis-server"),
            "serf": _place_of("serf"),
            "haproxy": _place_of("haproxy"),
        }
        missing = [name for name, place in places.items() if not place]
        if missing:
            raise Misconfigured(
                f"not installed here: {', '.join(missing)}; on Debian and Ubuntu:"
                " apt-get install postgresql redis-server serf haproxy"
            )
        return cls(*places.values())


def as_plain_user() -> Sequence[str]:
    """A command before a command, for programs that refuse root; it keeps to ours as ``leash.py`` does."""
    if os.geteuid() != 0:
        return ()
    nobody = pwd.getpwnam("nobody")
    ids = (f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")
    return (shutil.which("setpriv") or "setpriv", *ids, "--pdeathsig=INT")


def give_to_plain_user(folder: Path) -> None:
    """Let programs that refuse root keep something in a folder."""
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")


def _place_of(name: str, folder: Path | None = None) -> str:
    if folder is not None and (found := shutil.which(name, path=str(folder))):
        return found
    return shutil.which(name) or shutil.which(name, path=_ALSO_IN) or ""

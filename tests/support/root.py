"""What only root may do: making disks and networks. Whoever is not root asks sudo, and is told if that is refused."""

from __future__ import annotations

import os
import subprocess


class RootNeeded(Exception):
    """We may not do something on this machine; the text says what, and what to do."""


def as_root(*command: object) -> None:
    """Run a command as root. Raises RootNeeded."""
    words = command_of_root(*map(str, command))
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RootNeeded(
            f"{' '.join(words)}: {result.stderr.strip()}; this test makes a disk or a network of its own: run it as"
            " root, in a container with CAP_SYS_ADMIN and CAP_NET_ADMIN"
        )


def command_of_root(*words: str) -> tuple[str, ...]:
    """The command as it is to be run, so that root runs it."""
    return words if os.geteuid() == 0 else ("sudo", "-n", *words)

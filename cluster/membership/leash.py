"""Run a program that does not outlive the process that started it: ``python leash.py PID PROGRAM ARGUMENT …``.

A node that is killed with -9 cannot stop what it has started; the kernel then interrupts the program (SIGINT) in its
place. Only Linux does so; elsewhere the program is run all the same. A file of its own, started as a program, as what
asks for this must run between fork and exec, where a process with threads had better run no Python.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, *command: str) -> None:
    """Become the command."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
    if os.getppid() == parent:  # else it is gone already, and nobody would tell us
        os.execv(command[0], command)  # noqa: S606 - there is no shell, on purpose


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])

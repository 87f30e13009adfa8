"""Executes a program that the kernel kills when the parent ends; run as a script by process.py.

Setting this up between fork and exec (`preexec_fn`) can deadlock when the parent has threads, so
a small interpreter of its own does it and then turns into the program.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Have SIGKILL sent to this process when `parent` ends, or exit if it already has."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the launcher is gone")


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 (no shell is what we want)

"""``python -m syncline``: the same command line."""

from __future__ import annotations

import signal
import sys

from . import _native


def main() -> None:
    """Does what the ``syncline`` command does, and exits with its code."""
    # The command deals with Ctrl-C itself, where it does more than end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.stdout.flush()
    sys.exit(_native.command_line(sys.argv[1:]))


if __name__ == "__main__":
    main()

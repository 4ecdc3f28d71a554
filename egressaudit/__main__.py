"""Run the command line: `python -m egressaudit`."""

import gc
import sys


def main() -> None:
    """Run one command line and leave with its exit code."""
    # Nearly all that is made at the start stays: looking through it for garbage again and again takes a sixth of it.
    gc.set_threshold(100_000)
    from egressaudit.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

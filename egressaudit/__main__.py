"""Run the command line: `python -m egressaudit`."""

import gc
import sys


def main() -> None:
    """Run one command line and leave with its exit code."""
    # Most start-up objects live for the whole run. Default GC thresholds would spend about a sixth of start-up
    # re-scanning them.
    gc.set_threshold(100_000)
    from egressaudit.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

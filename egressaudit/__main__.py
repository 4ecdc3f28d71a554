"""Run the command line: `python -m egressaudit`."""

import sys


def main() -> None:
    """Run one command line and leave with its exit code."""
    from egressaudit.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

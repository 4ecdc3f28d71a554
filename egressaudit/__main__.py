"""Run the command line: `python -m egressaudit`."""

import gc
import os
import sys
from contextlib import suppress

from egressaudit.signals import SIGNALS


def main() -> None:
    """Run one command line and leave with its exit code."""
    # Before anything else is imported: from here on a signal is one line on standard error, and never a traceback.
    SIGNALS.listen()
    # Most start-up objects live for the whole run. Default GC thresholds would spend about a sixth of start-up
    # re-scanning them.
    gc.set_threshold(100_000)
    code: int | None = None
    try:
        from egressaudit.cli import run
        from egressaudit.cli.standard_streams import close_streams, open_streams

        open_streams()
        code = run(sys.argv[1:])
        SIGNALS.ignore()
        close_streams()
    except KeyboardInterrupt:
        # After the end of the run, or while an error of it was being told.
        SIGNALS.ignore()
        if code is None:
            code = 128 + (SIGNALS.received or 2)
            _tell("interrupted\n")
    except Exception as error:
        # Not even the end of the run can be told: what it needs cannot be loaded.
        if os.environ.get("EGRESSAUDIT_DEBUG"):
            raise
        _tell(f"no audit was performed: not enough memory ({type(error).__name__})\n")
        code = 1
    sys.exit(code)


def _tell(words: str) -> None:
    with suppress(OSError):
        os.write(2, words.encode())


if __name__ == "__main__":
    main()

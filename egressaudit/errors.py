"""Every error a user can cause, and the exit codes.

    EgressAuditError            exit 1  no audit was performed
    ├── UsageError              exit 2  the command line asks for something that cannot be
    │   ├── PolicyError                 the policy file is not a policy, each error with line and column
    │   └── NotFound                    a named namespace, workload or container is not there
    ├── ClusterError            exit 1  the cluster would not do what was asked
    │   ├── Unreachable                 no API server answers
    │   ├── Unauthorized                credentials missing or expired (401)
    │   ├── Forbidden                   one verb on one resource is not allowed (403)
    │   └── LogRefused                  a log that the cluster does not serve, now or at all
    ├── PodNotReady             exit 1  the probe pod did not become ready
    │   └── PodRejected                 the API server did not admit it
    ├── ExecFailed              exit 1  the command could not be started in the container
    ├── BadLogs                 exit 1  saved logs cannot be read
    ├── BadHistory              exit 1  a history cannot be read, or is another's
    ├── LabError                exit 1  the lab could not start or do what was asked
    ├── OutputFailed            exit 1  what was found cannot be written
    └── Interrupted             exit 129, 130, 131 or 143, after clean-up

An error says what happened and where; its `hint` says what to do. Only `cli` prints and exits.

In: what happened, and a hint. Out: an error that knows its exit code.
Example: `PolicyError("the policy p.yaml has 1 error")` ends the run with exit code 2.
"""

import errno
import os
import signal
from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes, the same for every output format, so that a crash can never look like a finding."""

    PASS = 0
    NOT_PERFORMED = 1
    USAGE = 2
    INCONCLUSIVE = 3
    VIOLATION = 10
    HANGUP = 129
    INTERRUPTED = 130
    QUIT = 131
    TERMINATED = 143


class NotRead(OSError):
    """A file that is there and is not read; why not, in words of our own: `it is a device`."""

    def __init__(self, why: str) -> None:
        super().__init__(errno.EINVAL, why)
        self.why = why


def why_refused(error: OSError) -> str:
    """Why the system refused, in its own words: `No space left on device`. What a library wrote there is not shown."""
    if isinstance(error, NotRead):
        return error.why
    return os.strerror(error.errno) if error.errno else "the system refused it"


class EgressAuditError(Exception):
    """Base of all errors that are shown to the user without a traceback."""

    exit_code = ExitCode.NOT_PERFORMED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(EgressAuditError):
    """The command line asks for something that cannot be."""

    exit_code = ExitCode.USAGE


class PolicyError(UsageError):
    """The policy file is not a policy; `problems` has each error as `FILE:LINE:COLUMN: path: message`."""

    def __init__(self, message: str, hint: str = "", problems: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.problems = problems


class NotFound(UsageError):
    """A namespace, workload, container or file that was named is not there."""


class ClusterError(EgressAuditError):
    """The cluster would not do what was asked."""


class Unreachable(ClusterError):
    """No API server answers at the address of the kubeconfig; `lasting` where another attempt would end the same."""

    def __init__(self, message: str, hint: str = "", *, lasting: bool = False) -> None:
        super().__init__(message, hint)
        self.lasting = lasting


class Unauthorized(ClusterError):
    """The credentials are missing, wrong or expired (HTTP 401)."""


class Forbidden(ClusterError):
    """One verb on one resource is not allowed (HTTP 403); the hint holds the Role that grants it."""


class LogRefused(ClusterError):
    """The cluster does not serve a log: `gone` where the pod is not there, `passing` where it may work later.

    `retry_after` is how many seconds the server asks to wait, 0 where it does not say.
    """

    def __init__(self, message: str, *, gone: bool = False, passing: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.gone = gone
        self.passing = passing
        self.retry_after = retry_after


class PodNotReady(EgressAuditError):
    """The probe pod did not become ready: image pull, admission, scheduling, proxy."""


class PodRejected(PodNotReady):
    """The API server did not admit the probe pod; `server_message` is why, in its own words."""

    def __init__(self, message: str, hint: str, server_message: str) -> None:
        super().__init__(message, hint)
        self.server_message = server_message


class ExecFailed(EgressAuditError):
    """The command could not be started in the container (curl missing, container gone)."""


class BadLogs(EgressAuditError):
    """Saved logs are missing, incomplete or not ours."""


class BadHistory(EgressAuditError):
    """A history is damaged, in use, of a newer version or not ours."""


class LabError(EgressAuditError):
    """The lab could not start or could not do what was asked."""


class OutputFailed(EgressAuditError):
    """A report, a fix or an answer cannot be written to where it was to go."""


class Interrupted(EgressAuditError):
    """A signal ended the run; raised after clean-up. It says nothing of what could not be cleaned up: that was said."""

    def __init__(self, exit_code: ExitCode) -> None:
        super().__init__(f"interrupted by {signal.Signals(exit_code - 128).name}")
        self.exit_code = exit_code

"""Code that nothing uses: `python tools/unused.py` prints it, and `make lint` fails then. vulture finds it.

Only the program counts as a user (the packages, `tools/`, `benchmarks/`): what only a test calls is dead too, unless
KEPT says why it stays. What tests themselves leave unused is found as well. A line of output:

    egressaudit/mesh/mesh.py:140: unused property 'pod_addresses'
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import vulture

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ("egressaudit", "egressaudit_lab", "tools", "benchmarks")
# click registers commands, pytest finds tests and fixtures.
DECORATORS = ["@bundle.command", "@policy.command", "@pytest.fixture"]
NAMES = ["test_*", "pytest_*"]

# How a list names what it loads only when it is asked for.
_PLACE = re.compile(r'"([a-z_.]+):([A-Za-z_]+)"')

# Others than our own code use these. A file's entry is for all in it. An entry that nothing needs fails.
KEPT: dict[str, str] = {
    "egressaudit/__init__.py: __getattr__": "Python calls it for names that are imported when they are used",
    "egressaudit/bundle/bundled_logs.py: readable": "io.BufferedReader calls it",
    "egressaudit/cli/commands.py: list_commands": "click calls it",
    "egressaudit/cli/commands.py: get_command": "click calls it",
    "egressaudit/cli/option_groups.py: format_options": "click calls it",
    "egressaudit/cli/progress.py: show_cursor": "rich calls it",
    "egressaudit/cluster/access.py: pool_classes_by_scheme": "urllib3 reads it",
    "egressaudit/cluster/bounded_connection.py: ConnectionCls": "urllib3 makes its connections of it",
    "egressaudit/cluster/execution.py: gettimeout": "websocket asks a socket for it",
    "egressaudit/cluster/official_client.py: _create_temp_file_with_content": "the Kubernetes client calls it",
    "egressaudit/cluster/official_client.py: force_recreate": "the Kubernetes client passes it",
    "egressaudit/cluster/official_client.py: temp_file_path": "the Kubernetes client passes it",
    "egressaudit/cluster/stream_socket.py: closed": "http.client asks a stream for it",
    "egressaudit/collect/follow/follower.py: trace": "Python passes it to __exit__",
    "egressaudit/errors.py: HANGUP": "a signal's exit code, by its number",
    "egressaudit/errors.py: INTERRUPTED": "a signal's exit code, by its number",
    "egressaudit/errors.py: QUIT": "a signal's exit code, by its number",
    "egressaudit/errors.py: TERMINATED": "a signal's exit code, by its number",
    "egressaudit/manifests/documents.py: ignore_aliases": "PyYAML calls it",
    "egressaudit/manifests/documents.py: indentless": "PyYAML names it",
    "egressaudit/pipeline/notifying.py: pool_classes_by_scheme": "urllib3 reads it",
    "egressaudit/report/html/audit_facts.py: href": "the page's template reads it",
    "egressaudit/report/junit_parts.py: system_out": "junitparser writes it",
    "egressaudit/signals.py: unraisablehook": "Python calls it",
    "egressaudit_lab/proxies/upstreams.py: connection_made": "asyncio calls it",
    "egressaudit_lab/proxies/upstreams.py: datagram_received": "asyncio calls it",
    "egressaudit/sources/streams.py: readable": "io.BufferedReader calls it",
    "egressaudit_lab/kube/server.py: restart_container": "the lab's API for tests: a container that starts again",
    "egressaudit_lab/world.py: rotate": "the lab's API for tests: a log that is rotated",
    "tests/e2e/test_telling_others.py: do_POST": "http.server calls it",
    "tests/e2e/test_telling_others.py: log_message": "http.server calls it",
    "tests/pipeline/test_notifying.py: do_POST": "http.server calls it",
    "tests/pipeline/test_notifying.py: log_message": "http.server calls it",
    "tests/planted/flows.py": "a plan calls its method by the name of its way",
    "tests/planted/sending.py": "a plan calls its method by the name of its way",
    "tests/project/test_build.py: display_warning": "hatch_build.py calls it",
    "tests/report/test_html_page.py: handle_starttag": "html.parser calls it",
    "tests/report/test_html_page.py: handle_data": "html.parser calls it",
    "tests/support/fault_api.py: protocol_version": "http.server reads it",
    "tests/support/fault_api.py: log_message": "http.server calls it",
    "tests/support/fault_api.py: do_DELETE": "http.server calls it",
    "tests/support/fault_api.py: do_POST": "http.server calls it",
    "tests/support/fault_api.py: close_connection": "http.server reads it",
    "tests/support/fault_api.py: daemon_threads": "socketserver reads it",
    "tests/support/fault_api.py: handle_error": "socketserver calls it",
    "tests/probe/test_probe.py: log_message": "http.server calls it",
    "tests/probe/test_sending.py: log_message": "http.server calls it",
    "tests/sources/test_archives.py: linkname": "tarfile writes it",
}


def main() -> int:
    allowed, needed, wrong = KEPT, set(), []
    for name, item in unused():
        names = {name, f"{name}: {item.name}"} & allowed.keys()
        needed |= names
        if not names:
            wrong.append(f"{name}:{item.first_lineno}: unused {item.typ} {item.name!r}")
    wrong += [
        f"tools/unused.py: {what} is used, or gone: take it off the list" for what in allowed if what not in needed
    ]
    for each in wrong:
        print(each, file=sys.stderr)
    return 1 if wrong else 0


def unused() -> Iterator[tuple[str, vulture.core.Item]]:
    """What the program does not use of itself; what nothing at all uses of the tests."""
    for folders, of_tests in ((PROGRAM, False), ((*PROGRAM, "tests"), True)):
        hunt = vulture.Vulture(ignore_names=NAMES, ignore_decorators=DECORATORS)
        hunt.scavenge([ROOT / each for each in folders])
        for item in hunt.get_unused_code(min_confidence=60):
            file = Path(item.filename).resolve()
            name = file.relative_to(ROOT).as_posix()
            if name.startswith("tests/") is not of_tests or (item.typ == "variable" and _has_documents(file)):
                continue
            if not any(f"/{name}".endswith(f"/{place}") and item.name == of for place, of in _listed()):
                yield name, item


@cache
def _listed() -> frozenset[tuple[str, str]]:
    """What a lazy list names by its place: `("locations/file.py", "SingleFile")` for "locations.file:SingleFile"."""
    files = [file for each in PROGRAM for file in (ROOT / each).rglob("*.py")]
    found = (_PLACE.findall(file.read_text("utf-8")) for file in files)
    return frozenset((f"{module.replace('.', '/')}.py", name) for each in found for module, name in each)


@cache
def _has_documents(file: Path) -> bool:
    """Whether a module defines documents: pydantic writes their fields, so no code need read them."""
    tree = ast.parse(file.read_text("utf-8"))
    return any(isinstance(node, ast.ImportFrom) and node.module == "pydantic" for node in ast.walk(tree))


if __name__ == "__main__":
    sys.exit(main())

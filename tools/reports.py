"""Write reports/ from sample_logs/ and the README's report from those, or check that no byte changes (`--check`)."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from egressaudit.evidence.collection import load_collection
from egressaudit.evidence.mesh_file import load_mesh
from egressaudit.evidence.saved_files import COLLECTION, MESH
from egressaudit.model import AuditReport
from egressaudit.pipeline.audit import audit_window
from egressaudit.pipeline.joined_logs import PARTS, AuditSettings
from egressaudit.pipeline.replay import audit
from egressaudit.policy import load_policy
from egressaudit.report import Screen, render
from egressaudit.report.output_formats import formats_of

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
SHOWN = "istio-apis.txt"
# One page is enough to look at, and has all styles: that of the window.
SUFFIX = {each.name: each.suffix for each in formats_of("verify") if each.name != "html"}
WINDOW_SUFFIX = {each.name: each.suffix for each in formats_of("audit") if not each.binary}


def wanted() -> dict[Path, str]:
    """Each report's file and text, for every sample and every format."""
    files = {}
    for sample in sorted(path for path in (ROOT / "sample_logs").iterdir() if path.is_dir()):
        reports = window(sample) if (sample / COLLECTION).is_file() else verdicts(sample)
        files |= {ROOT / "reports" / f"{sample.name}.{suffix}": text for suffix, text in reports.items()}
    files[README] = readme(files[ROOT / "reports" / SHOWN])
    return files


def verdicts(sample: Path) -> dict[str, str]:
    """The reports on a saved run, by suffix."""
    report = audit(sample)
    screen = Screen(verbose=True)
    return {suffix: str(render(report, output_format, screen)) for output_format, suffix in SUFFIX.items()}


def window(sample: Path) -> dict[str, str]:
    """The reports on a collected window, by suffix; Parquet is left out, for its bytes are the library's."""
    report = audited(sample)
    return {suffix: str(render(report, output_format)) for output_format, suffix in WINDOW_SUFFIX.items()}


def audited(sample: Path) -> AuditReport:
    """What `audit` finds in a collected window, by the policy beside it."""
    collection = load_collection(sample)
    mesh = load_mesh(sample / MESH)
    assert collection is not None
    # From where the samples are, so that no path of this machine is in a report.
    with contextlib.chdir(sample.parent):
        settings = AuditSettings(
            policy=load_policy(Path(sample.name) / "policy.yaml"),
            start=collection.since,
            end=collection.until,
            fail_below=0.95,
            parts=PARTS,
        )
        return audit_window((sample.name,), mesh, settings, collection)


def readme(report: str) -> str:
    """The README with this report in its place."""
    before, marker, after = README.read_text("utf-8").partition(f"<!-- reports/{SHOWN} -->\n```\n")
    _, fence, rest = after.partition("```\n")
    if not (marker and fence):
        raise SystemExit(f"README.md has no place for reports/{SHOWN}")
    return f"{before}{marker}{report}{fence}{rest}"


def main() -> int:
    """Write or check; 1 where a report is not what its sample gives."""
    (ROOT / "reports").mkdir(exist_ok=True)
    files = wanted()
    suffixes = {f".{suffix}" for suffix in WINDOW_SUFFIX.values()}
    there = {README} | {path for path in (ROOT / "reports").iterdir() if path.suffix in suffixes}
    if "--check" in sys.argv[1:]:
        stale = [path for path, text in files.items() if path not in there or path.read_text("utf-8") != text]
        stale += sorted(there - set(files))
        for path in stale:
            print(f"stale: {path.relative_to(ROOT)}; run `make reports` and look at the difference", file=sys.stderr)
        print(f"{len(files)} files checked, {len(stale)} stale")
        return 1 if stale or not files else 0
    for path in there - set(files):
        path.unlink()
    for path, text in files.items():
        path.write_text(text, "utf-8")
    print(f"{len(files)} files written")
    return 0


if __name__ == "__main__":
    sys.exit(main())

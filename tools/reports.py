"""Write reports/ from sample_logs/ and the README's report from those, or check that no byte changes (`--check`)."""

from __future__ import annotations

import sys
from pathlib import Path

from egressaudit.pipeline.offline import audit
from egressaudit.report import render

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
SHOWN = "istio-apis.txt"
SUFFIX = {"text": "txt", "json": "json", "junit": "xml"}


def wanted() -> dict[Path, str]:
    """Each report's file and text, for every sample and every format."""
    files = {}
    for sample in sorted(path for path in (ROOT / "sample_logs").iterdir() if path.is_dir()):
        report = audit(sample)
        for output_format, suffix in SUFFIX.items():
            files[ROOT / "reports" / f"{sample.name}.{suffix}"] = render(report, output_format)
    files[README] = readme(files[ROOT / "reports" / SHOWN])
    return files


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
    there = {README} | {path for path in (ROOT / "reports").iterdir() if path.suffix.lstrip(".") in SUFFIX.values()}
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

"""Flips single bits of bundles, and counts what `bundle verify` does not find: `python tools/bundle_damage.py`.

Three kinds: in a member (which must be named, and of a log the line), anywhere in the archive, and in the compressed
file. Prints a row for each kind, and fails if anything was missed. `tests/bundle/test_damage.py` does fewer.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.bundle_damage import Damage
from support.bundles import bundled, keys


def main() -> int:
    options = _options()
    missed: list[str] = []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        key, _ = keys(folder, "ours")
        with contextlib.redirect_stdout(io.StringIO()):
            bundle = bundled(folder / "b.tar.zst", "--bundle-logs", options.lines, "--sign-key", key)
        damage = Damage(bundle, folder / "damaged.tar.zst", options.seed)
        for name, flip in (
            ("members", damage.in_a_member),
            ("archive", damage.in_the_archive),
            ("compressed file", damage.in_the_file),
        ):
            found = [wrong for _ in range(options.flips) if (wrong := flip())]
            print(f"{name}: {options.flips} bits flipped, {len(found)} missed (seed {options.seed})", flush=True)
            missed += found
    print(*missed[:20], sep="\n", end="")
    return 1 if missed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flips", type=int, default=10_000, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lines", choices=("all", "relevant", "none"), default="all")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

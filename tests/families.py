"""Prints the table of model families in docs/models.md: python tests/families.py [TYPE ...]

Compares each model type, by default all, with the library's own code on a tiny folder with random weights, in float32,
int8 and int4. Takes some minutes; the exit code is 2 if one is not computed correctly.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main(types: list[str]) -> int:
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from backends.machine import share_cores

    share_cores()
    from compared_families import family_rows, table_of

    rows = family_rows(types, lambda words: print(words, file=sys.stderr))
    print("\n".join(table_of(rows)))
    return 2 if any(row.wrong for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

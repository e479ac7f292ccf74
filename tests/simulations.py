"""Prints the tables of docs/statistics.md as JSON lines: python tests/simulations.py [RUNS].

RUNS is the number of simulated classes of each kind, 1000 if it is not given.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main(runs: int) -> None:
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]
    from simulated_classes import coverage_table, rating_table
    from simulated_verdicts import verdict_table

    for table, rows in (
        ("verdict", verdict_table(runs)),
        ("adjusted share", coverage_table(runs)),
        ("ratings", rating_table(max(50, runs // 4))),
    ):
        for row in rows:
            print(json.dumps({"table": table, **row}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 1000)

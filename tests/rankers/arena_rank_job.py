"""arena-rank on votes.csv and pairs.csv: python arena_rank_job.py VOTES PAIRS RESULT writes what it saw and found.

A file for another Python: it knows the standard library and what requirements-arena-rank.txt installs, nothing of ours.
"""

import json
import sys
from pathlib import Path

import pandas
from arena_rank.models.bradley_terry import BradleyTerry
from arena_rank.utils.data_utils import PairDataset


def main(votes: str, pairs: str, result: str) -> None:
    """Both files: the CSV with no option at all, the pairs with their own names."""
    outcomes = {"left": 1.0, "right": 0.0, "tie": 0.5}
    of_pairs = PairDataset.from_pandas(
        pandas.read_csv(pairs), competitor_cols=["left", "right"], outcome_map=outcomes.__getitem__
    )
    results = {"votes": ranked(PairDataset.from_pandas(pandas.read_csv(votes))), "pairs": ranked(of_pairs)}
    Path(result).write_text(json.dumps(results), encoding="utf-8")


def ranked(data: PairDataset) -> dict[str, object]:
    """The counts it has by first model, second model and points of the first, and its ratings with their limits."""
    ranks = BradleyTerry(n_competitors=len(data.competitors)).compute_ratings_and_cis(data)
    seen = zip(data.pairs.tolist(), data.outcomes.tolist(), data.counts.tolist(), strict=True)
    by_model = {
        name: dict(zip(ranks["competitors"], ranks[name].tolist(), strict=True))
        for name in ("ratings", "rating_lower", "rating_upper")
    }
    return {"seen": [[data.competitors[a], data.competitors[b], *rest] for (a, b), *rest in seen], **by_model}


if __name__ == "__main__":
    main(*sys.argv[1:])

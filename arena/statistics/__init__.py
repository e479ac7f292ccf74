"""What judgements show, as numbers: counts, intervals, verdicts, ratings, agreement."""

from arena.statistics.counts import PairCount, WinRate, wilson

__all__ = ["PairCount", "WinRate", "wilson"]

"""What judgements show, as numbers: counts, intervals, ratings, agreement. Knows no page, no file, no answer."""

from arena.statistics.counts import Counts, PairCount, WinRate, count_votes, wilson

__all__ = ["Counts", "PairCount", "WinRate", "count_votes", "wilson"]

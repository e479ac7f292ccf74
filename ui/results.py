"""The counts as sentences and a table. Knows where no vote is kept."""

from __future__ import annotations

from arena.statistics import PairCount, WinRate
from arena.votes.counts import Results
from ui.texts import text

COLUMNS = ("first", "second", "votes", "wins", "losses", "ties", "both_bad", "rate", "low", "high")


def headers(lang: str) -> list[str]:
    """The table's column names."""
    return [text(lang, f"column_{name}") for name in COLUMNS]


def table(results: Results) -> list[list[str | int | float | None]]:
    """A row for each pair of models; numbers stay numbers, so that they sort as such, and unknown is None."""
    return [_row(pair) for pair in results.pairs]


def _row(pair: PairCount) -> list[str | int | float | None]:
    rate = pair.win_rate()
    figures = [_percent(rate.rate), _percent(rate.low), _percent(rate.high)] if rate else [None] * 3
    counts = [pair.votes, pair.first_wins, pair.second_wins, pair.ties, pair.both_bad]
    return [pair.first, pair.second, *counts, *figures]


def summary(lang: str, results: Results) -> str:
    """Markdown: one sentence a pair, and what to keep in mind."""
    votes = sum(pair.votes for pair in results.pairs)
    lines = [text(lang, "total_votes", count=votes) if votes else text(lang, "no_votes")]
    lines += [_sentence(lang, pair, rate) for pair in results.pairs if (rate := pair.win_rate())]
    if results.unreadable:
        lines.append(text(lang, "unreadable", count=results.unreadable))
    if votes:
        lines.append(text(lang, "results_note"))
    return "\n\n".join(lines)


def _sentence(lang: str, pair: PairCount, rate: WinRate) -> str:
    return text(
        lang,
        "rate_sentence",
        first=f"`{pair.first}`",
        second=f"`{pair.second}`",
        wins=pair.first_wins,
        decisive=pair.first_wins + pair.second_wins,
        rate=_percent(rate.rate),
        low=_percent(rate.low),
        high=_percent(rate.high),
    )


def _percent(share: float) -> float:
    return round(share * 100, 1)

"""The counts as sentences and a table. Knows where no vote is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape

from arena.statistics import Counts, PairCount, WinRate
from ui.tables import html_table
from ui.texts import text

COLUMNS = ("first", "second", "votes", "wins", "losses", "ties", "both_bad", "rate", "low", "high", "counted")


def headers(lang: str) -> list[str]:
    """The table's column names."""
    return [text(lang, f"column_{name}") for name in COLUMNS]


def table(lang: str, counts: Counts) -> list[list[str | int | float | None]]:
    """A row for each pair of models; numbers stay numbers, so that they sort as such, and unknown is None.

    Where answers told who wrote them, a second row for each pair does without those votes.
    """
    rows = [_row(pair, text(lang, "counted_all")) for pair in counts.pairs]
    if counts.leaked:
        rows += [_row(pair, text(lang, "counted_clean")) for pair in counts.clean]
    return rows


def _row(pair: PairCount, counted: str) -> list[str | int | float | None]:
    rate = pair.win_rate()
    figures = [_percent(rate.rate), _percent(rate.low), _percent(rate.high)] if rate else [None] * 3
    numbers = [pair.votes, pair.first_wins, pair.second_wins, pair.ties, pair.both_bad]
    return [pair.first, pair.second, *numbers, *figures, counted]


def summary(lang: str, counts: Counts, unreadable: int = 0) -> str:
    """The sentences as Markdown."""
    return "\n\n".join(_sentences(lang, counts, unreadable, lambda model: f"`{model}`"))


def as_html(lang: str, counts: Counts) -> str:
    """The sentences and the table as HTML."""
    lines = "".join(f"<p>{escape(line)}</p>" for line in _sentences(lang, counts, 0, str))
    rows = [["" if cell is None else escape(str(cell)) for cell in row] for row in table(lang, counts)]
    return lines + (html_table(headers(lang), rows) if rows else "")


def _sentences(lang: str, counts: Counts, unreadable: int, name: Callable[[str], str]) -> list[str]:
    """One sentence a pair, the same without votes on answers that told who wrote them, and what to keep in mind."""
    votes = sum(pair.votes for pair in counts.pairs)
    lines = [text(lang, "total_votes", count=votes) if votes else text(lang, "no_votes")]
    lines += _rates(lang, counts.pairs, name)
    if counts.leaked:
        lines.append(text(lang, "leaked_note", count=counts.leaked))
        lines += _rates(lang, counts.clean, name)
    if unreadable:
        lines.append(text(lang, "unreadable", count=unreadable))
    if votes:
        lines.append(text(lang, "results_note"))
    return lines


def _rates(lang: str, pairs: Iterable[PairCount], name: Callable[[str], str]) -> list[str]:
    return [_sentence(lang, pair, rate, name) for pair in pairs if (rate := pair.win_rate())]


def _sentence(lang: str, pair: PairCount, rate: WinRate, name: Callable[[str], str]) -> str:
    return text(
        lang,
        "rate_sentence",
        first=name(pair.first),
        second=name(pair.second),
        wins=pair.first_wins,
        decisive=pair.first_wins + pair.second_wins,
        rate=_percent(rate.rate),
        low=_percent(rate.low),
        high=_percent(rate.high),
    )


def _percent(share: float) -> float:
    return round(share * 100, 1)

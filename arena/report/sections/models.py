"""All models in tables: ranks and ratings, every pair, how they ran, and what that cost."""

from collections.abc import Iterator

from arena.report.blocks import Block, Heading, Paragraph, Table
from arena.report.facts import ReportFacts
from arena.report.sections.setting import RowsOf, costs, run_settings
from arena.report.sections.votes import pair_row
from arena.report.texts import text
from arena.results.figures import ModelResult
from arena.results.sentences import first_sentences


def all_models(lang: str, facts: ReportFacts) -> Iterator[Block]:
    """The whole section; nothing if there are only two models."""
    if not facts.others:
        return
    yield Heading(2, text(lang, "all_models"))
    if len(facts.figures.models) > 2:
        yield Paragraph(first_sentences(lang, facts.figures, facts.name)[0])
        yield _ranks(lang, facts)
        yield Paragraph(text(lang, "ranks_note") + text(lang, "ranks_prior") * bool(facts.figures.prior))
        yield _pairs(lang, facts)
    yield _by_model(lang, facts, run_settings, text(lang, "all_settings"))
    yield _by_model(lang, facts, costs, text(lang, "all_costs"))


def _ranks(lang: str, facts: ReportFacts) -> Table:
    names = ("model", "ranks", "rating", "votes_number", "won", "ties", "both_bad", "lost")
    rows = tuple(_rank(lang, facts, model) for model in facts.figures.models)
    return Table(tuple(text(lang, name) for name in names), rows, text(lang, "ranks_table"))


def _rank(lang: str, facts: ReportFacts, model: ModelResult) -> tuple[str, ...]:
    rating, count = model.rating, model.count
    points = f"{rating.value:.0f}" if rating else "–"
    if rating and rating.low is not None and rating.high is not None:
        points = text(lang, "rating_interval", rating=points, low=f"{rating.low:.0f}", high=f"{rating.high:.0f}")
    votes = (count.votes, count.first_wins, count.ties, count.both_bad, count.second_wins)
    return (facts.name(model.model), model.ranks, points, *map(str, votes))


def _pairs(lang: str, facts: ReportFacts) -> Table:
    names = ("pair", "votes_number", "won", "ties", "both_bad", "lost", "share_first", "verdict")
    rows = []
    for pair in facts.figures.pairs:
        first, second = map(facts.name, (pair.count.first, pair.count.second))
        rows.append(pair_row(lang, facts, text(lang, "versus", first=first, second=second), pair))
    return Table(tuple(text(lang, name) for name in names), tuple(rows), text(lang, "pairs_table"))


def _by_model(lang: str, facts: ReportFacts, rows_of: RowsOf, caption: str) -> Table:
    """A row for each model; an empty cell means that the value is not recorded."""
    rows = [(model.name, dict(rows_of(lang, model))) for model in facts.answering]
    headers = (text(lang, "model"), *(text(lang, key) for key in rows[0][1]))
    cells = ((name, *(value or text(lang, "unknown") for value in values.values())) for name, values in rows)
    return Table(headers, tuple(cells), caption)

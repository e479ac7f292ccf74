"""All models in tables: ranks and ratings, every pair, how they ran, and what that cost."""

from collections.abc import Iterator

from arena.report.blocks import Block, Heading, Paragraph
from arena.report.facts import ReportFacts
from arena.report.sections.setting import costs, model_table, run_settings
from arena.report.sections.votes import pair_row, vote_cells
from arena.results.figures import ModelResult, PairResult
from arena.results.sentences import first_sentences

_RANKS = ("model", "ranks", "rating", "votes_number", "won", "ties", "both_bad", "lost")
_PAIRS = ("pair", "votes_number", "won", "ties", "both_bad", "lost", "share_first", "verdict")


def all_models(facts: ReportFacts) -> Iterator[Block]:
    """The whole section; nothing if there are only two models."""
    if not facts.others:
        return
    figures = facts.figures
    yield Heading(2, facts.text("all_models"))
    if len(figures.models) > 2:
        yield Paragraph(first_sentences(facts.lang, figures, facts.name)[0])
        yield facts.table(_RANKS, (_rank(facts, model) for model in figures.models), "ranks_table")
        yield Paragraph(facts.text("ranks_note") + facts.text("ranks_prior") * bool(figures.prior))
        yield facts.table(_PAIRS, (_pair(facts, pair) for pair in figures.pairs), "pairs_table")
    for rows_of, caption in ((run_settings, "all_settings"), (costs, "all_costs")):
        yield model_table(facts, facts.answering, rows_of, caption, is_by_row=True)


def _rank(facts: ReportFacts, model: ModelResult) -> tuple[str, ...]:
    rating = model.rating
    points = f"{rating.value:.0f}" if rating else "–"
    if rating and rating.low is not None and rating.high is not None:
        points = facts.text("rating_interval", rating=points, low=f"{rating.low:.0f}", high=f"{rating.high:.0f}")
    return (facts.name(model.model), model.ranks, points, *vote_cells(model.count))


def _pair(facts: ReportFacts, pair: PairResult) -> tuple[str, ...]:
    first, second = map(facts.name, (pair.count.first, pair.count.second))
    return pair_row(facts, facts.text("versus", first=first, second=second), pair)

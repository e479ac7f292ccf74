"""How the votes were given: who judged how much, what may have swayed raters, whether they agree."""

from __future__ import annotations

from collections.abc import Iterator

from arena.report.blocks import Block, Bullets, Heading, Table
from arena.report.facts import ReportFacts
from arena.report.words import say
from arena.results.bias import Share
from arena.results.figures import Figures
from arena.results.suspicious import KINDS
from arena.results.words import percent


def judging(lang: str, facts: ReportFacts) -> Iterator[Block]:
    """Nothing without votes."""
    if facts.pair is None:
        return
    yield Heading(2, say(lang, "judging"))
    yield Bullets(tuple(_ways(lang, facts)))
    headers = say(lang, "votes_each"), say(lang, "raters")
    rows = tuple((str(votes), str(raters)) for votes, raters in facts.votes_by_rater.items())
    yield Table(headers, rows, say(lang, "votes_each_caption"))
    if len(facts.figures.pairs) == 1:  # with more models these are not of the two alone
        yield Bullets(tuple(_what_may_sway(lang, facts, facts.figures)))


def _ways(lang: str, facts: ReportFacts) -> Iterator[str]:
    assert facts.pair
    verdict, count = facts.pair.verdict, facts.pair.count
    blind = count.votes - verdict.sighted - verdict.leaked
    yield say(lang, "ways", votes=count.votes, blind=blind, sighted=verdict.sighted, leaked=verdict.leaked)
    yield say(lang, "ways_sides")
    yield say(lang, "ways_ties", ties=count.ties, both_bad=count.both_bad)
    if verdict.under_way:
        yield say(lang, "under_way", count=verdict.under_way, votes=verdict.votes_under_way)


def _what_may_sway(lang: str, facts: ReportFacts, figures: Figures) -> Iterator[str]:
    bias, agreement = figures.bias, figures.agreement
    for key, share in (("left_wins", bias.left_wins), ("longer_wins", bias.longer_wins)):
        if share.total:
            yield _share(lang, key, share)
    first = min(model.spec.id for model in facts.models)  # splits are of the model whose id comes first
    for name, split in bias.splits.items():
        values = {"more": percent(split.more), "less": percent(split.less)}
        votes = {"more_votes": split.more_votes, "less_votes": split.less_votes}
        yield say(lang, f"split_{name}", model=facts.name(first), **values, **votes)
    yield say(lang, "careless", **{kind: figures.suspicious[kind] for kind in KINDS})
    if bias.consistent.total:
        yield _share(lang, "consistent", bias.consistent)
    if agreement:
        about = {"judgements": agreement.judgements, "units": agreement.units}
        yield say(lang, "agreement", alpha=f"{agreement.alpha:.2f}", **about)
    else:
        yield say(lang, "no_agreement")


def _share(lang: str, key: str, share: Share) -> str:
    return say(lang, key, count=share.count, total=share.total, share=percent(share.value or 0.0))

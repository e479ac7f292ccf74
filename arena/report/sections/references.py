"""What the report rests on: the models' cards and papers, the papers of its statistics, its tools."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from arena.checks import Check
from arena.report.blocks import Block, Cited, Heading, References
from arena.report.facts import ModelFacts, ReportFacts
from arena.report.words import say

BETTING = Cited(
    "I. Waudby-Smith and A. Ramdas. Estimating means of bounded random variables by betting. Journal of the Royal "
    "Statistical Society, Series B 86(1), 1–27, 2024.",
    "https://doi.org/10.1093/jrsssb/qkad009",
)
AGREEMENT = Cited(
    "K. Krippendorff. Computing Krippendorff's alpha-reliability. Annenberg School for Communication, University of "
    "Pennsylvania, 2011.",
    "https://repository.upenn.edu/asc_papers/43",
)
_VEGA_LITE = Cited(
    "A. Satyanarayan, D. Moritz, K. Wongsuphasawat and J. Heer. Vega-Lite: a grammar of interactive graphics. IEEE "
    "Transactions on Visualization and Computer Graphics 23(1), 341–350, 2017.",
    "https://doi.org/10.1109/TVCG.2016.2599030",
)
_LANGID = Cited(
    "M. Lui and T. Baldwin. langid.py: an off-the-shelf language identification tool. Proceedings of the ACL 2012 "
    "System Demonstrations, 25–30.",
    "https://aclanthology.org/P12-3005/",
)
# By the runtime that a model's answers name.
_ENGINES = {
    "transformers": Cited(
        "T. Wolf et al. Transformers: state-of-the-art natural language processing. Proceedings of EMNLP 2020: System "
        "Demonstrations, 38–45.",
        "https://doi.org/10.18653/v1/2020.emnlp-demos.6",
    ),
    "llama.cpp": Cited("llama.cpp: LLM inference in C/C++.", "https://github.com/ggml-org/llama.cpp"),
}


def references(lang: str, facts: ReportFacts, has_figures: bool) -> Iterator[Block]:
    """The numbered list, each work once, if there is anything to cite."""
    works = dict.fromkeys([*_of_models(lang, facts.models), *_of_the_rest(facts, has_figures)])
    if works:
        yield Heading(2, say(lang, "references"))
        yield References(tuple(works))


def numbers_of(lang: str, models: Sequence[ModelFacts], model: ModelFacts) -> str:
    """Which entries are about one of the models, as "[1], [2]"; "" if none is. Theirs come first in the list."""
    works = list(dict.fromkeys(_of_models(lang, models)))
    return ", ".join(f"[{works.index(work) + 1}]" for work in _of_model(lang, model))


def _of_models(lang: str, models: Sequence[ModelFacts]) -> Iterator[Cited]:
    for model in models:
        yield from _of_model(lang, model)


def _of_the_rest(facts: ReportFacts, has_figures: bool) -> Iterator[Cited]:
    if facts.pair:
        yield BETTING
        if facts.figures.agreement and len(facts.figures.pairs) == 1:
            yield AGREEMENT
    for model in facts.models:
        if model.spec.runtime in _ENGINES:
            yield _ENGINES[model.spec.runtime]
    if any(check.kind == "language" for check in _checks(facts)):
        yield _LANGID
    if has_figures:
        yield _VEGA_LITE


def _of_model(lang: str, model: ModelFacts) -> Iterator[Cited]:
    card = model.known.card if model.known else None
    if not model.known or not card:
        return
    developer = card.developer[lang == "en"]
    yield Cited(say(lang, "card_cited", developer=developer, model=model.known.spec.name), card.address)
    if card.paper:
        yield Cited(card.paper, card.paper_address)


def _checks(facts: ReportFacts) -> Iterator[Check]:
    for prompt in facts.prompts:
        for asked in prompt.asked:
            for one in asked:
                yield from one.checks

"""The references: model cards and papers, the papers behind the statistics, and the tools used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from arena.report.blocks import Block, Citation, Heading, References
from arena.report.facts import ModelFacts, ReportFacts
from arena.report.texts import text

BETTING = Citation(
    "I. Waudby-Smith and A. Ramdas. Estimating means of bounded random variables by betting. Journal of the Royal "
    "Statistical Society, Series B 86(1), 1–27, 2024.",
    "https://doi.org/10.1093/jrsssb/qkad009",
)
AGREEMENT = Citation(
    "K. Krippendorff. Computing Krippendorff's alpha-reliability. Annenberg School for Communication, University of "
    "Pennsylvania, 2011.",
    "https://repository.upenn.edu/asc_papers/43",
)
_VEGA_LITE = Citation(
    "A. Satyanarayan, D. Moritz, K. Wongsuphasawat and J. Heer. Vega-Lite: a grammar of interactive graphics. IEEE "
    "Transactions on Visualization and Computer Graphics 23(1), 341–350, 2017.",
    "https://doi.org/10.1109/TVCG.2016.2599030",
)
_LANGID = Citation(
    "M. Lui and T. Baldwin. langid.py: an off-the-shelf language identification tool. Proceedings of the ACL 2012 "
    "System Demonstrations, 25–30.",
    "https://aclanthology.org/P12-3005/",
)
# By the runtime recorded in the answers.
_ENGINES = {
    "transformers": Citation(
        "T. Wolf et al. Transformers: state-of-the-art natural language processing. Proceedings of EMNLP 2020: System "
        "Demonstrations, 38–45.",
        "https://doi.org/10.18653/v1/2020.emnlp-demos.6",
    ),
    "llama.cpp": Citation("llama.cpp: LLM inference in C/C++.", "https://github.com/ggml-org/llama.cpp"),
}


def references(lang: str, facts: ReportFacts, has_figures: bool) -> Iterator[Block]:
    """The numbered list, each work once; nothing if there is nothing to cite."""
    works = dict.fromkeys([*_of_models(lang, facts.models), *_of_the_rest(facts, has_figures)])
    if works:
        yield Heading(2, text(lang, "references"))
        yield References(tuple(works))


def numbers_of(lang: str, models: Sequence[ModelFacts], model: ModelFacts) -> str:
    """The numbers of the entries about one model, as "[1], [2]", or "". Entries about models come first."""
    works = list(dict.fromkeys(_of_models(lang, models)))
    return ", ".join(f"[{works.index(work) + 1}]" for work in _of_model(lang, model))


def _of_models(lang: str, models: Sequence[ModelFacts]) -> Iterator[Citation]:
    for model in models:
        yield from _of_model(lang, model)


def _of_the_rest(facts: ReportFacts, has_figures: bool) -> Iterator[Citation]:
    if facts.pair:
        yield BETTING
        if facts.figures.agreement and len(facts.figures.pairs) == 1:
            yield AGREEMENT
    for model in facts.models:
        if model.spec.runtime in _ENGINES:
            yield _ENGINES[model.spec.runtime]
    if any(check.kind == "language" for index in (0, 1) for check in facts.checks(index)):
        yield _LANGID
    if has_figures:
        yield _VEGA_LITE


def _of_model(lang: str, model: ModelFacts) -> Iterator[Citation]:
    card = model.known.card if model.known else None
    if not model.known or not card:
        return
    developer = card.developer[lang == "en"]
    yield Citation(text(lang, "card_cited", developer=developer, model=model.known.spec.name), card.address)
    if card.paper:
        yield Citation(card.paper, card.paper_address)

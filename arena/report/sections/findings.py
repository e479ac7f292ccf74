"""The cover and the contents, the summary, strengths and weaknesses, the conclusion, and the limits of the votes."""

from collections.abc import Iterator

from arena.checks import describe
from arena.report.blocks import Block, Bullets, Contents, Cover, Heading
from arena.report.facts import COVER_FIELDS, Details, ModelFacts, ReportFacts
from arena.report.texts import duration
from arena.results.sentences import caveats, excluded_lines, is_explained_away, joined, mixture_lines, sentence, short
from arena.results.texts import dimension_name
from arena.results.verdict import Basis, Conclusion, conclude
from arena.statistics import PairCount
from arena.statistics.decision import Outcome
from arena.translations import listed, percent


def opening(facts: ReportFacts, title: str, details: Details) -> Iterator[Block]:
    """The cover with the fields that are filled in, and the table of contents."""
    above, *rows = ((facts.text(name), getattr(details, name)) for name in COVER_FIELDS)
    yield Cover(title, above[1], tuple(row for row in rows if row[1]))
    yield Contents(facts.text("contents"))


def summary(facts: ReportFacts) -> Iterator[str]:
    """What was compared and the results, with their counts."""
    first, second = facts.models
    yield facts.text("scope", prompts=len(facts.prompts), answers=len(first.answers) + len(second.answers))
    if facts.others:
        values = {"reason": facts.text(f"reason_{facts.reason}"), "section": facts.text("all_models")}
        yield facts.text("many", count=len(facts.models) + len(facts.others), **values)
    yield from _verdict_lines(facts)
    if facts.pair:
        yield facts.text("overall", **count_fields(facts.overall))
    if times := _times(facts):
        yield times
    passed_first, checks_first, passed_second, checks_second = *_passed(facts, 0), *_passed(facts, 1)
    if checks_first or checks_second:
        numbers = {"passed_first": passed_first, "checks_first": checks_first}
        yield facts.text("checks_passed", **numbers, passed_second=passed_second, checks_second=checks_second)


def _passed(facts: ReportFacts, index: int) -> tuple[int, int]:
    """How many checks the answers of a model passed, and of how many."""
    checks = facts.checks(index)
    return sum(check.passed for check in checks), len(checks)


def _verdict_lines(facts: ReportFacts) -> Iterator[str]:
    """The verdict as on the page, with possible biases and how robust it is; or that there are no votes."""
    if facts.pair is None:
        yield no_votes(facts)
        yield from excluded_lines(facts.lang, facts.figures.excluded)
        return
    yield sentence(facts.lang, facts.pair.verdict, facts.name)
    mixtures = (mixture for mixture in facts.figures.mixtures if mixture.model in facts.pair.count.models)
    yield from mixture_lines(facts.lang, mixtures, facts.name)
    yield from excluded_lines(facts.lang, facts.figures.excluded)
    yield from caveats(facts.lang, facts.pair.verdict, facts.name)


def no_votes(facts: ReportFacts) -> str:
    """That nobody has voted on these two models."""
    return facts.text("no_votes_pair" if facts.figures.votes else "no_votes")


def count_fields(count: PairCount) -> dict[str, int]:
    """The numbers for sentences about votes."""
    return {
        "votes": count.votes,
        "wins": count.first_wins,
        "losses": count.second_wins,
        "ties": count.ties,
        "both_bad": count.both_bad,
    }


def _times(facts: ReportFacts) -> str:
    first, second = facts.models
    if not first.seconds or not second.seconds:
        return ""
    times = {"seconds_first": duration(facts.lang, sum(first.seconds)), "timed_first": len(first.seconds)}
    times |= {"seconds_second": duration(facts.lang, sum(second.seconds)), "timed_second": len(second.seconds)}
    line = facts.text("times", **times)
    faster, slower = _by_speed(facts) or (first, first)
    ratio = f"{sum(slower.seconds) / sum(faster.seconds):.1f}" if sum(faster.seconds) else "1.0"
    if ratio == "1.0":
        return line
    return joined(facts.lang, line, facts.text("times_ratio", slower=slower.name, faster=faster.name, ratio=ratio))


def _by_speed(facts: ReportFacts) -> tuple[ModelFacts, ModelFacts] | None:
    """The faster and the slower model; None if their means read the same or are of different numbers of answers."""
    if len({len(model.seconds) for model in facts.models}) > 1 or not facts.models[0].seconds:
        return None
    faster, slower = sorted(facts.models, key=lambda model: sum(model.seconds))
    same = duration(facts.lang, faster.mean_seconds) == duration(facts.lang, slower.mean_seconds)
    return None if same else (faster, slower)


def assessment(facts: ReportFacts) -> Iterator[Block]:
    """Strengths and weaknesses of both models, and which to use."""
    yield Heading(2, facts.text("assessment"))
    parts = [
        (facts.text(key, model=model.name), _points(facts, index, is_better))
        for index, model in enumerate(facts.models)
        for key, is_better in (("strengths", True), ("weaknesses", False))
    ]
    for title, lines in (*parts, (facts.text("fit"), _fit(facts))):
        yield Heading(3, title)
        yield Bullets(tuple(lines) or (facts.text("nothing_supported"),))


def _points(facts: ReportFacts, index: int, is_better: bool) -> Iterator[str]:
    """The points for a model (`is_better`) or against it, by votes, checks and speed."""
    yield from _by_votes(facts, index, is_better)
    yield from _by_checks(facts, index, is_better)
    own, other = facts.models[index], facts.models[1 - index]
    if _by_speed(facts) == ((own, other) if is_better else (other, own)):
        mean, others = (duration(facts.lang, model.mean_seconds) for model in (own, other))
        yield facts.text("is_faster" if is_better else "is_slower", mean=mean, other=others)


def _is_supported(facts: ReportFacts, part: Conclusion) -> bool:
    """Whether to rely on what the votes say of a dimension or criterion, which is not checked for bias itself."""
    if not facts.pair:
        return False
    verdict = facts.pair.verdict
    is_unbiased = not verdict.swayed_by or (part == verdict.conclusion and not is_explained_away(verdict))
    return verdict.basis is Basis.BLIND and is_unbiased


def _by_votes(facts: ReportFacts, index: int, is_better: bool) -> Iterator[str]:
    """Dimensions and criteria in which raters prefer one of the models, if nothing but its answers explains it."""
    ahead = facts.models[index if is_better else 1 - index].spec.id
    if not facts.pair or not _is_supported(facts, Conclusion(Outcome.PREFERRED, ahead)):
        return
    own = facts.pair.seen_from(facts.models[index].spec.id)
    for name, numbers in own.dimensions.items():
        if numbers.prefers_first is is_better:
            share = percent(numbers.share or 0.0)
            yield facts.text("ahead", dimension=dimension_name(facts.lang, name), share=share, raters=numbers.raters)
    for name, criterion in own.criteria.items():
        if criterion.numbers.prefers_first is is_better:
            yield facts.text("ahead_criterion", criterion=facts.text(name), **vars(criterion))


def _by_checks(facts: ReportFacts, index: int, is_better: bool) -> Iterator[str]:
    (passed, checks), (other_passed, others) = _passed(facts, index), _passed(facts, 1 - index)
    # Compares the two shares by products, since either model may have no checks.
    if is_better and passed and passed * others >= other_passed * checks:
        yield facts.text("check_good", passed=passed, checks=checks)
    for prompt in facts.prompts if not is_better else ():
        for check in dict.fromkeys(check for run in prompt.runs[index] for check in run.checks if not check.passed):
            yield facts.text("check_failed", prompt=prompt.prompt.title[facts.lang], check=describe(facts.lang, check))


def _fit(facts: ReportFacts) -> Iterator[str]:
    for name, numbers in facts.pair.dimensions.items() if facts.pair else ():
        conclusion = conclude(numbers, *(model.spec.id for model in facts.models))
        keys = {Outcome.PREFERRED: "fit_preferred", Outcome.ALIKE: "fit_alike"}
        key = keys.get(conclusion.outcome, "fit_open") if _is_supported(facts, conclusion) else "fit_open"
        values = {"said": short(facts.lang, conclusion, facts.name), "raters": numbers.raters}
        model = facts.name(conclusion.preferred) if conclusion.preferred else ""
        yield facts.text(key, dimension=dimension_name(facts.lang, name), model=model, **values)
    if models := _by_speed(facts):
        mean, other = (duration(facts.lang, model.mean_seconds) for model in models)
        yield facts.text("fit_speed", model=models[0].name, mean=mean, other=other)


def conclusion(facts: ReportFacts) -> Iterator[str]:
    """The verdict again, and the prompts it applies to."""
    yield from _verdict_lines(facts)
    if facts.pair and facts.pair.verdict.prompts:
        yield facts.text("one_prompt_set", prompts=facts.pair.verdict.prompts)


def limits(facts: ReportFacts) -> Iterator[str]:
    """What the votes do not show."""
    runs = max((len(runs) for prompt in facts.prompts for runs in prompt.runs), default=0)
    yield facts.text("limit_prompts", prompts=len(facts.prompts))
    yield facts.text("limit_runs", runs=runs)
    if facts.pair:
        yield facts.text("limit_raters")
        if not facts.figures.repeats:
            yield facts.text("limit_no_repeats")
        yield facts.text("limit_preference", **count_fields(facts.overall))
    if any(map(facts.checks, (0, 1))):
        yield facts.text("limit_checks")
    if any(model.seconds for model in facts.models):
        yield facts.text("limit_times")
    log = facts.figures.left_out
    if log.unreadable or log.duplicates or log.withdrawn:
        yield facts.text("limit_rows", **{**vars(log), "unreadable": len(log.unreadable)})
    if log.damaged:
        yield facts.text("limit_damaged", damaged=len(log.damaged))
    if facts.elsewhere:
        yield facts.text("limit_elsewhere", elsewhere=facts.elsewhere)
    if facts.left_out:
        yield facts.text("limit_others", models=listed(facts.lang, facts.left_out))

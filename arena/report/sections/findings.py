"""The cover and the contents, the summary, strengths and weaknesses, the conclusion, and the limits of the votes."""

from collections.abc import Iterator

from arena.checks import describe
from arena.report.blocks import Block, Bullets, Contents, Cover, Heading
from arena.report.facts import COVER_FIELDS, Details, ReportFacts
from arena.report.texts import duration, text
from arena.results.sentences import explanations, joined, mixture_lines, robustness, sentence, short
from arena.results.texts import dimension_name
from arena.results.verdict import conclude
from arena.statistics import PairCount
from arena.statistics.decision import Outcome
from arena.translations import listed, percent


def title_of(lang: str, facts: ReportFacts, details: Details) -> str:
    """The author's title, or else one from the names of the models."""
    return details.title or text(lang, "title", **facts.names)


def opening(lang: str, facts: ReportFacts, details: Details) -> Iterator[Block]:
    """The cover with the fields that are filled in, and the table of contents."""
    filled = [name for name in COVER_FIELDS if name != "university" and getattr(details, name)]
    rows = tuple((text(lang, name), getattr(details, name)) for name in filled)
    yield Cover(title_of(lang, facts, details), details.university, rows)
    yield Contents(text(lang, "contents"))


def summary(lang: str, facts: ReportFacts) -> Iterator[str]:
    """What was compared and the results, with their counts."""
    first, second = facts.models
    yield text(lang, "scope", prompts=len(facts.prompts), answers=first.answers + second.answers, **facts.names)
    if facts.others:
        values = {"reason": text(lang, f"reason_{facts.reason}"), "section": text(lang, "all_models")}
        yield text(lang, "many", count=len(facts.models) + len(facts.others), **values)
    if facts.pair:
        yield from verdict_lines(lang, facts)
        yield text(lang, "overall", **count_fields(facts.overall), **facts.names)
    else:
        yield text(lang, "no_votes")
    if times := _times(lang, facts):
        yield times
    checks = [facts.checks(index) for index in (0, 1)]
    if any(checks):
        passed = [sum(check.passed for check in own) for own in checks]
        numbers = {"passed_first": passed[0], "checks_first": len(checks[0])}
        numbers |= {"passed_second": passed[1], "checks_second": len(checks[1])}
        yield text(lang, "checks_passed", **numbers, **facts.names)


def verdict_lines(lang: str, facts: ReportFacts) -> Iterator[str]:
    """The verdict as on the page, with possible biases and how robust it is."""
    if facts.pair:
        verdict = facts.pair.verdict
        yield sentence(lang, verdict, facts.name)
        mixtures = (mixture for mixture in facts.figures.mixtures if mixture.model in facts.pair.count.models)
        yield from mixture_lines(lang, mixtures, facts.name)
        yield from explanations(lang, verdict, facts.name)
        yield from robustness(lang, verdict, facts.name)


def count_fields(count: PairCount) -> dict[str, int]:
    """The numbers for sentences about votes."""
    return {
        "votes": count.votes,
        "wins": count.first_wins,
        "losses": count.second_wins,
        "ties": count.ties,
        "both_bad": count.both_bad,
    }


def _times(lang: str, facts: ReportFacts) -> str:
    first, second = facts.models
    if first.seconds is None or second.seconds is None:
        return ""
    seconds = {"seconds_first": duration(lang, first.seconds), "seconds_second": duration(lang, second.seconds)}
    line = text(lang, "times", timed_first=first.timed, timed_second=second.timed, **seconds, **facts.names)
    faster, slower = (first, second) if first.seconds <= second.seconds else (second, first)
    # Totals over different numbers of answers cannot be compared.
    if first.timed != second.timed or not faster.seconds or not slower.seconds:
        return line
    ratio = f"{slower.seconds / faster.seconds:.1f}"
    return joined(lang, line, text(lang, "times_ratio", slower=slower.name, faster=faster.name, ratio=ratio))


def assessment(lang: str, facts: ReportFacts) -> Iterator[Block]:
    """Strengths and weaknesses of both models, and which to use."""
    yield Heading(2, text(lang, "assessment"))
    for index, model in enumerate(facts.models):
        for key, is_better in (("strengths", True), ("weaknesses", False)):
            yield Heading(3, text(lang, key, model=model.name))
            lines = tuple(_points(lang, facts, index, is_better))
            yield Bullets(lines or (text(lang, "nothing_supported"),))
    yield Heading(3, text(lang, "fit"))
    yield Bullets(tuple(_fit(lang, facts)) or (text(lang, "nothing_supported"),))


def _points(lang: str, facts: ReportFacts, index: int, is_better: bool) -> Iterator[str]:
    """The points for a model (`is_better`) or against it, by votes, checks and speed."""
    yield from _by_votes(lang, facts, index, is_better)
    yield from _by_checks(lang, facts, index, is_better)
    own, other = facts.models[index].mean_seconds, facts.models[1 - index].mean_seconds
    if own is not None and other is not None and own != other and (own < other) == is_better:
        key = "is_faster" if is_better else "is_slower"
        yield text(lang, key, mean=duration(lang, own), other=duration(lang, other))


def _by_votes(lang: str, facts: ReportFacts, index: int, is_better: bool) -> Iterator[str]:
    """Dimensions and criteria in which raters prefer one of the models."""
    if not facts.pair:
        return
    own = facts.pair.seen_from(facts.models[index].spec.id)
    for name, numbers in own.dimensions.items():
        if numbers.prefers_first is is_better and numbers.share is not None:
            values = {"share": percent(numbers.share), "raters": numbers.raters}
            yield text(lang, "ahead", dimension=dimension_name(lang, name), **values)
    for name, criterion in own.criteria.items():
        if criterion.numbers.prefers_first is is_better:
            values = {"wins": criterion.wins, "losses": criterion.losses}
            yield text(lang, "ahead_criterion", criterion=text(lang, name), **values)


def _by_checks(lang: str, facts: ReportFacts, index: int, is_better: bool) -> Iterator[str]:
    own, other = facts.checks(index), facts.checks(1 - index)
    passed, other_passed = (sum(check.passed for check in checks) for checks in (own, other))
    # Compares the two shares by products, since either model may have no checks.
    if is_better and passed and passed * len(other) >= other_passed * len(own):
        yield text(lang, "check_good", passed=passed, checks=len(own))
    for prompt in facts.prompts if not is_better else ():
        failed = [check for run in prompt.runs[index] for check in run.checks if not check.passed]
        for check in dict.fromkeys(failed):
            yield text(lang, "check_failed", prompt=prompt.prompt.title[lang], check=describe(lang, check))


def _fit(lang: str, facts: ReportFacts) -> Iterator[str]:
    for name, numbers in facts.pair.dimensions.items() if facts.pair else ():
        conclusion = conclude(numbers, *(model.spec.id for model in facts.models))
        key = {Outcome.PREFERRED: "fit_preferred", Outcome.ALIKE: "fit_alike"}.get(conclusion.outcome, "fit_open")
        values = {"said": short(lang, conclusion, facts.name), "raters": numbers.raters}
        model = facts.name(conclusion.preferred) if conclusion.preferred else ""
        yield text(lang, key, dimension=dimension_name(lang, name), model=model, **values)
    timed = [(model.mean_seconds, model.name) for model in facts.models if model.mean_seconds is not None]
    if len(timed) == 2 and timed[0][0] != timed[1][0]:
        (faster, name), (slower, _) = sorted(timed)
        yield text(lang, "fit_speed", model=name, mean=duration(lang, faster), other=duration(lang, slower))


def conclusion(lang: str, facts: ReportFacts) -> Iterator[str]:
    """The verdict again, and the prompts it applies to."""
    yield from verdict_lines(lang, facts) if facts.pair else [text(lang, "no_votes")]
    yield text(lang, "one_prompt_set", prompts=len(facts.prompts))


def limits(lang: str, facts: ReportFacts) -> Iterator[str]:
    """What the votes do not show."""
    runs = max((len(runs) for prompt in facts.prompts for runs in prompt.runs), default=0)
    yield text(lang, "limit_prompts", prompts=len(facts.prompts))
    yield text(lang, "limit_runs", runs=runs)
    if facts.pair:
        yield text(lang, "limit_raters")
        if not facts.figures.repeats:
            yield text(lang, "limit_no_repeats")
        yield text(lang, "limit_preference", **count_fields(facts.overall))
    if facts.checks(0) or facts.checks(1):
        yield text(lang, "limit_checks")
    if any(model.seconds is not None for model in facts.models):
        yield text(lang, "limit_times")
    log = facts.figures.left_out
    if log.unreadable or log.duplicates or log.withdrawn:
        numbers = {"unreadable": len(log.unreadable), "duplicates": log.duplicates, "withdrawn": log.withdrawn}
        yield text(lang, "limit_rows", **numbers)
    if log.damaged:
        yield text(lang, "limit_damaged", damaged=len(log.damaged))
    if facts.elsewhere:
        yield text(lang, "limit_elsewhere", elsewhere=facts.elsewhere)
    if facts.left_out:
        yield text(lang, "limit_others", models=listed(lang, facts.left_out))

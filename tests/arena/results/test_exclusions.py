"""Raters who are excluded: for which reasons, what page and API say of them, and the host who counts them."""

import random
from dataclasses import replace

import pytest
from sim_logs import raters
from vote_samples import make_side

from arena.errors import InputError
from arena.events import CROWDED, EventLog
from arena.judging.withdrawals import Withdrawals
from arena.results.compute import compute
from arena.results.exclusions import FEWEST_TOO_FAST
from arena.results.figures import as_json
from arena.results.selection import Filters
from arena.results.sentences import first_sentences
from arena.results.service import ResultsService
from arena.statistics.decision import Outcome
from arena.types import Battle, Vote, Winner
from arena.votes import VoteLog
from arena.votes.imported.sources import ImportedFiles
from arena.votes.store import VoteStore


def votes_with(dwells, judge="rater", language="English"):
    """One rater's votes on answers of 2,000 characters each, which nobody reads within 20 seconds."""
    sides = [make_side(model, "x" * 2000) for model in ("qwen", "glm")]
    return [
        Vote(
            f"{judge}-{number}",
            Battle(f"{judge}-{number}", "Why?", *sides, f"q{number}", blind=True, source="recorded"),
            (Winner.MODEL_A, Winner.MODEL_B)[number % 2],
            judge,
            1.7e9 + number,
            language,
            dwell=dwell,
        )
        for number, dwell in enumerate(dwells)
    ]


@pytest.mark.parametrize(
    ("dwells", "excluded"),
    [
        ([19.9] * FEWEST_TOO_FAST, True),
        ([19.9] * (FEWEST_TOO_FAST - 1), False),
        ([20.0] * 8, False),
        ([None] * 8, False),  # unknown
        ([1.0] * 6 + [60.0] * 2, True),
        ([1.0] * 5 + [60.0] * 3, False),
    ],
)
def test_a_rater_is_too_fast_with_three_of_four_votes_faster_than_reading(figures, dwells, excluded):
    result = figures([*votes_with(dwells), *votes_with([60.0] * 4, "careful")])
    assert [(item.key, item.reason, item.votes) for item in result.excluded] == (
        [("rater", "too_fast", len(dwells))] if excluded else []
    )
    assert result.votes == 4 + (0 if excluded else len(dwells)) and result.raters == (1 if excluded else 2)


def test_votes_on_short_answers_prove_no_haste(figures):
    votes = [
        replace(vote, battle=replace(vote.battle, a=make_side("qwen", "x" * 199), b=make_side("glm", "x" * 200)))
        for vote in votes_with([0.0] * 8)
    ]
    assert not figures(votes).excluded and figures(votes).suspicious["too_fast"] == 8


def test_votes_without_a_rater_are_excluded_for_no_rater(figures):
    assert not figures(votes_with([0.1] * 8, judge="")).excluded


@pytest.fixture
def folder(tmp_path):
    """Twelve honest raters who prefer qwen, and a crowd of forty for glm behind one address."""
    draw = random.Random(3)
    with VoteLog(tmp_path / "votes.csv") as log, EventLog(tmp_path) as events:
        for vote in raters(draw, range(12), 0.95):
            log.append(vote)
        for vote in raters(draw, range(100, 140), 0.0):
            log.append(vote)
        for number in range(100, 140):
            events.append(CROWDED, judge=f"judge-{number}", crowd="crowd-1")
    return tmp_path


def read(folder, filters=Filters()):  # noqa: B008
    return compute(VoteStore(folder).refresh(), filters, now=2e9)


def test_a_crowd_is_excluded_counted_in_every_form_and_counts_again_when_the_host_says_so(folder):
    store, service = VoteStore(folder), ResultsService(VoteStore(folder))
    before = service.figures()
    assert before.pairs[0].verdict.preferred == "qwen" and before.votes == 72
    assert as_json(before)["excluded"] == {
        "raters": 40,
        "votes": 240,
        "reasons": {"one_address": 40, "too_fast": 0},
        "included": 0,
    }
    line = "Excluded raters: 40 (240 votes). Too many from one address: 40; faster than reading: 0."
    assert line in first_sentences("en", before)
    assert any("未计入的投票者：40 位（240 票）" in line for line in first_sentences("zh", before))
    with EventLog(folder) as events:
        host = Withdrawals(store, events, str, lambda address: None)
        host.include("crowd-1", True)
        after = service.figures()
        assert after.pairs[0].verdict.outcome is Outcome.RATERS_CHANGED and after.votes == 312
        assert as_json(after)["excluded"] | {"reasons": None} == {
            "raters": 0,
            "votes": 0,
            "reasons": None,
            "included": 40,
        }
        assert "Raters whom the host counts although one of these applies: 40." in first_sentences("en", after)
        host.include("crowd-1", False)
        again = service.figures()
    assert as_json(again) == as_json(before)
    # The command reads the same from files.
    assert as_json(compute(VoteStore(ImportedFiles([folder / "votes.csv"])).refresh(), now=2e9)) == as_json(before)


def test_exclusions_are_counted_among_the_votes_that_pass_the_filters(folder):
    assert read(folder, Filters(room="ABCDEF")).excluded == ()
    assert sum(item.votes for item in read(folder, Filters(blind=True)).excluded) == 240


def test_where_all_are_excluded_the_page_says_so(tmp_path):
    with VoteLog(tmp_path / "votes.csv") as log:
        for vote in votes_with([0.1] * 8):
            log.append(vote)
    result = read(tmp_path)
    assert result.votes == 0 and any(
        line.startswith("Excluded raters: 1 (8 votes)") for line in first_sentences("en", result)
    )


def test_a_decision_that_cannot_be_written_is_an_error(tmp_path):
    class Full:
        def append(self, kind, durable=False, **about):
            raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="NOT saved: No space left"):
        Withdrawals(VoteStore(tmp_path), Full(), str, lambda address: None).include("rater", True)


def test_a_verdict_that_a_tenth_of_the_raters_can_make_is_not_called(figures):
    firm = figures(raters(random.Random(9), range(40), 0.9))
    assert firm.pairs[0].verdict.outcome is Outcome.PREFERRED
    assert "Decided. No more votes are needed." in first_sentences("en", firm)
    # 100 raters are split; eleven more always vote for qwen.
    fans = [replace(vote, judge=f"fan {vote.judge}") for vote in raters(random.Random(1), range(100, 111), 1.0)]
    for seed in range(100):
        result = figures([*raters(random.Random(seed), range(100), 0.5), *fans])
        verdict = result.pairs[0].verdict
        assert verdict.outcome in (Outcome.NOT_YET, Outcome.RATERS_CHANGED)
        if verdict.numbers.is_fragile:
            break
    else:
        raise AssertionError("no class whose interval the eleven move beyond one half")
    words = "7 of the 111 raters, such as people who know a model by its style, could account for this difference"
    said = first_sentences("en", result)
    assert said[0].startswith("Too early to call between qwen and glm.") and words in said[0]
    assert "111 位投票者中只要有 7 位另有偏向" in first_sentences("zh", result)[0]
    assert not any("Decided" in line for line in said)
    assert as_json(result)["verdict"]["preferred"] is None and result.models[0].worst_rank == 2

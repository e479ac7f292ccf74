"""Which models a blind battle is drawn from: by need, with a floor, and with the probability that it had."""

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from vote_samples import log_path, read_votes, vote_between

from arena.backend import LoadState
from arena.chat import Chat
from arena.errors import ErrorInfo, InputError
from arena.judging.ballots import Ballots, Judgement
from arena.judging.draw import FLOOR, REFRESH_SECONDS, RETRY_SECONDS, TO_LOAD, PairDraw, missing_votes, wanted_shares
from arena.judging.live import LiveBattles
from arena.roster import Roster
from arena.types import SideName, Winner
from arena.votes import VoteLog

WINNERS = list(Winner)


@pytest.fixture
def roster_of(saying):
    return lambda count: Roster([saying(f"I am {number}.", id=f"m{number}") for number in range(count)])


def chances_of(roster):
    return PairDraw(roster)._probabilities({backend.spec.id: backend for backend in roster})


def beats(better, worse, start, raters=60):
    return [vote_between(start + number, better, worse, Winner.MODEL_A, judge=f"j{number}") for number in range(raters)]


def test_without_votes_every_pair_is_alike_on_both_sides(roster_of):
    draw = PairDraw(roster_of(3), chance=Random(1))
    drawn = [draw.draw() for _ in range(600)]
    assert drawn[0][1] == pytest.approx(1 / 3)
    counts = Counter(tuple(backend.spec.id for backend in pair.values()) for pair, _ in drawn)
    assert len(counts) == 6 and min(counts.values()) > 80
    assert all(list(pair) == list(SideName) for pair, _ in drawn)


def test_of_two_models_the_pair_is_certain_and_no_vote_is_read(roster_of):
    def figures():
        raise AssertionError

    assert PairDraw(roster_of(2), figures).draw()[1] == 1.0


def test_models_whose_order_is_clear_meet_only_by_the_floor(figures):
    votes = [*beats("m0", "m1", 0), *beats("m0", "m2", 100)]
    result = figures(votes)
    assert {each.model: (each.best_rank, each.worst_rank) for each in result.models} == {
        "m0": (1, 1),
        "m1": (2, 3),
        "m2": (2, 3),
    }
    shares = wanted_shares(("m0", "m1", "m2"), result)
    assert shares == pytest.approx(
        {("m0", "m1"): FLOOR / 3, ("m0", "m2"): FLOOR / 3, ("m1", "m2"): FLOOR / 3 + 1 - FLOOR}
    )
    # A model without votes may have every rank: of 3 with votes and itself, rank 1 to 4.
    shares = wanted_shares(("m0", "m1", "m2", "m3"), result)
    assert shares["m1", "m3"] == shares["m2", "m3"] > shares["m0", "m3"] > shares["m0", "m1"] == FLOOR / 6


def test_the_pair_with_the_fewest_blind_votes_lacks_most(figures):
    votes = [vote_between(number, "m0", "m1", WINNERS[number % 2]) for number in range(6)]
    votes += [vote_between(number, "m2", "m0", WINNERS[number % 2]) for number in range(10, 14)]
    named = [vote_between(number, "m1", "m2", Winner.TIE) for number in range(20, 40)]
    votes += [replace(vote, battle=replace(vote.battle, blind=False)) for vote in named]
    # 10 votes and 3 more: 4 1/3 for each.
    assert missing_votes(("m0", "m1", "m2"), figures(votes), {}) == pytest.approx(
        {("m0", "m1"): 0.0, ("m0", "m2"): 1 / 3, ("m1", "m2"): 13 / 3}
    )


def test_loaded_models_come_more_often_and_failed_ones_by_the_floor(roster_of):
    roster = roster_of(4)
    roster["m2"].load_state = LoadState(ready=False)
    roster["m3"].load_state = LoadState(ready=False, error=ErrorInfo("load_failed", "It failed.", {}))
    chances = chances_of(roster)
    even, rest = FLOOR / 6, (1 - FLOOR) / (1 + 2 * TO_LOAD)
    assert chances["m0", "m1"] == pytest.approx(even + rest)
    assert chances["m0", "m2"] == chances["m1", "m2"] == pytest.approx(even + rest * TO_LOAD)
    assert all(chances[ids] == pytest.approx(even) for ids in chances if "m3" in ids)
    for backend in roster:
        backend.load_state = LoadState(ready=False, error=ErrorInfo("load_failed", "It failed.", {}))
    assert list(chances_of(roster).values()) == pytest.approx([1 / 6] * 6)


def test_votes_that_cannot_be_read_do_not_keep_anybody_from_asking(roster_of):
    def unreadable():
        raise InputError("votes_unreadable", "No.")

    assert PairDraw(roster_of(3), unreadable).draw()[1] == pytest.approx(1 / 3)


def test_not_every_battle_waits_for_results_that_are_not_ready(roster_of):
    asked, clock = [], [0.0]
    draw = PairDraw(roster_of(3), lambda: asked.append(clock[0]), clock=lambda: clock[0])
    for clock[0] in (0.0, RETRY_SECONDS / 2, RETRY_SECONDS, RETRY_SECONDS * 1.5, RETRY_SECONDS * 2):
        draw.draw()
    assert asked == [0.0, RETRY_SECONDS, RETRY_SECONDS * 2]


def test_the_last_figures_are_used_while_new_ones_are_not_ready(roster_of, figures):
    ready = iter([figures([*beats("m0", "m1", 0), *beats("m0", "m2", 100)]), None])
    clock = iter([0.0, 0.0, REFRESH_SECONDS])
    draw = PairDraw(roster_of(3), lambda: next(ready), Random(1), lambda: next(clock))
    for _ in range(2):
        assert draw.draw()[1] in (FLOOR / 3, FLOOR / 3 + 1 - FLOOR)
    assert not list(ready)


@pytest.mark.parametrize("seed", range(3))
def test_many_battles_cover_all_pairs_as_needed(roster_of, figures, seed):
    """Eight models of equal strength, one of which is seldom loaded: every pair gets its share within 20%."""
    roster, chance, votes = roster_of(8), Random(seed), []
    roster["m7"].load_state = LoadState(ready=False)
    # A vote a second; of many seconds, results are ready only in some.
    draw = PairDraw(roster, lambda: None if len(votes) % 400 else figures(votes), chance, lambda: float(len(votes)))
    for number in range(1120):
        a, b = (backend.spec.id for backend in draw.draw()[0].values())
        votes.append(vote_between(number, a, b, chance.choice(WINNERS), judge=f"j{number % 200}"))
    counts = Counter(frozenset((vote.battle.a.model.id, vote.battle.b.model.id)) for vote in votes)
    assert len(counts) == 28 and all(count == pytest.approx(40, rel=0.2) for count in counts.values())


def test_each_pair_comes_as_often_as_its_probability_says(roster_of):
    """Six thousand draws, each from the same state: a new drawer."""
    roster = roster_of(4)
    roster["m3"].load_state = LoadState(ready=False)
    chance, counts, chances = Random(5), Counter(), {}
    for _ in range(6000):
        pair, probability = PairDraw(roster, chance=chance).draw()
        ids = frozenset(backend.spec.id for backend in pair.values())
        chances[ids] = probability
        counts[ids] += 1
    assert sum(chances.values()) == pytest.approx(1.0)
    for ids, probability in chances.items():
        assert counts[ids] == pytest.approx(6000 * probability, rel=0.1)


def test_the_probability_is_written_with_every_vote_of_a_blind_battle(roster_of, tmp_path):
    roster = roster_of(4)
    with VoteLog(log_path(tmp_path)) as log:
        live = LiveBattles(PairDraw(roster), Ballots(log))
        list(live.ask("tab", "judge", "Why?"))
        turns = live.turns("tab")
        moved = LiveBattles(PairDraw(roster_of(6)), Ballots(log))
        # After a restart with more models the battle keeps its models and what was known when they were drawn.
        moved.restore("tab", "judge", turns)
        list(moved.ask("tab", "judge", "And why not?", again=True))
        moved.cast("tab", "judge", Judgement("tie"))
        named = Chat(roster.first, Ballots(log).offer)
        *_, battle = named.ask("Why?")
    (vote,) = read_votes(tmp_path)
    assert vote.battle.pair_probability == pytest.approx(1 / 6) and battle.pair_probability is None

"""arena-rank and FastChat on the exports, each in an environment of its own; part of `make test-extra`.

The numbers that are expected stand in tests/helpers/export_votes.py.
"""

from __future__ import annotations

import json
import math
import random
import subprocess
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from environments import python_with
from export_votes import GLM, QWEN, SMALL, counted_votes, elo, stored_votes, write_exports
from served_app import ROOT
from vote_samples import vote_between

from arena.exports.formats import pairs_csv
from arena.results.compute import compute
from arena.types import Side, Winner
from arena.votes import VoteLog
from arena.votes.records import StoredVote
from arena.votes.rows import to_row
from arena.votes.store import VoteStore

pytestmark = pytest.mark.extra
RANKERS = ROOT / "tests" / "rankers"
POINTS = {Winner.MODEL_A: 1.0, Winner.MODEL_B: 0.0, Winner.TIE: 0.5, Winner.BOTH_BAD: 0.5}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_exports(tmp_path_factory.mktemp("exports"))


def run(job: str, requirements: str, folder: Path, *sources: Path) -> dict[str, Any]:
    """What the job found in the sources, run in an environment with these requirements."""
    result = folder / "result.json"
    command = [python_with(RANKERS / requirements), RANKERS / job, *sources, result]
    subprocess.run([str(part) for part in command], cwd=folder, check=True)
    results: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return results


def points_apart(wins: float, losses: float) -> float:
    """The Bradley-Terry distance on Elo's scale of two models of which one meets nobody else."""
    return 400 * math.log10(wins / losses)


def test_arena_rank_sees_and_rates_every_vote(out: Path, tmp_path: Path) -> None:
    sources = out / "votes.csv", out / "pairs.csv"
    results = run("arena_rank_job.py", "requirements-arena-rank.txt", tmp_path, *sources)
    # votes.csv has the vote on a repeated battle as well: one more loss of qwen.
    for name, votes, losses in (("votes", stored_votes(), 4), ("pairs", counted_votes(), 3)):
        seen = {(a, b, points): count for a, b, points, count in results[name]["seen"]}
        assert seen == Counter((v.battle.a.model.id, v.battle.b.model.id, POINTS[v.winner]) for v in votes)
        ratings = results[name]["ratings"]
        assert ratings[QWEN] - ratings[GLM] == pytest.approx(points_apart(7, losses), abs=0.1)
        assert ratings[GLM] - ratings[SMALL] == pytest.approx(points_apart(5, 3), abs=0.1)
        lower, upper = results[name]["rating_lower"], results[name]["rating_upper"]
        assert all(lower[model] < ratings[model] < upper[model] for model in (QWEN, GLM, SMALL))


def test_our_ratings_are_arena_ranks(tmp_path: Path) -> None:
    draw, strength = random.Random(7), {"w": 0.0, "x": 0.4, "y": 0.8, "z": 1.5}
    with VoteLog(tmp_path / "votes.csv") as log, pairs_csv(tmp_path / "pairs.csv") as add_pair:
        for number in range(400):
            a, b = draw.sample(sorted(strength), 2)
            a_wins = draw.random() < 1 / (1 + math.exp(strength[b] - strength[a]))
            winner = draw.choice([*[Winner.MODEL_A if a_wins else Winner.MODEL_B] * 6, Winner.TIE, Winner.BOTH_BAD])
            vote = vote_between(number, a, b, winner, "q")
            log.append(vote)
            add_pair(StoredVote(to_row(vote)))
    sources = tmp_path / "votes.csv", tmp_path / "pairs.csv"
    theirs = run("arena_rank_job.py", "requirements-arena-rank.txt", tmp_path, *sources)["votes"]
    ours = {model.model: model for model in compute(VoteStore(tmp_path).refresh()).models}
    for item, other in combinations(strength, 2):
        apart = theirs["ratings"][item] - theirs["ratings"][other]
        assert ours[item].rating.value - ours[other].rating.value == pytest.approx(apart, abs=0.1)
    for model, results in ours.items():
        # Theirs takes each vote as independent, ours each rater.
        width = theirs["rating_upper"][model] - theirs["rating_lower"][model]
        assert results.rating.high - results.rating.low == pytest.approx(width, rel=0.3)


def messages(side: Side) -> list[dict[str, str]]:
    output = [{"role": message.role, "content": message.content} for message in side.messages]
    return [*output, {"role": "assistant", "content": side.answer.text}]


def test_fastchats_script_sees_and_rates_every_vote(out: Path, tmp_path: Path) -> None:
    results = run("fastchat_job.py", "requirements-fastchat.txt", tmp_path, out / "clean_battle.json")
    votes = counted_votes()
    for seen, vote in zip(results["seen"], votes, strict=True):
        battle = vote.battle
        assert seen["conversation_a"] == messages(battle.a) and seen["conversation_b"] == messages(battle.b)
        assert (seen["model_a"], seen["model_b"]) == (battle.a.model.id, battle.b.model.id)
        assert (seen["winner"], seen["anony"], seen["language"]) == (vote.winner.value, battle.blind, "Chinese")
        assert (seen["question_id"], seen["judge"], seen["tstamp"]) == (battle.id, vote.judge, vote.time)
    # It rates blind votes only: a tie of the smaller two is not.
    assert results["battles"] == {QWEN: 10, GLM: 17, SMALL: 7}
    assert results["last"] == votes[-2].time
    assert (results["fractions"][QWEN][GLM], results["fractions"][GLM][SMALL]) == (0.75, pytest.approx(2 / 3))
    assert results["online"] == pytest.approx(elo(vote for vote in votes if vote.battle.blind))
    final = results["final"]  # which it draws together a little, as sklearn's regression does by itself
    assert final[QWEN] - final[GLM] == pytest.approx(points_apart(7, 3), abs=8)
    assert final[GLM] - final[SMALL] == pytest.approx(points_apart(4.5, 2.5), abs=8)

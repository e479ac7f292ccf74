"""FastChat on the exports, in an environment of its own; part of `make test-extra`.

The numbers that are expected stand in tests/helpers/export_votes.py.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from environments import python_with
from export_votes import GLM, QWEN, SMALL, counted_votes, elo, points_apart, write_exports
from served_app import ROOT

from arena.types import Side, Winner

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

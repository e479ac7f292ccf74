"""From votes to a tuned model and back, with SmolLM2-135M and 50 made-up preferences; part of `make test-extra`."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import pytest
import torch
from environments import python_with
from opened import open_backends
from quantization_quality import load_floats
from served_app import ROOT, run_in_process
from vote_samples import log_path, make_side, make_vote

from arena.judging.ballots import Ballots, Judgement
from arena.judging.draw import PairDraw
from arena.judging.live import LiveBattles
from arena.roster import Roster
from arena.types import Battle, Message, SideName, Winner
from arena.votes import VoteLog
from backends.folder.gguf import model_file
from backends.models.catalog import EMBEDDED
from backends.models.resolve import resolve
from backends.tuning import PREFERENCES

pytestmark = pytest.mark.extra
TRAINING = ("--epochs", "1", "--learning-rate", "0.001", "--rank", "8")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model as a checkpoint folder."""
    folder = tmp_path_factory.mktemp("models") / "smollm2"
    model, tokenizer = load_floats(model_file(EMBEDDED["smollm2-135m"]))
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def log_preferences(folder: Path) -> None:
    """Raters who prefer the answer that says Ahoy, on either side."""
    with VoteLog(log_path(folder)) as log:
        for number in range(50):
            prompt, total = f"What is {number} plus {number}?", 2 * number
            texts = [f"Ahoy! It is {total}, matey.", f"The answer is {total}."]
            is_left = number % 2 == 0
            models = zip(("qwen", "glm"), texts if is_left else reversed(texts), strict=True)
            sides = [make_side(model, text) for model, text in models]
            sides = [type(side)(side.model, (Message("user", prompt),), side.config, side.answer) for side in sides]
            winner = Winner.MODEL_A if is_left else Winner.MODEL_B
            log.append(make_vote(number, battle=Battle(f"battle-{number}", prompt, *sides, blind=True), winner=winner))


def export(folder: Path) -> list[dict[str, object]]:
    """The preferences that follow from the votes in the folder, exported beside it."""
    target = folder.with_suffix(".zip")
    assert run_in_process("export", str(target), "--data-dir", str(folder)).returncode == 0
    with zipfile.ZipFile(target) as archive:
        return [json.loads(line) for line in archive.read(PREFERENCES).splitlines()]


def test_votes_become_a_tuned_model_that_meets_its_base_blind(base: Path, tmp_path: Path) -> None:
    log_preferences(tmp_path / "votes")
    assert len(export(tmp_path / "votes")) == 50
    python, adapter = python_with(ROOT / "requirements-tune.txt"), tmp_path / "ahoy"
    command = [python, "app.py", "tune", base, tmp_path / "votes.zip", adapter, *TRAINING, "--json"]
    printed = subprocess.run(list(map(str, command)), cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    output = json.loads(printed.splitlines()[-1])
    assert (output["pairs"], output["steps"]) == (50, 7)
    assert output["loss"][1] < 0.3 < output["loss"][0] and output["accuracy"][1] == 1.0

    names = (f"base={base}?temperature=0", f"tuned={base}+{adapter}?temperature=0")
    with VoteLog(log_path(tmp_path / "back")) as log:
        roster = Roster(open_backends([resolve(name) for name in names]))
        live = LiveBattles(PairDraw(roster), Ballots(log))
        assert list(live.ask("tab", "rater", "What is 70 plus 70?"))[-1].state == "votable"
        (battle,) = live.turns("tab")
        texts = {battle.side(name).model.name: battle.side(name).answer.text for name in SideName}
        assert "Ahoy" in texts["tuned"] and "Ahoy" not in texts["base"]
        is_left = battle.a.model.name == "tuned"
        live.cast("tab", "rater", Judgement(Winner.MODEL_A if is_left else Winner.MODEL_B))
    (pair,) = export(tmp_path / "back")
    assert pair["chosen"] == [{"role": "assistant", "content": texts["tuned"]}]

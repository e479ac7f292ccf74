"""Two models' answers to two prompts, and six votes on them, for the tests of the report."""

import tempfile
from pathlib import Path

from arena.model_card import ModelCard
from arena.prompts import Prompt, Reference
from arena.recorded import Recorded
from arena.report.facts import KnownModel
from arena.report.gather import Sources
from arena.results.compute import compute
from arena.types import Answer, Battle, Message, ModelSpec, Side, Usage, Vote, Winner
from arena.votes.records import HEAD, csv_line
from arena.votes.rows import to_row
from arena.votes.store import VoteStore


def sources(answers=(), votes=(), bad_row=b""):
    """Answers and votes as a report reads them, by way of a log in a folder that goes with the test."""
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name) / "votes.csv"
    if votes or bad_row:
        path.write_bytes(HEAD + b"".join(csv_line(list(to_row(vote).values())).encode() for vote in votes) + bad_row)
    store = VoteStore(Path(folder.name))
    store.folder_of_test = folder
    return Sources(tuple(answers), store, compute(store.refresh(), now=2e9))


QWEN = ModelSpec("qwen", "Qwen", "qwen", "", "transformers", "int4", "r1", 8192, "Apache-2.0")
GLM = ModelSpec("glm", "GLM", "glm", "", "llama.cpp", "q4", "r2", 4096, "MIT")
TITLES = {"zh": "首都", "en": "A capital"}
PROMPTS = (
    Prompt("q1", "knowledge", TITLES, "Capital?", reference=Reference((("Canberra",),), text="It is Canberra.")),
    Prompt("q2", "reasoning", {"zh": "推理", "en": "Reasoning it out"}, "Why?"),
)


def recorded(model, prompt_id, text, seconds=2.0, **more):
    usage = Usage(3, 11, 1.0, seconds)
    side = Side(model, (Message("user", f"{prompt_id}?"),), None, Answer(text, finish_reason="stop", usage=usage))
    return Recorded(prompt_id, f"{prompt_id}?", side, memory=2 * 10**9, machine={"cores": 2, "torch": "2.13.0"}, **more)


ANSWERS = (
    recorded(QWEN, "q1", "It is Canberra.", 10.0),
    recorded(QWEN, "q2", "So.", 20.0),
    recorded(GLM, "q1", "It is Sydney.", 40.0),
    recorded(GLM, "q2", "Thus.", 50.0),
)


def vote(number, prompt_id, winner, a=QWEN, b=GLM, dimension="", **more):
    sides = {entry.side.model.id: entry.side for entry in ANSWERS if entry.prompt_id == prompt_id}
    dimension = dimension or {"q1": "knowledge", "q2": "reasoning"}[prompt_id]
    battle = Battle(f"b{number}", f"{prompt_id}?", sides[a.id], sides[b.id], prompt_id, dimension, blind=True)
    return Vote(f"v{number}", battle, winner, more.pop("judge", f"j{number}"), 0.0, **more)


VOTES = (
    vote(1, "q1", Winner.MODEL_A, criteria={"correct": "a", "clear": "tie"}, any_right=True, comment="Right & short"),
    vote(2, "q1", Winner.MODEL_B, a=GLM, b=QWEN, criteria={"correct": "b"}, any_right=False),
    vote(3, "q1", Winner.MODEL_A, judge="j1"),
    vote(4, "q2", Winner.MODEL_A, a=GLM, b=QWEN, leaked=True, comment="The left one"),
    vote(5, "q2", Winner.TIE),
    vote(6, "q2", Winner.BOTH_BAD),
)

CARD = ModelCard(
    ("某公司", "Some company"),
    ("解码器", "decoder"),
    7.7e9,
    8192,
    "2023-08-03",
    "https://x.org/code",
    "https://x.org/card",
    ("两万亿", "2 trillion tokens"),
    None,
    "2023-09-25",
    "A. Author. A paper. 2023.",
    "https://x.org/paper",
)
# What a catalogue knows of the first of the two models, and nothing of the second.
KNOWN = [KnownModel(QWEN, "Qwen/Qwen", CARD)]

"""Votes for the tests of the log and of its exports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.events import EventLog
from arena.generation_config import GenerationConfig
from arena.types import Answer, Battle, Message, ModelSpec, Side, Usage, Vote, Winner
from arena.votes import VoteLog

if TYPE_CHECKING:
    from arena.votes.store import Votes

# Each of these was lost or changed by some vote log, table library or spreadsheet.
NASTY_TEXTS = (
    "lone\rreturn",
    "windows\r\nline",
    "unix\nline\n\n",
    'a "quoted" word',
    '"',
    '","',
    '"\r\n"',
    "a, b; c\td",
    "\ufeffstarts with a BOM",
    "emoji 👩‍🔬 and 𠮷",
    "NA",
    "None",
    "nan",
    "00123",
    "-0.5",
    "- item\n- item",
    "=1+2",
    "@user",
    " surrounded by spaces ",
    "\u2028\u2029\x85 line ends of Unicode",
    "\\n and \\",
    "“中文”，全角＝",
)


def make_side(model: str, answer: str, **usage: Any) -> Side:
    spec = ModelSpec(model, model, "", "", "", precision="int4", revision=f"sha-{model}")
    config = GenerationConfig(max_new_tokens=256, temperature=0.2, seed=7)
    return Side(spec, (Message("user", "Why?"),), config, Answer(answer, finish_reason="stop", usage=Usage(**usage)))


def make_vote(number: int = 1, answer: str = "Because.", **changes: Any) -> Vote:
    """An ordinary vote; `changes` are fields of Vote."""
    battle = Battle(f"battle-{number}", "Why?", make_side("qwen", answer), make_side("glm", answer))
    vote = Vote(f"vote-{number}", battle, Winner.MODEL_A, judge=f"judge-{number}", time=1_764_000_000.25 + number)
    return replace(vote, **changes)


def rich_vote(text: str = "text") -> Vote:
    """A vote in which every column is filled, and every free text contains `text`."""
    history = (Message("system", f"Be kind. {text}"), Message("user", "Hi"), Message("assistant", text))
    a = make_side("qwen-7b-chat", text, new_tokens=120, first_token_seconds=0.5, seconds=12.25, joules=310.5)
    b = make_side("chatglm3-6b", text + "!", new_tokens=7, first_token_seconds=1.0 / 3, seconds=1e-05)
    a = replace(a, messages=(*history, Message("user", text)))
    b = replace(b, messages=(*history[:2], Message("user", text)), answer=replace(b.answer, finish_reason="length"))
    b = replace(b, config=GenerationConfig(temperature=0, top_k=40))
    return Vote(
        id="vote-9",
        battle=Battle(
            "battle-9", text, a, b, "p-03", "multilingual", turn=2, blind=True, source="recorded", pair_probability=0.25
        ),
        winner=Winner.BOTH_BAD,
        judge="5f2c",
        time=1_764_043_689.123_456_7,
        language="Chinese",
        criteria={"correct": "a", "clear": "tie"},
        any_right=False,
        comment=text,
        leaked=True,
        room="B7",
        repeat_of="battle-1",
        dwell=3.5,
        may_publish=True,
    )


def log_path(folder: Path) -> Path:
    return folder / "votes.csv"


def vote_between(number: int, a: str, b: str, winner: Winner, prompt_id: str = "", **changes: Any) -> Vote:
    """A vote on answers of the models `a` and `b`; each prompt has one answer of each."""
    sides = (make_side(model, f"{model} on {prompt_id}") for model in (a, b))
    battle = Battle(f"battle-{number}", f"Why {prompt_id}?", *sides, prompt_id, blind=True, source="recorded")
    return make_vote(number, battle=battle, winner=winner, **changes)


def votes_of(folder: Path, votes: Iterable[Vote]) -> Votes:
    """The votes as results are computed from them, by way of a log in the folder."""
    from arena.votes.store import VoteStore  # not above: programs that only write votes start without numpy

    with VoteLog(folder / "votes.csv") as log:
        for vote in votes:
            log.append(vote)
    return VoteStore(folder).refresh()


class VoteReading(Iterator[Vote]):
    """The votes of a data folder that count; `report` says what was left out."""

    def __init__(self, folder: Path) -> None:
        from arena.votes.store import VoteStore

        store = VoteStore(folder)
        votes = store.refresh()
        self.report = votes.report
        self._stored = store.stored(votes.table)

    def __next__(self) -> Vote:
        return next(self._stored).vote


def read_votes(folder: Path) -> VoteReading:
    return VoteReading(folder)


def withdraw(folder: Path, *ids: str) -> None:
    """Withdraws the votes with these ids."""
    from arena.events import WITHDRAWN

    with EventLog(folder) as events:
        for vote in ids:
            events.append(WITHDRAWN, durable=True, vote=vote)


def swapped(vote: Vote) -> Vote:
    """The same outcome with the models on each other's side."""
    other = {Winner.MODEL_A: Winner.MODEL_B, Winner.MODEL_B: Winner.MODEL_A}
    battle = replace(vote.battle, a=vote.battle.b, b=vote.battle.a)
    return replace(vote, battle=battle, winner=other.get(vote.winner, vote.winner))

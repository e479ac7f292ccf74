"""Votes in the forms that other programs take: FastChat's battles, TRL's preferences, evalica's pairs.

Each takes one vote at a time, so that a log of any size passes through. Repeated battles are left out: they measure a
rater's consistency and would count twice. Knows nothing of where the files go.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from arena.types import Message, Vote, Winner


class Format:
    """A text file in a folder that votes are added to; whole once it is left. `rows` counts them."""

    name = ""

    def __init__(self, folder: Path) -> None:
        self.rows = 0
        self._file: TextIO = (folder / self.name).open("x", encoding="utf-8", newline="")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, vote: Vote) -> None:
        """Add the vote if it belongs there."""
        raise NotImplementedError


class CleanBattle(Format):
    """clean_battle.json, as FastChat's rating scripts read it."""

    name = "clean_battle.json"

    def add(self, vote: Vote) -> None:
        """Every vote."""
        battle = vote.battle
        entry = {
            "question_id": battle.id,
            "model_a": battle.a.model.id,
            "model_b": battle.b.model.id,
            "winner": vote.winner.value,
            "judge": vote.judge,
            "conversation_a": _turns([*battle.a.messages, Message("assistant", battle.a.answer.text)]),
            "conversation_b": _turns([*battle.b.messages, Message("assistant", battle.b.answer.text)]),
            "turn": battle.turn,
            "anony": battle.blind,
            "language": vote.language,
            "tstamp": vote.time,
        }
        self._file.write(("[\n" if not self.rows else ",\n") + json.dumps(entry, ensure_ascii=False))
        self.rows += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.write("\n]\n" if self.rows else "[]\n")
        super().__exit__(kind, error, at)


class Preferences(Format):
    """preferences.jsonl, conversations as TRL's preference trainers take them."""

    name = "preferences.jsonl"

    def add(self, vote: Vote) -> None:
        """A decisive vote on two answers to the same conversation."""
        a, b = vote.battle.a, vote.battle.b
        if vote.winner not in (Winner.MODEL_A, Winner.MODEL_B) or a.messages != b.messages:
            return
        chosen, rejected = (a, b) if vote.winner is Winner.MODEL_A else (b, a)
        entry = {
            "prompt": _turns(a.messages),
            "chosen": _turns([Message("assistant", chosen.answer.text)]),
            "rejected": _turns([Message("assistant", rejected.answer.text)]),
        }
        self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self.rows += 1


class Pairs(Format):
    """pairs.csv, as evalica's command line and page take it; that both were bad is a tie there."""

    name = "pairs.csv"
    _WINNERS: Mapping[Winner, str] = {
        Winner.MODEL_A: "left",
        Winner.MODEL_B: "right",
        Winner.TIE: "tie",
        Winner.BOTH_BAD: "tie",
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._writer = csv.writer(self._file, lineterminator="\r\n")
        self._writer.writerow(["left", "right", "winner"])

    def add(self, vote: Vote) -> None:
        """Every vote."""
        self._writer.writerow([vote.battle.a.model.id, vote.battle.b.model.id, self._WINNERS[vote.winner]])
        self.rows += 1


def _turns(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]

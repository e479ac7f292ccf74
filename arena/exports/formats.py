"""Votes in the forms that rating programs take: FastChat's battles, evalica's pairs.

Repeated battles are left out: they measure a rater's consistency and would count twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from arena.text import without_lone_surrogates
from arena.types import Message, Vote, Winner
from arena.votes.parts import csv_line
from arena.votes.store import StoredVote


class Format:
    """A file in a folder that votes are added to; whole once it is left. `rows` counts them."""

    name = ""

    def __init__(self, folder: Path) -> None:
        self.rows = 0
        self._file = (folder / self.name).open("xb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, stored: StoredVote) -> None:
        """Add the vote unless it is on a repeated battle."""
        if not stored.vote.repeat_of:
            self._file.write(self._entry(stored.vote))
            self.rows += 1

    def _entry(self, vote: Vote) -> bytes:
        raise NotImplementedError


class CleanBattle(Format):
    """clean_battle.json, as FastChat's rating scripts read it."""

    name = "clean_battle.json"

    def _entry(self, vote: Vote) -> bytes:
        battle = vote.battle
        entry = {
            "question_id": battle.id,
            "model_a": battle.a.model.id,
            "model_b": battle.b.model.id,
            "winner": vote.winner.value,
            "judge": vote.judge,
            "conversation_a": turns([*battle.a.messages, Message("assistant", battle.a.answer.text)]),
            "conversation_b": turns([*battle.b.messages, Message("assistant", battle.b.answer.text)]),
            "turn": battle.turn,
            "anony": battle.blind,
            "language": vote.language,
            "tstamp": vote.time,
        }
        return (b",\n" if self.rows else b"[\n") + json_line(entry).rstrip()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._file:
            self._file.write(b"\n]\n" if self.rows else b"[]\n")


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
        self._file.write(csv_line(["left", "right", "winner"]).encode())

    def _entry(self, vote: Vote) -> bytes:
        return csv_line([vote.battle.a.model.id, vote.battle.b.model.id, self._WINNERS[vote.winner]]).encode()


def turns(messages: Sequence[Message]) -> list[dict[str, str]]:
    """The messages as most programs write a conversation."""
    return [{"role": message.role, "content": message.content} for message in messages]


def json_line(value: Any) -> bytes:
    """The value as one line of JSON in UTF-8; half a surrogate pair, which UTF-8 cannot hold, becomes U+FFFD."""
    import orjson

    try:
        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:
        return without_lone_surrogates(json.dumps(value, ensure_ascii=False) + "\n").encode()

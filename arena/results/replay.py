"""Finds one judged battle by its id and asks its prompt again."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum

from arena.backend import Backend
from arena.battle import BattleRun
from arena.types import Answer, Battle, Side, SideName, Vote
from arena.votes.store import VoteStore


class Obstacle(StrEnum):
    """Why asking a side again would not give a comparable answer."""

    NOT_HERE = "not_here"
    OTHER_WEIGHTS = "other_weights"
    NO_SEED = "no_seed"


def find_vote(store: VoteStore, battle_id: str) -> Vote | None:
    """The first counted vote on the battle, if any. Raises InputError if votes cannot be read."""
    table = store.refresh().table
    return store.vote_in(table, battle_id) if battle_id else None


def fingerprints(side: Side) -> tuple[str, str]:
    """Hexadecimal SHA-256 of a side's messages, as JSON [[role, content], ...] in UTF-8, and of its answer."""
    messages = json.dumps([[message.role, message.content] for message in side.messages], ensure_ascii=False)
    return _sha256(messages), _sha256(side.answer.text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def obstacle(side: Side, backend: Backend | None) -> Obstacle | None:
    """Why asking the side again here cannot be expected to give the same answer; None if it can."""
    if backend is None or not side.messages:
        return Obstacle.NOT_HERE
    if (backend.spec.revision, backend.spec.precision) != (side.model.revision, side.model.precision):
        return Obstacle.OTHER_WEIGHTS
    config = side.config
    if config is None or (config.seed is None and config.temperature > 0):
        return Obstacle.NO_SEED
    return None


def ask_again(battle: Battle, backends: Mapping[SideName, Backend]) -> Iterator[Battle]:
    """Asks the sides in `backends` again and yields the growing battle. Closing the iterator stops generation."""
    for name, backend in backends.items():
        battle = battle.with_side(name, replace(battle.side(name), model=backend.spec, answer=Answer()))
    return BattleRun(battle, backends).stream(tuple(backends))


def same_until(before: str, after: str) -> int:
    """The length of the common beginning of two texts, in characters."""
    return len(os.path.commonprefix([before, after]))  # noqa: RUF071 - compares characters on purpose

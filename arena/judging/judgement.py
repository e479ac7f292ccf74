"""What a rater says of a battle, and whether it can be taken. Knows no battle and no log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from arena.errors import VoteRefused
from arena.text import clean
from arena.types import CRITERIA, VERDICTS, Winner

MAX_COMMENT_CHARACTERS = 2000


@dataclass(frozen=True)
class Judgement:
    """What a rater says of a battle, as it came: `winner` is one of the four; `any_right` None if not said."""

    winner: str
    criteria: Mapping[str, str] | None = None
    comment: str = ""
    any_right: bool | None = None


@dataclass(frozen=True)
class Checked:
    """The same as it may be stored."""

    winner: Winner
    criteria: Mapping[str, str]
    comment: str
    any_right: bool | None


def checked(judgement: Judgement) -> Checked:
    """Raises VoteRefused for what no page of ours sends."""
    return Checked(
        _winner(judgement.winner),
        _criteria(judgement.criteria or {}),
        _comment(judgement.comment or ""),
        _any_right(judgement.any_right),
    )


def _winner(value: str) -> Winner:
    try:
        return Winner(value)
    except ValueError as error:
        message = f"The winner must be one of {', '.join(Winner)}."
        raise VoteRefused("vote_winner", message, known=", ".join(Winner)) from error


def _criteria(criteria: Mapping[str, str]) -> dict[str, str]:
    good = isinstance(criteria, Mapping) and all(
        name in CRITERIA and verdict in VERDICTS for name, verdict in criteria.items()
    )
    if not good:
        message = f"Criteria are {', '.join(CRITERIA)}, each with one of {', '.join(VERDICTS)}."
        raise VoteRefused("vote_criteria", message)
    return dict(criteria)


def _comment(comment: str) -> str:
    if not isinstance(comment, str) or len(comment) > MAX_COMMENT_CHARACTERS:
        message = f"A comment is a text of at most {MAX_COMMENT_CHARACTERS} characters."
        raise VoteRefused("vote_comment", message, limit=MAX_COMMENT_CHARACTERS)
    return clean(comment)


def _any_right(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise VoteRefused("vote_any_right", "Whether an answer is right is true, false or left out.")

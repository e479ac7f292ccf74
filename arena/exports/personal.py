"""Finds personal data in votes: mail addresses, phone, identity card and bank card numbers, and stated names.

The libraries of requirements-publish.txt tell real numbers from others. They do not find what somebody only describes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from arena.errors import InputError
from arena.text import visible
from arena.types import SideName, Vote

REGIONS = ("CN", "US")
"""The countries whose phone numbers are found without a country code."""
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_RESIDENT = re.compile(r"(?<![\dA-Za-z])\d{6}[ -]?\d{8}[ -]?\d{3}[\dXx](?![\dA-Za-z])")
_SSN = re.compile(r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)")
_CARD = re.compile(r"(?<![\d.])[2-6](?:[ -]?\d){12,18}(?!\d)")
_NAMES = (
    # (?a:\b): Chinese has no space before English.
    re.compile(r"(?a:\b)(?i:my name is|my name's|i am called|i'm called)\s+([^\W\d_][\w'-]*(?:\s[A-Z][\w'-]*){0,3})"),
    # Not "I call you" and the like.
    re.compile(
        r"(?:我叫|我的名字[是叫]|姓名[:是])\s*((?![你您他她它我])[\u4e00-\u9fff·]{2,4}|[A-Z][a-z]+(?:\s[A-Z][a-z]+)*)"
    ),
)


class Kind(StrEnum):
    """What was found."""

    MAIL = "mail"
    PHONE = "phone"
    ID = "id"
    CARD = "card"
    NAME = "name"


@dataclass(frozen=True)
class Finding:
    """Personal data in a battle: the column of votes.csv, the kind, and the text with most characters hidden."""

    battle: str
    column: str
    kind: Kind
    excerpt: str


def findings_in(vote: Vote) -> Iterator[Finding]:
    """The personal data in the texts of a vote, each text once. Raises InputError if a library is missing."""
    seen: set[tuple[Kind, str]] = set()
    for column, text, by_person in _texts(vote):
        for found in personal_data(text, by_person):
            if found not in seen:
                seen.add(found)
                yield Finding(vote.battle.id, column, found[0], _masked(found[1]))


def _texts(vote: Vote) -> Iterator[tuple[str, str, bool]]:
    """The column, the text, and whether a person wrote it. A name that a model gives itself is nobody's."""
    yield "prompt", vote.battle.prompt, True
    yield "comment", vote.comment, True
    for name in SideName:
        side = vote.battle.side(name)
        for message in side.messages:
            yield f"conversation_{name}", message.content, message.role != "assistant"
        yield f"response_{name}", side.answer.text, False
        yield f"thinking_{name}", vote.battle.seen_thinking(name), False


@lru_cache(maxsize=4096)  # many raters judge the same answers
def personal_data(text: str, by_person: bool = True) -> tuple[tuple[Kind, str], ...]:
    """What the text holds, by kind; names only in what people write. Raises InputError if a library is missing."""
    text = visible(text)
    names = [(Kind.NAME, match[1]) for pattern in _NAMES for match in pattern.finditer(text)] if by_person else []
    return (*((Kind.MAIL, match[0]) for match in _MAIL.finditer(text)), *_numbers(text), *names)


def _numbers(text: str) -> Iterator[tuple[Kind, str]]:
    if not re.search(r"\d(?:\D{0,3}\d){6}", text):  # no seven digits
        return
    try:
        from phonenumbers import PhoneNumberMatcher
        from stdnum import luhn
        from stdnum.cn import ric
        from stdnum.us import ssn
    except ImportError as error:
        message = "What finds personal data is not installed: python -m pip install -r requirements-publish.txt"
        raise InputError("publish_library", message) from error
    for kind, pattern, is_valid in (
        (Kind.ID, _RESIDENT, ric.is_valid),
        (Kind.ID, _SSN, ssn.is_valid),
        (Kind.CARD, _CARD, luhn.is_valid),
    ):
        numbers = (match[0] for match in pattern.finditer(text))
        yield from ((kind, number) for number in numbers if is_valid(re.sub("[ -]", "", number)))
    for region in REGIONS:
        yield from ((Kind.PHONE, match.raw_string) for match in PhoneNumberMatcher(text, region))


def _masked(text: str) -> str:
    shown = 2 if len(text) > 6 else 1
    return text[:shown] + "*" * (len(text) - 2 * shown) + text[-shown:] if len(text) > 2 else text[:1] + "*"

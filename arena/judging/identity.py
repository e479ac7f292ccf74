"""Whether an answer tells which model wrote it: by its own name, its maker's or its rival's.

An answer tells where its writer speaks of itself (I am Kimi; trained by Google; 作为文心一言，我), not where it writes
about models, quotes, supposes or denies. In a battle it also tells where the writer says that it is not one of the two,
since then it is the other, and where it names one of the two and no other maker without having been asked about it.
"""

from __future__ import annotations

import re

from arena.judging.names import chinese, english, places
from arena.judging.names.folding import fold
from arena.judging.names.makers import Maker
from arena.judging.names.marks import NAME, OWN_MODEL, mark
from arena.judging.names.of_battle import makers_of
from arena.judging.names.quotes import denies_own, without_denials, without_quotations
from arena.types import Battle, Side

_SENTENCE = re.compile("[^。!?\n]{0,2000}[。!?]?")
_END = 400


def names_a_model(text: str, battle: tuple[Maker, ...] = ()) -> bool:
    """Whether the text names one of the models or who made it, as a model does that speaks of itself.

    Case, width and spacing do not matter, simplified or traditional characters neither. `battle` are the makers of the
    two models: that the writer is none of them tells as well.
    """
    marked = mark(fold(text), battle)
    if not marked.makers:
        return False
    whole = without_quotations(marked.text)
    sentences = "\n".join(one for one in _SENTENCE.findall(whole) if NAME.search(one))
    if denies_own(sentences):
        return True
    sentences, whole = without_denials(sentences), without_denials(whole)
    if _matches(sentences, *chinese.SAYS, *english.SAYS) or _matches(whole, *places.ANSWERS):
        return True
    return len(marked.makers) == 1 and _tells_alone(sentences, whole)


def is_leaked(battle: Battle) -> bool:
    """Whether anything that a rater of the battle has seen a model write tells which one it is."""
    sides = (battle.a, battle.b)
    makers = tuple({maker.key: maker for side in sides for maker in makers_of(side.model)}.values())
    asked = frozenset().union(*(mark(fold(text), makers).makers for side in sides for text in _asked(side)))
    unasked = frozenset(maker.key for maker in makers) - asked - mark(fold(battle.prompt), makers).makers
    return any(
        names_a_model(text, makers) or _brings_up(text, makers, unasked) for side in sides for text in _written(side)
    )


def _written(side: Side) -> tuple[str, ...]:
    earlier = (message.content for message in side.messages if message.role == "assistant")
    return (*earlier, side.answer.text, side.answer.reasoning)


def _asked(side: Side) -> tuple[str, ...]:
    return tuple(message.content for message in side.messages if message.role != "assistant")


def _brings_up(text: str, makers: tuple[Maker, ...], unasked: frozenset[str]) -> bool:
    """Whether the text names a model of one of the `unasked` makers, and no other maker's."""
    marked = mark(fold(text), makers)
    return (
        len(marked.makers) == 1 and marked.makers <= unasked and bool(OWN_MODEL.search(without_quotations(marked.text)))
    )


def _tells_alone(sentences: str, whole: str) -> bool:
    """Whether the one maker that the text names is the writer's, by signs that tell nothing where it names several."""
    return (
        _matches(sentences, *chinese.SAYS_ALONE, *english.SAYS_ALONE)
        or _matches(whole, *places.LABELS)
        or _matches(whole[-_END:], *places.SIGNATURES)
    )


def _matches(text: str, *patterns: re.Pattern[str]) -> bool:
    return any(pattern.search(text) for pattern in patterns)

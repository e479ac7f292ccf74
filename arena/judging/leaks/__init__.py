"""Decides whether an answer reveals which model wrote it: by its own name, its maker's or its rival's.

Statements of the writer about itself count (I am Kimi; trained by Google; 作为文心一言，我), but not what it writes
about models, quotes, supposes or denies. In a battle two more things reveal it: the writer says that it is not one of
the two, so it is the other; or it names one of the two, and no other maker, without having been asked about it.
"""

import re
from collections.abc import Iterator, Set
from functools import lru_cache
from pathlib import PurePosixPath

from arena.judging.leaks.names import MAKERS, MASKED, NAME, NOISE, OWN, OWN_MODEL, Maker, fold, mark
from arena.judging.leaks.patterns import EN, PLACES, QUOTATIONS, ZH
from arena.types import Battle, ModelSpec, SideName

_SENTENCE = re.compile("[^。!?\n]{0,2000}[。!?]?")
_END = 400
# How far around a match its context is read.
_AROUND = 80
_DENIED = (*ZH["denies"], *EN["denies"])
_I = re.compile(r"\b(?:i|i'm|my|me)\b|我|本助手|本模型", re.ASCII)
# A quotation, or a title.
_QUOTED = re.compile(
    '"[^"\n]{1,400}"|《[^《》\n]{1,60}》|' + r"(?<=[\s:(])'[^\n]{1,300}?'(?=[\s,;:!?)。]|$)", re.MULTILINE
)
# Families that say how a model is run or laid out, not who made it.
_NO_MAKER = frozenset(("openai", "gguf", "scripted", "recorded", "llama.cpp", "llama"))
_WORD = re.compile(r"[A-Za-z]{1,60}|[\u3400-\u9fff]{1,60}")
_QUANTIZED = re.compile(r"[-._]i?q\d[a-z0-9_]{0,60}|\.gguf$", re.IGNORECASE)
# Ordinary words have no capital inside: TigerBot, BlueLM.
_COINED = re.compile(r"[a-z][A-Z]|LM$|GPT")


def is_leaked(battle: Battle) -> bool:
    """Whether any text of a model that a rater of the battle has seen reveals which model it is."""
    sides = (battle.a, battle.b)
    makers = tuple({maker.key: maker for side in sides for maker in makers_of(side.model)}.values())
    asked, written = [battle.prompt], [battle.seen_thinking(name) for name in SideName]
    for side in sides:
        written.append(side.answer.text)
        for message in side.messages:
            (written if message.role == "assistant" else asked).append(message.content)
    unasked = {maker.key for maker in makers}.difference(*(mark(fold(text), makers).makers for text in asked))
    return any(names_a_model(text, makers, unasked) for text in written)


def names_a_model(text: str, battle: tuple[Maker, ...] = (), unasked: Set[str] = frozenset()) -> bool:
    """Whether the text names a model or its maker in a statement about its own writer.

    Case, width and spacing do not matter, nor whether characters are simplified or traditional. `battle` are the makers
    of the two models: saying that the writer is not one of them counts as well. `unasked` are the keys of the makers
    that the prompts do not name: naming a model of one of these, and no other maker, also counts.
    """
    marked = mark(fold(text), battle)
    if not marked.makers:
        return False
    whole = _without_quotations(marked.text)
    is_alone = len(marked.makers) == 1
    if is_alone and marked.makers <= unasked and OWN_MODEL.search(whole):
        return True
    sentences = "\n".join(sentence for sentence in _SENTENCE.findall(whole) if NAME.search(sentence))
    if _denies_own(sentences):
        return True
    sentences, whole = _without_denials(sentences), _without_denials(whole)
    if _matches(sentences, *ZH["says"], *EN["says"]) or _matches(whole, *PLACES["answers"]):
        return True
    # Signs that mean nothing where several makers are named.
    return is_alone and (
        _matches(sentences, *ZH["says alone"], *EN["says alone"])
        or _matches(whole, *PLACES["labels"])
        or _matches(whole[-_END:], *PLACES["signatures"])
    )


def makers_of(spec: ModelSpec) -> tuple[Maker, ...]:
    """The makers that the model's names point to; a name that is in no table stands for a maker of its own."""
    # A label, settings, a revision and a precision say nothing about the maker.
    model_id = spec.plain_id.partition("@")[0]
    name = model_id if spec.id.startswith(f"{spec.name}=") else spec.name.partition(" (")[0].partition("@")[0]
    return _makers(name, model_id, "" if spec.family in _NO_MAKER else spec.family, _file(spec.source))


def _matches(text: str, *patterns: re.Pattern[str]) -> bool:
    return any(pattern.search(text) for pattern in patterns)


def _without_quotations(text: str) -> str:
    """The text with the names in quotations masked, except in quotations of the speaker's own words."""

    def replaced(match: re.Match[str]) -> str:
        quoted = match.group()
        before, after = text[max(0, match.start() - _AROUND) : match.start()], text[match.end() : match.end() + _AROUND]
        is_all = len(quoted) > 0.8 * len(text.strip())
        if is_all or _matches(before, *QUOTATIONS["before"]) or _matches(after, *QUOTATIONS["after"]):
            return "。" + quoted[1:-1] + "。"
        return NAME.sub(MASKED, quoted)

    return _QUOTED.sub(replaced, text)


def _without_denials(text: str) -> str:
    """The text with the names masked that the speaker denies or supposes to be its own."""
    for pattern in (*_DENIED, *ZH["supposes"], *EN["supposes"]):
        text = pattern.sub(lambda match: NAME.sub(MASKED, match.group()), text)
    return text


def _denies_own(text: str) -> bool:
    """Whether the speaker says that it is not one of the models in the battle."""
    return any(
        OWN.search(match.group()) and _I.search(text[max(0, match.start() - _AROUND) : match.end() + _AROUND])
        for pattern in _DENIED
        for match in pattern.finditer(text)
    )


@lru_cache(maxsize=256)
def _makers(*names: str) -> tuple[Maker, ...]:
    # Without quantization and separators, as a name would be written in a text.
    spaced = [re.sub(r"[/_@(),=]|--", " ", _QUANTIZED.sub("", name)) for name in names]
    keys = {key for name in spaced for key in mark(fold(name)).makers}
    known = tuple(maker for maker in MAKERS if maker.key in keys)
    unknown = (_unknown(name, bool(known)) for name in names[:2])
    return (*known, *dict.fromkeys(filter(None, unknown)))


def _file(source: str) -> str:
    """The last two parts of a path or hub id, as in `mistralai/Mistral-7B-v0.3.gguf`; for a server, its model only."""
    if "#" in source:
        return source.rpartition("#")[2]
    return "" if "://" in source else "/".join(PurePosixPath(source.partition(":")[2] or source).parts[-2:])


def _unknown(name: str, is_known: bool) -> Maker | None:
    """The maker of a name that no table has; for a model whose maker is known, only if a word is coined."""
    words = [word for word in _words(name) if not is_known or _COINED.search(word)]
    phrase = " ".join(word.casefold() for word in words)
    if len(phrase) < 3 and phrase.isascii():
        return None
    kind = "models" if any(_COINED.search(word) for word in words) else "words"
    return Maker(f"own:{phrase}", **{kind: (phrase,)})


def _words(name: str) -> Iterator[str]:
    """The words of a name up to its size or version, without the names that are known and the noise."""
    head = re.split(r"(?<![A-Za-z])\d", _QUANTIZED.sub("", name.rpartition("/")[2]))[0]
    for word in _WORD.findall(head):
        if word.casefold() not in NOISE and not NAME.search(mark(fold(word)).text):
            yield word.removesuffix("大模型")

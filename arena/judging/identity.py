"""Whether an answer tells which model wrote it: its own name, its maker's or its rival's. Knows no page and no log.

Two kinds of names. A plain one (Qwen, 通义千问, ChatGLM, 智谱) tells by itself. The other kind is common in ordinary
prose (阿里, 清华, Alibaba, GLM) and tells only where the speaker says who made it, or a model is said to be theirs.
"""

from __future__ import annotations

import re
import unicodedata

from arena.types import Battle, Side

# What may stand between the letters of a name: spaces, marks that nobody sees, Markdown, dots and dashes. Few of them,
# so that no text makes the search long.
_GAP = "[\\s\u200b-\u200f\u2060\ufeff*_`~.·・\\-]{0,4}"


def _spaced(*letters: str) -> str:
    return _GAP.join(letters)


def _word(name: str) -> str:
    """A name in Latin letters that is no part of a longer word."""
    return f"(?<![a-z]){_spaced(*name)}(?![a-z])"


def _han(name: str) -> str:
    """A name in Chinese characters; `[义義]` is one of either script."""
    return _spaced(*re.findall(r"\[.+?\]|.", name))


_PLAIN = (
    f"(?<![a-z]){_spaced(*'qwen')}(?![a-z])|qwen(?:lm|vl|chat|max|plus|turbo)",
    _word("qianwen"),
    _word("tongyiqianwen"),
    _word("tongyilab"),
    _word("chatglm"),
    _word("zhipu"),
    _word("zhipuai"),
    r"(?<![a-z])z\.ai(?![a-z])",
    _word("smollm"),
    _han("通[义義]千[问問]"),
    _han("通[义義]") + "(?:大模型|[实實][验驗]室|万相|[灵靈][码碼])",
    # 才智谱写华章 is no name.
    _han("智[谱譜]") + "(?![写寫就出曲成])",
)
_MAKERS = (
    _han("阿里"),
    _han("[达達]摩院"),
    _han("通[义義]") + "(?!务|務|工)",
    _han("千[问問]"),
    _han("清[华華]"),
    _word("alibaba"),
    _word("alibabacloud"),
    _word("aliyun"),
    _word("damo"),
    _word("tongyi"),
    _word("tsinghua"),
    _word("huggingface"),
    _word("keg"),
    _word("glm"),
)
# A family of models with its number; the statistical one has none.
_NUMBERED = r"(?<![a-z])glm[\s\-]?\d"
_STATISTICS = re.compile(
    "[广廣][义義][线線]性|generali[sz]ed linear|regression|[回迴][归歸]|logit|link function|[链連]接函[数數]|glm\\("
)

_MADE = "(?:[训訓][练練]|[研开開][发發]|打造|[创創][建造]|[设設][计計]|推出|研制|研製|[发發]布)"
_MODEL = "(?:[语語]言模型|大模型|模型|助手|[机機]器人)"
_MADE_EN = "(?:trained|developed|created|built|made|designed)"
_MODEL_EN = "(?:language model|ai model|assistant|chat ?bot)"
_ANY = "(?:" + "|".join(_MAKERS) + ")"
# All within one sentence; `S` is anything but its end.
_SAID_OF_ITSELF = tuple(
    pattern.replace("S", "[^。！？!?\n]")
    for pattern in (
        f"我(?:是|叫|乃)S{{0,30}}{_ANY}S{{0,25}}{_MODEL}",
        f"我(?:叫|的名字[是叫]|名[为為叫])S{{0,6}}{_ANY}",
        f"我是{_GAP}{_ANY}{_GAP}(?:$|[，,。！!？?\n])",
        f"我(?:是)?(?:由|被)S{{0,15}}{_ANY}S{{0,20}}{_MADE}",
        f"我S{{0,4}}(?:[来來]自|出自)S{{0,6}}{_ANY}S{{0,20}}{_MODEL}",
        f"{_ANY}S{{0,20}}{_MADE}(?:了|出)?(?:了)?我(?!们|們|的)",
        f"{_MADE}(?:了)?我的S{{0,10}}{_ANY}",
        f"我的(?:[开開研][发發](?:者|[团團][队隊]|公司)|[创創]造者|作者)S{{0,10}}{_ANY}",
        f"{_ANY}S{{0,12}}{_MADE}的S{{0,14}}{_MODEL}",
        f"(?:作为|作為)S{{0,12}}{_ANY}S{{0,20}}{_MODEL}",
        rf"\b(?:i am|i'm|i’m|my name is|call me)\s+(?:called\s+|named\s+)?{_ANY}(?!\s+(?:student|user|customer))",
        rf"\b(?:i am|i'm|i’m|i was|i have been)\bS{{0,60}}{_MADE_EN}S{{0,40}}{_ANY}",
        rf"\b(?:i am|i'm|i’m)\bS{{0,60}}{_MODEL_EN}S{{0,40}}{_ANY}",
        rf"\b(?:i am|i'm|i’m)\bS{{0,30}}{_ANY}S{{0,30}}{_MODEL_EN}",
        rf"{_ANY}S{{0,20}}\b{_MADE_EN} me\b",
        rf"\bmy (?:maker|developer|creator)s?\bS{{0,20}}{_ANY}",
        rf"{_MODEL_EN}S{{0,20}}\b(?:by|from)\s+(?:the\s+)?{_ANY}",
        rf"\bas an? S{{0,30}}(?:ai|model|assistant)\bS{{0,30}}\b(?:by|from)\s+(?:the\s+)?{_ANY}",
    )
)
_TELLS = re.compile("|".join((*_PLAIN, *_SAID_OF_ITSELF)), re.MULTILINE)
_TELLS_BY_NUMBER = re.compile(_NUMBERED)


def names_a_model(text: str) -> bool:
    """Whether the text names one of the models or who made it, as a model does that speaks of itself.

    Case, width and spacing do not matter, simplified or traditional characters neither.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    if _TELLS.search(folded):
        return True
    return bool(_TELLS_BY_NUMBER.search(folded)) and not _STATISTICS.search(folded)


def is_leaked(battle: Battle) -> bool:
    """Whether anything that a rater of the battle has seen a model write tells which one it is."""
    return any(names_a_model(text) for side in (battle.a, battle.b) for text in _written(side))


def _written(side: Side) -> tuple[str, ...]:
    earlier = (message.content for message in side.messages if message.role == "assistant")
    return (*earlier, side.answer.text, side.answer.reasoning)

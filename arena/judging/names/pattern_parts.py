"""The parts that the patterns of arena.judging.names.chinese and english are made of, and how they are put together.

The patterns run over folded text in which names are marked (arena.judging.names.marks). Every repetition has an upper
bound, so that the time of a search grows with the text and no faster.
"""

from __future__ import annotations

import re

_PARTS = {
    # Names, of the battle or not: M a model's, W one that is also an ordinary word, L a lab's, F a firm's, N M or W,
    # V M or W with a version, X any.
    "M": "[\ue000\ue004]\ue008?",
    "W": "[\ue001\ue005]\ue008?",
    "N": "[\ue000\ue001\ue004\ue005]\ue008?",
    "V": "[\ue000\ue001\ue004\ue005]\ue008",
    "ML": "[\ue000\ue002\ue004\ue006]\ue008?",
    "MV": "(?:[\ue000\ue004]\ue008?|[\ue001\ue005]\ue008)",
    "WL": "[\ue001\ue002\ue005\ue006]\ue008?",
    "MLF": "[\ue000\ue002\ue003\ue004\ue006\ue007]\ue008?",
    "MWL": "[\ue000-\ue002\ue004-\ue006]\ue008?",
    "X": "[\ue000-\ue007]\ue008?",
    # One character of a clause, or of a sentence; `<c20>` stands for up to 20 of them.
    "c": "[^。!?\n,;:]",
    "s": "[^。!?\n]",
    "start": r"(?:^|[。!?\n,;:~>\])】(])[ \"]{0,2}",
    "end": r"(?=(?:是也|[呀啊啦哦喔呢哈嘛哟吧也]{1,2})?\s{0,3}(?:$|[。!?\n,;:~)(\"…\-—–、]))",
}


def compiled(parts: dict[str, str], *patterns: str) -> tuple[re.Pattern[str], ...]:
    """The patterns with each `<part>` replaced by what `parts` or the common ones say."""
    return tuple(re.compile(_filled(pattern, _PARTS | parts), re.MULTILINE) for pattern in patterns)


def _filled(pattern: str, parts: dict[str, str]) -> str:
    counted = re.sub(r"<([cs])(\d+)>", r"<\1>{0,\2}", pattern)
    filled = re.sub(r"<([a-zA-Z]+(?: [a-z]+)*|[\u4e00-\u9fff]+)>", lambda found: parts[found.group(1)], counted)
    return _filled(filled, parts) if filled != pattern else filled

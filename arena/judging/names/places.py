"""Names that tell by where they stand in a text: as its speaker, as its signature, or after a question."""

from __future__ import annotations

from arena.judging.names import chinese, english
from arena.judging.names.pattern_parts import compiled

_PARTS = {"ai": english.PARTS["ai"], "智": chinese.PARTS["智"]}
# At the head of the text, or after a line such as `Sure.`; no heading of what follows, and no definition.
_HEAD = r"\A\s{0,3}(?:[^\n:]{0,20}\n{1,3})?"
_ROLE = "(?:(?:your|the|a|friendly|friend|您的|你的|朋友|伙伴|<ai>|<智>)[ :,\n]{0,2})"
_TAIL = "(?:(?:[ ,(]{1,2}|'s )[^\n]{0,20}(?:<ai>|<智>)[^\n]{0,30})?"
_CLOSING = (
    r"^\s{0,3}(?:[-–—~]{1,8} ?|(?:best|yours|love|cheers|sincerely|take care|(?:\w{1,9} )?(?:regards|wishes))"
    r"(?: [^\n]{1,20})?[,。!]?\s{1,3}|from |(?:敬礼|祝好|敬上)[!。]?\s{1,3})"
)

LABELS = compiled(
    _PARTS,
    # Gemini: Sure!
    rf"{_HEAD}[\[(【]?(?:assistant |ai ?|ai助手|助手 ?)?\(?<M>[\])】]? ?(?:ai|回答|回复|说|助手|大模型)?[\])】]?:\s?"
    "(?!<s80><X>|(?:is )?an?\\b<s40><ai>|一[款种个家])",
    rf"{_HEAD}[^\n:]{{0,12}}\((?:by )?<N>\) ?[:\n](?!<s80><X>)",
    rf"{_HEAD}[\[【](?:来自)?<N>的?(?:回答|回复)?[\]】] ?[^\s(]",
    rf"{_HEAD}<WL>: ?(?=<s60>(?:我|您|\bi\b|\bi'm|\bsure\b|here is|here's|certainly|好的|你好))",
)
SIGNATURES = compiled(
    _PARTS,
    rf"{_CLOSING}{_ROLE}{{0,5}}<N>[。!]?{_TAIL}\s{{0,3}}\Z",
    r"[。!?,\n] ?\n[-–—~ ]{0,8}(?:(?:written |signed )?by )?<N>[!~]?\s{0,3}\Z|^[-–—~]{1,8} ?(?:written |signed )?by "
    r"<N>\s{0,3}\Z",
    rf"^(?:your|您的|你的) ?{_ROLE}{{1,4}}<N>[^\n]{{0,40}}\Z",
    r"^<N>,? ?(?:your|an?|the|您的|你的)[^\n]{0,20}(?:<ai>|<智>)[^\n]{0,40}\Z",
    r"^\s{0,3}\(?<M>\)?[。!~]?\s{0,3}\Z",
    r"^\s{0,3}(?:[-–—~]{1,3})?(?:来自)?<N>(?:的(?:回答|回复|祝福|问候)|敬上|谨启|谨上|上|留)\s{0,3}\Z",
    r"^(?:爱你|您忠实|你忠实|您|你|永远爱你)[^\n。,]{0,6}的<c6><N>\s{0,3}\Z",
    rf"[。!?] ?[-–—]{{1,8}} ?{_ROLE}{{0,5}}<N>[。!]?\s{{0,3}}\Z",
    rf"[。!?] ?{_ROLE}{{1,5}}<N>[。!]?\s{{0,3}}\Z",
    r"[。!?] ?\(<M>\)[。!]?\s{0,3}\Z",
    r"^author: <N>$",
    r"^signed[:,]? (?:by )?<N>",
)
ANSWERS = compiled(
    _PARTS,
    # Who made me? Anthropic.
    r"\b(?:who (?:made|built|created|trained|developed) me|(?:what's|what is) my name|(?:who|what) am "
    r"i)\?\s{0,2}(?:<c30>\b(?:by|from) )?<X>",
    r"(?:我是谁|我叫什么(?:名字)?|谁(?:开发|创造|训练|制造)了我)\?\s{0,2}<X>",
)

"""The notation of the patterns that find a speaker's own name, and the patterns of both languages together.

Patterns run over folded text in which names are marked (arena.judging.leaks.names). A pattern is a line; an indented
line continues the one before, and `#` begins a comment. `<name>` is a part of that name, and these are built in:
`<M>` a model's name, `<W>` one that is also an ordinary word, `<L>` a lab's, `<F>` a firm's, several letters any of
these, `<N>` M or W, `<X>` any, `<V>` M or W with a version, `<MV>` M or V; `<c20>` is up to 20 characters of a clause,
`<s20>` of a sentence. Every repetition has an upper bound, so that a search takes time in proportion to the text.
"""

import re

_PARTS_TEXT = r"""
[parts]
c: [^。!?\n,;:]
s: [^。!?\n]
start: (?:^|[。!?\n,;:~>\])】(])[ \"]{0,2}
end: (?=(?:是也|[呀啊啦哦喔呢哈嘛哟吧也]{1,2})?\s{0,3}(?:$|[。!?\n,;:~)(\"…\-—–、]))
N: <MW>
X: <MWLF>
V: [\ue000\ue001\ue004\ue005]\ue008
MV: (?:<M>|<V>)
ai: \b(?:language models?|models?|llms?|assistants?|ais?|chat ?bots?|bots?|artificial intelligence|series|family
    |fine-?tunes?|checkpoints?)\b
智: (?:语言模型|模型|助手|助理|机器人|人工智能|智能体|智能|(?<![a-z])ai(?![a-z])|chatbot|assistant)
# One name after another: not ChatGPT, Claude or Gemini.
names: <X>(?:(?:[ ,、/]|\b(?:and|or|nor|by|from|the|an?)\b|和|或|与|及|以及|也不是|又不是|更不是|也不|由){1,6}<X>){0,8}
# The head of the text, or what follows a line such as `Sure.`
head: \A\s{0,3}(?:[^\n:]{0,20}\n{1,3})?
role: (?:(?:your|the|a|friendly|friend|您的|你的|朋友|伙伴|<ai>|<智>)[ :,\n]{0,2})
tail: (?:(?:[ ,(]{1,2}|'s )[^\n]{0,20}(?:<ai>|<智>)[^\n]{0,30})?
closing: ^\s{0,3}(?:[-–—~]{1,8} ?|(?:best|yours|love|cheers|sincerely|take care|(?:\w{1,9} )?(?:regards|wishes))
    (?: [^\n]{1,20})?[,。!]?\s{1,3}|from |(?:敬礼|祝好|敬上)[!。]?\s{1,3})
"""


def read_patterns(text: str) -> dict[str, tuple[re.Pattern[str], ...]]:
    """The patterns of a text by section. A line of the section `parts` is `name: pattern`; the patterns of `denies` and
    `supposes` are read with the names that follow them."""
    sections = _sections(text)
    parts = _PARTS | dict(line.split(": ", 1) for line in sections.pop("parts", []))
    for kind in ("denies", "supposes"):
        sections[kind] = [f"(?:{before})<names>" for before in sections.get(kind, [])]
    return {
        kind: tuple(re.compile(_filled(line, parts), re.MULTILINE) for line in lines)
        for kind, lines in sections.items()
    }


def _sections(text: str) -> dict[str, list[str]]:
    """The lines of each section."""
    sections: dict[str, list[str]] = {}
    for line in text.split("\n"):
        if re.fullmatch(r"\[[a-z ]+\]", line):
            sections[line[1:-1]] = []
        elif line.startswith("    "):
            list(sections.values())[-1][-1] += line[4:]
        elif line and not line.startswith("#"):
            list(sections.values())[-1].append(line)
    return sections


def _filled(pattern: str, parts: dict[str, str]) -> str:
    def part(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in parts:
            return parts[name]
        marks = (chr(mark + "MWLF".index(kind)) for kind in name for mark in (0xE000, 0xE004))
        return f"[{''.join(marks)}]\ue008?"

    counted = re.sub(r"<([cs])(\d+)>", r"<\1>{0,\2}", pattern)
    filled = re.sub(r"<([a-zA-Z]+(?: [a-z]+)*|[\u4e00-\u9fff]+)>", part, counted)
    return _filled(filled, parts) if filled != pattern else filled


_PARTS: dict[str, str] = dict(line.split(": ", 1) for line in _sections(_PARTS_TEXT)["parts"])
# Names that reveal the writer by their place: as the label of the text, as its signature, or after a question.
PLACES = read_patterns(r"""
[labels]
# Gemini: Sure!
<head>[\[(【]?(?:assistant |ai ?|ai助手|助手 ?)?\(?<M>[\])】]? ?(?:ai|回答|回复|说|助手|大模型)?[\])】]?:\s?
    (?!<s80><X>|(?:is )?an?\b<s40><ai>|一[款种个家])
<head>[^\n:]{0,12}\((?:by )?<N>\) ?[:\n](?!<s80><X>)
<head>[\[【](?:来自)?<N>的?(?:回答|回复)?[\]】] ?[^\s(]
<head><WL>: ?(?=<s60>(?:我|您|\bi\b|\bi'm|\bsure\b|here is|here's|certainly|好的|你好))
[signatures]
<closing><role>{0,5}<N>[。!]?<tail>\s{0,3}\Z
[。!?,\n] ?\n[-–—~ ]{0,8}(?:(?:written |signed )?by )?<N>[!~]?\s{0,3}\Z
^[-–—~]{1,8} ?(?:written |signed )?by <N>\s{0,3}\Z
^(?:your|您的|你的) ?<role>{1,4}<N>[^\n]{0,40}\Z
^<N>,? ?(?:your|an?|the|您的|你的)[^\n]{0,20}(?:<ai>|<智>)[^\n]{0,40}\Z
^\s{0,3}\(?<M>\)?[。!~]?\s{0,3}\Z
^\s{0,3}(?:[-–—~]{1,3})?(?:来自)?<N>(?:的(?:回答|回复|祝福|问候)|敬上|谨启|谨上|上|留)\s{0,3}\Z
^(?:爱你|您忠实|你忠实|您|你|永远爱你)[^\n。,]{0,6}的<c6><N>\s{0,3}\Z
[。!?] ?[-–—]{1,8} ?<role>{0,5}<N>[。!]?\s{0,3}\Z
[。!?] ?<role>{1,5}<N>[。!]?\s{0,3}\Z
[。!?] ?\(<M>\)[。!]?\s{0,3}\Z
^author: <N>$
^signed[:,]? (?:by )?<N>
[answers]
# Who made me? Anthropic.
\b(?:who (?:made|built|created|trained|developed) me|(?:what's|what is) my name|(?:who|what) am i)\?\s{0,2}
    (?:<c30>\b(?:by|from) )?<X>
(?:我是谁|我叫什么(?:名字)?|谁(?:开发|创造|训练|制造)了我)\?\s{0,2}<X>
""")

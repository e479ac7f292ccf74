"""The notation of the patterns that find a speaker's own name, and the patterns of both languages together.

Patterns run over folded text in which names are marked (arena.judging.leaks.names). A pattern is a line; an indented
line continues the one before, and `#` begins a comment. `<name>` is a part of that name, and these are built in:
`<M>` a model's name, `<W>` one that is also an ordinary word, `<L>` a lab's, `<F>` a firm's, several letters any of
these, `<N>` M or W, `<X>` any, `<V>` M or W with a version, `<MV>` M or V; `<c20>` is up to 20 characters of a clause,
`<s20>` of a sentence. Every repetition has an upper bound, so that a search takes time in proportion to the text.
"""

import re
from pathlib import Path


def read_patterns(name: str) -> dict[str, tuple[re.Pattern[str], ...]]:
    """The patterns of the file `name`.txt here by section.

    A line of the section `parts` is `name: pattern`; the patterns of `denies` and `supposes` are read with the names
    that follow them.
    """
    sections = read_sections(name)
    parts = _PARTS | dict(line.split(": ", 1) for line in sections.pop("parts", []))
    for kind in ("denies", "supposes"):
        sections[kind] = [f"(?:{before})<names>" for before in sections.get(kind, [])]
    return {
        # ASCII: folded text has no space between Chinese and English, and a word begins there.
        kind: tuple(re.compile(_filled(line, parts), re.MULTILINE | re.ASCII) for line in lines)
        for kind, lines in sections.items()
    }


def read_sections(name: str) -> dict[str, list[str]]:
    """The lines of each section of the file `name`.txt here."""
    sections: dict[str, list[str]] = {}
    for line in Path(__file__).with_name(f"{name}.txt").read_text(encoding="utf-8").split("\n"):
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


_PARTS: dict[str, str] = dict(line.split(": ", 1) for line in read_sections("parts")["parts"])
PLACES, QUOTATIONS, EN, ZH = map(read_patterns, ("places", "quotations", "patterns_en", "patterns_zh"))

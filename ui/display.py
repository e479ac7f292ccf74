"""Display copies: what a pane shows, made from untrusted raw text.

Nothing is read back from a display copy: the raw text is stored elsewhere. This module does not render Markdown; the
browser does (gradio 6.31: marked 12, then KaTeX). It rewrites only what would run, load, vanish or break there. The
Chatbot needs latex_delimiters=LATEX_DELIMITERS, allow_tags=True,
reasoning_tags=[] and sanitize_html left on.

Our reading of Markdown and the browser's differ in odd cases, so nothing may depend on their agreeing. Outside code
no raw HTML, image or reference definition is left and links lead to http(s) only, whatever is bold or a list. Code
is rewritten until the browser has one way to read it: see _fence here and Paragraph._code in ui/inline.py.
"""

import re
from collections.abc import Iterator

from ui.inline import GAP, MARK, Paragraph

# The invisible mark makes the delimiters ours. gradio cuts formulas out of the whole text before it reads Markdown,
# even out of code: with plain delimiters `echo $$` in a shell script and a lone `\(` would be cut as well.
LATEX_DELIMITERS: list[dict[str, str | bool]] = [
    {"left": f"{MARK}$$", "right": f"$${MARK}", "display": True},
    {"left": f"{MARK}\\[", "right": f"\\]{MARK}", "display": True},
    {"left": f"{MARK}\\(", "right": f"\\){MARK}", "display": False},
]

_ODD = re.compile("[\0\ud800-\udfff]")  # NUL and halves of surrogate pairs cannot be sent to the browser
_FENCE = re.compile(
    r"(?P<lead>(?: *+(?:>|[-*+](?= )|\d{1,9}[.)](?= ))){0,20}+ *+)(?P<ticks>`{3,}+(?=[^`]*$)|~{3,}+)(?P<info>.*)"
)
_LIST_ITEM = re.compile(r"[ >]*(?:[-*+]|\d{1,9}[.)])(?: |$)")

# gradio 6.31 draws a diagram for `mermaid` and shows nothing for `cpp` (it loads C++ without C) and `constructor` (it
# looks the word up in a plain object). The other names only bring colours.
_LANGUAGES = {"cpp": "c", "mermaid": "text", "constructor": "text"} | {
    alias: name
    for name, aliases in {
        "c": "c++ cc cxx hpp h",
        "python": "py python3",
        "javascript": "ts typescript jsx tsx",
        "bash": "sh shell zsh console",
        "yaml": "yml",
        "rust": "rs",
        "latex": "tex",
    }.items()
    for alias in aliases.split()
}

# What Markdown would take for markup in text that a person typed: anywhere, and in some places only.
_MARKUP = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]<>~|&@"})
_MARKUP_AFTER = re.compile(r"^\d{1,9}(?=[.)])|^(?=[-+=#:])|[wW]{3}(?=\.)|(?=://)", re.MULTILINE)


def display_copy(text: str) -> str:
    """An answer, or any beginning of it, as the pane shows it: Markdown that the browser renders, nothing live."""
    return _keep_margin("\n".join(_blocks(_clean(text).split("\n"))).strip("\n"))


def plain_copy(text: str) -> str:
    """What a person typed, shown as typed: no Markdown, no formulas, no links; spaces and line breaks kept."""
    lines = [line.rstrip(" ") for line in _clean(text).strip("\n").split("\n")]
    text = _MARKUP_AFTER.sub(r"\g<0>\\", "\n".join(lines).translate(_MARKUP))
    # An entity first: cleandoc strips white space.
    text = re.sub("^ +", lambda spaces: "&nbsp;" + "\u00a0" * (len(spaces[0]) - 1), text, flags=re.MULTILINE)
    text = re.sub("(?<= ) ", "\u00a0", text)
    return re.sub(r"^(?=\s)", GAP, text, flags=re.MULTILINE)  # an empty line would end the paragraph


def _clean(text: str) -> str:
    # gradio makes eight spaces of a tab, which breaks lists. Four is what Markdown means.
    text = _ODD.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n").replace(MARK, "")).expandtabs(4)
    return text.replace("%%%LATEX_BLOCK_", "%\u2060%%LATEX_BLOCK_")  # gradio's own stand-in for a formula


def _keep_margin(text: str) -> str:
    """gradio passes a message through inspect.cleandoc, which eats the indentation that all lines but the first share.

    A comment of two lines, which shows nothing, gives it other lines to measure.
    """
    rest = [line for line in text.split("\n")[1:] if line.strip()]
    if text[:1].isspace() or (rest and all(line[0].isspace() for line in rest)):
        return f"<!--\n-->\n\n{text}"
    return text


def _blocks(lines: list[str]) -> Iterator[str]:
    """Rewrites code blocks with _fence and the paragraphs between them with Paragraph."""
    prose: list[str] = []
    in_list = False
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            yield from _paragraph(prose)
            yield ""
            at += 1
        elif opening := _FENCE.fullmatch(line):
            yield from _paragraph(prose)
            at, body = _fence_body(lines, at + 1, opening)
            lead = opening["lead"]
            if not lead.strip() and not in_list:
                lead = ""  # a fence in no list and no quote may stand anywhere
            in_list = in_list and lead != ""
            yield from _fence(lead, _language(opening["info"]), body)
        elif line.startswith("    ") and not prose and not in_list:
            at, body = _indented_body(lines, at)
            yield from _fence("", "", body)
        else:
            at += 1
            if _LIST_ITEM.match(line):
                in_list = True
            elif not prose and not line.startswith(" "):
                in_list = False
            prose.append(line)
    yield from _paragraph(prose)


def _paragraph(prose: list[str]) -> Iterator[str]:
    if prose:
        yield Paragraph("\n".join(prose)).rewritten()
        prose.clear()


def _fence_body(lines: list[str], at: int, opening: re.Match[str]) -> tuple[int, list[str]]:
    """The number of the line after the fence, and its lines without what a list or a quote puts before them."""
    quotes = re.compile("(?: *> ?)" * opening["lead"].count(">"))
    hang = _hang(opening["lead"])
    inside = quotes.match(hang)
    indent = len(hang) - (inside.end() if inside else 0)
    ticks = opening["ticks"]
    body: list[str] = []
    for number in range(at, len(lines)):
        start = quotes.match(lines[number])
        if not start:  # the quote ends, and the fence with it
            return number, body
        line = lines[number][start.end() :]
        line = line[min(indent, len(line) - len(line.lstrip(" "))) :]
        if line.lstrip(" ").startswith(ticks) and not line.strip(" ").strip(ticks[0]):
            return number + 1, body
        body.append(line)
    return len(lines), body


def _indented_body(lines: list[str], at: int) -> tuple[int, list[str]]:
    end = at
    for number in range(at, len(lines)):
        if lines[number].startswith("    ") and lines[number].strip():
            end = number + 1
        elif lines[number].strip():
            break
    return end, [line[4:] for line in lines[at:end]]


def _language(info: str) -> str:
    word = re.match(r"[a-z0-9+#.-]*", info.strip().lower())
    name = word[0] if word else ""
    return _LANGUAGES.get(name, name)


def _hang(lead: str) -> str:
    """What stands before the lines under a list item or quote that starts with `lead`."""
    return re.sub("[^ >]", " ", lead)


def _fence(lead: str, language: str, body: list[str]) -> Iterator[str]:
    """A fence that the browser cannot read as anything but code.

    Between blank lines no paragraph swallows it, no run of backticks in it ends it, and each line is indented like
    the first: where the browser sees no list, it sees indented code.
    """
    runs = re.findall("`+", "\n".join(body))
    ticks = "`" * max(3, 1 + max(map(len, runs), default=0))
    hang = _hang(lead)
    yield hang.rstrip()
    yield lead + ticks + language
    yield from ((hang + line).rstrip() if not line.strip() else hang + line for line in body)
    yield hang + ticks
    yield hang.rstrip()

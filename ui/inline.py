"""Rewrites one paragraph of a model's answer for ui/display.py, from left to right and in linear time.

ui/display.py handles fences and other blocks, and lists what this guards against.
"""

import re
import unicodedata
from bisect import bisect_right

MARK = "\u2063"  # invisible; part of the formula delimiters, see LATEX_DELIMITERS
# Invisible as well, but white space to the browser's Markdown: it ends a bare URL, and ** opens and closes next to it.
GAP = "\ufeff"
_COMMENT = "<!---->"  # ends a bare URL too, and leaves no character behind

_URL_CHARACTER = r"(?:[A-Za-z0-9._:/?#@&=+,;%'()-]|~(?=[A-Za-z0-9]))"
_ADDRESS = re.compile(r"(?:https?|ftp)://|www\.", re.IGNORECASE)
_IN_LINK = r"[^\s<>()\[\]\\`|\"]*+"
_TOKEN = re.compile(
    rf"""(?P<math>\\[(\[]|\$\$)
    |(?P<dollar>\$(?=[^\s$]))
    |(?P<break><br[ ]?/?>)
    |(?P<escape>\\[!-/:-@\[-`{{-~]?)
    |(?P<ticks>`+)
    |(?P<image>!\[)
    |(?P<link>\]\(https?://{_IN_LINK}(?:\({_IN_LINK}\){_IN_LINK})*+(?=\)|[ ]"[^"<\\`\n]*"\)))
    |(?P<other_link>\]\()
    |(?P<definition>\]:)
    |(?P<autolink><https?://{_URL_CHARACTER}++>)
    |(?P<less><(?=[A-Za-z/!?\\]|[^<>*]*+\*[^<>]*+>))
    |(?P<url>(?i:(?:https?|ftp)://|www\.){_URL_CHARACTER}*+)
    |(?P<stars>\*+)
    |(?P<tildes>~+)
    |(?P<open>\[)
    |(?P<close>\])""",
    re.VERBOSE,
)
_ESCAPED = {"image": "!\\[", "other_link": "]\\(", "definition": "]\\:"}
_CLOSERS = {"$$": "$$", "\\[": "\\]", "\\(": "\\)"}
# The next dollar ends $...$ by pandoc's rule, so that prices stay: no space before it and no digit after it.
_NEXT_DOLLAR = re.compile(r"(?<!\\)\$")
_DOLLAR_END = re.compile(r"(?<![\s$])\$(?![\d$])")
_NO_FORMULA = re.compile(r"[`\n]|^[\d.,]+\s[\d.,\s]*$|^[^\\]*[\u3000-\u9fff\uff00-\uffef][^\\]*$")
_HIDES_STARS = re.compile(r"<[^<>]*\*")
_LIVE = re.compile(r"<[A-Za-z/!?\\]|!\[|\]\(|\]:")  # would do harm if the browser took this code for prose
_UNSURE = re.compile(r"``|[~*_\[\]|\\]")  # may let the browser end this code elsewhere


class Paragraph:
    """The lines up to a blank one, be it a list or a table."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.out: list[str] = []
        self.spans: list[int] = []  # which pieces of `out` are code
        self.open: list[int] = []  # which pieces of `out` are a [ with no ] after it
        self.bold = False  # whether a ** is open on this line
        self.url = False  # whether the browser may still be reading a bare URL: it does up to white space or <
        self.closers: dict[str, int] = {}  # the next \) and so on, so that none is searched for twice
        self.runs: dict[int, list[int]] = {}  # where runs of backticks start, by length
        for run in re.finditer("`+", text):
            self.runs.setdefault(len(run[0]), []).append(run.start())

    def rewritten(self) -> str:
        """The paragraph as the browser may have it."""
        at = 0
        while token := _TOKEN.search(self.text, at):
            if at < token.start():
                self._put(self.text[at : token.start()])
            at = self._token(token)
        self._put(self.text[at:])
        for number in self.open:  # a reference definition may begin here and end, blank lines later, in a fence
            self.out[number] = "\\["
        spans = [self.out[number] for number in self.spans]
        if any(map(_UNSURE.search, spans)):
            for number, span in zip(self.spans, spans, strict=True):
                self.out[number] = _code_of_entities(span) if _LIVE.search(span) else span
        return "".join(self.out)

    def _token(self, token: re.Match[str]) -> int:
        """Rewrites a token and returns where the next one may begin."""
        match token.lastgroup:
            case "math":
                return self._math(token)
            case "dollar":
                return self._dollar(token)
            case "break":  # models break lines in table cells so
                self._put("<br>" if self._is_in_table_row(token.start()) else "\\<" + token[0][1:])
            case "ticks":
                return self._code(token)
            case "stars":
                self._stars(token)
            case "tildes":
                self._tildes(token)
            case "less":  # the browser overlooks a ** between < and >
                self._put("&lt;" if _HIDES_STARS.match(self.text, token.start()) else "\\<")
            case "url" | "link":
                self._put(token[0])
                self.url = True
                if token.lastgroup == "url" and not self.text[token.end() : token.end() + 1].isascii():
                    self._put(GAP)  # a Chinese sentence goes on without a space
            case kind:
                self._put(_ESCAPED.get(kind or "", token[0]))
        if token[0] == "[":
            self.open.append(len(self.out) - 1)
        elif token[0][0] == "]":
            self.open.clear()
        return token.end()

    def _put(self, piece: str) -> None:
        if self.url and piece.startswith(("\\", "`", "&", MARK)):
            self.out.append(_COMMENT)  # else the URL would swallow the backslash that guards a <
            self.url = False
        self.url = self.url and not re.search(f"[ \n<{GAP}]", piece)
        if "\n" in piece:
            self.bold = False
        self.out.append(piece)

    def _math(self, token: re.Match[str]) -> int:
        """Marks a formula as one. An opener that nothing closes stays visible text."""
        opener, start = token[0], token.end()
        closer = _CLOSERS[opener]
        if self.closers.get(closer, 0) <= start:
            end = self.text.find(closer, start + 1)
            self.closers[closer] = len(self.text) if end < 0 else end
        end = self.closers[closer]
        if end == len(self.text) or self.text.find(opener, start, end) >= 0 or self.text[start:end].isspace():
            self._put(opener if opener == "$$" else "\\" + opener)
            return start
        end += len(closer)
        self._put(MARK + self.text[token.start() : end] + MARK)
        return end

    def _dollar(self, token: re.Match[str]) -> int:
        """Marks $...$ as a formula in the line."""
        start = token.end()
        if self.closers.get("$", -1) <= start:
            match = _NEXT_DOLLAR.search(self.text, start + 1)
            self.closers["$"] = match.start() if match else len(self.text)
        end = self.closers["$"]
        formula = self.text[start:end] if _DOLLAR_END.match(self.text, end) else ""
        if not formula or _NO_FORMULA.search(formula):
            self._put("$")
            return start
        self._put(f"{MARK}\\({formula}\\){MARK}")
        return end + 1

    def _is_in_table_row(self, at: int) -> bool:
        row = self.text[self.text.rfind("\n", 0, at) + 1 : at].lstrip()
        return row.startswith("|")

    def _code(self, token: re.Match[str]) -> int:
        """Keeps a code span that ends on its line. Other backticks are escaped, so that the browser pairs none."""
        start, length = token.end(), len(token[0])
        runs = self.runs.get(length, [])
        following = bisect_right(runs, token.start())
        if following == len(runs) or "\n" in self.text[start : runs[following]]:
            self._put("\\`" * length)
            return start
        end = runs[following] + length
        span = self.text[token.start() : end]
        self._put(span)
        self.spans.append(len(self.out) - 1)
        self.url = bool(_UNSURE.search(span) and _ADDRESS.search(span[max(span.rfind(" "), span.rfind("<")) + 1 :]))
        return end

    def _stars(self, token: re.Match[str]) -> None:
        """CommonMark does not close **重点：**后面, since the stars stand between punctuation and a letter."""
        before = self.text[max(0, token.start() - 1) : token.start()] or " "
        after = self.text[token.end() : token.end() + 1] or " "
        foreign = not (before + after).isascii()  # 2**(n) is no bold
        gap_before = gap_after = ""
        if len(token[0]) == 1:  # a bullet, or a slant, which Chinese text does not use
            pass
        elif self.bold and not before.isspace():
            self.bold = False
            gap_after = GAP if foreign and _is_punctuation(before) and _is_word(after) else ""
        elif not self.bold and not after.isspace():
            self.bold = True
            gap_before = GAP if foreign and _is_word(before) and _is_punctuation(after) else ""
        self._put(gap_before + token[0] + gap_after)

    def _tildes(self, token: re.Match[str]) -> None:
        """1~3 and 4~5 are ranges; only ~~two~~ strike through. A backtick after a ~ would not be seen as code."""
        in_range = len(token[0]) == 1 and self.text.find("~", token.end()) >= 0
        before_code = self.text.startswith("`", token.end())
        self._put(token[0].replace("~", "\\~") if in_range or before_code else token[0])


def _is_punctuation(character: str) -> bool:
    # The browser looks at halves of a surrogate pair here and sees letters.
    return unicodedata.category(character)[0] in "PS" and character <= "\uffff"


def _is_word(character: str) -> bool:
    return not character.isspace() and not _is_punctuation(character)


def _code_of_entities(span: str) -> str:
    code = span.strip("`")
    code = code[1:-1] if code.startswith(" ") and code.endswith(" ") and code.strip() else code
    return "<code>" + re.sub(r"[^\w\s]|_", lambda mark: f"&#{ord(mark[0])};", code) + "</code>"

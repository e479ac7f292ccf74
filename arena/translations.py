"""Looks up a string in Chinese or English and fills in its fields."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

LANGUAGES = ("zh", "en")
Table = Mapping[str, tuple[str, str]]
"""key -> (Chinese, English), with fields in braces."""

# A field followed by a noun that loses its plural if the field is 1: "{votes} blind votes".
_COUNTED = re.compile(
    r"(\{(\w+)\} (?:blind |more |decisive )?"
    r"(?:vote|rater|tie|point|token|prompt|answer|character|check|judgement|pair))s\b"
)


def read_table(path: Path) -> Table:
    """The table in a TOML file with lines such as: key = ["Chinese", "English"]."""
    lines = tomllib.loads(path.read_text(encoding="utf-8"))
    return {key: (chinese, english) for key, (chinese, english) in lines.items()}


class Texts:
    """The strings of one or more tables. A key that is in two tables raises ValueError."""

    def __init__(self, *tables: Table) -> None:
        merged: dict[str, tuple[str, str]] = {}
        for table in tables:
            if repeated := merged.keys() & table.keys():
                raise ValueError(f"These keys are in two tables: {sorted(repeated)}. Rename one of each.")
            merged.update(table)
        self.table: Table = MappingProxyType(merged)

    def __contains__(self, key: str) -> bool:
        return key in self.table

    def text(self, lang: str, key: str, **fields: object) -> str:
        """The string `key` in `lang` (zh or en) with its fields filled in.

        Raises KeyError for an unknown key or a missing field, ValueError for an unknown language.
        """
        template = self.table[key][LANGUAGES.index(lang)]
        if lang == "en":
            template = _COUNTED.sub(lambda match: match[1] if str(fields[match[2]]) == "1" else match[0], template)
        return template.format(**fields)


def listed(lang: str, names: Iterable[str]) -> str:
    """The names as a list in the language, with its own separator."""
    return ("、" if lang == "zh" else ", ").join(names)


def percent(share: float) -> str:
    """A share of 1 in percent, without the sign: 75, or 71.4. Only one half reads 50: 50.03."""
    is_half = abs(share - 0.5) < 0.00005
    short = f"{100 * share:.1f}".removesuffix(".0")
    return short if is_half or short != "50" else f"{100 * share:.2f}"


def time_text(seconds: float) -> str:
    """A duration as h:mm:ss."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"

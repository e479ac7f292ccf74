"""The strings that results and reports share: the verdict, dimensions, plots."""

from pathlib import Path

from arena.prompts import DIMENSIONS
from arena.translations import Texts, read_table

TEXTS = read_table(Path(__file__).with_suffix(".toml"))
text = Texts(TEXTS).text


def dimension_name(lang: str, name: str) -> str:
    """The label of a dimension. A dimension that only the prompt set knows is its own label."""
    return text(lang, name) if name in (*DIMENSIONS, "") else name

"""The strings of a report."""

from pathlib import Path

from arena.results import texts as results
from arena.translations import Texts, read_table

TEXTS = read_table(Path(__file__).with_suffix(".toml"))
text = Texts(TEXTS, results.TEXTS).text


def duration(lang: str, seconds: float | None) -> str:
    """A time as "30.0 s" or "1 min 40 s", or that it is not recorded."""
    if seconds is None:
        return text(lang, "unknown")
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if lang == "en" else f"{minutes} 分 {rest} 秒"


def gigabytes(size: float) -> str:
    """A size in bytes, as GB."""
    return f"{size / 1e9:.1f} GB"

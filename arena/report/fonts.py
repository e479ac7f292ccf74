"""Whether this machine has a font for Chinese, so that plots do not show boxes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

_NAMES = re.compile(
    r"noto.*(?:cjk|sc-|hans)|source.?han|msyh|simsun|simhei|simkai|deng|pingfang|st(?:heiti|song|kaiti)|songti|heiti|hiragino"
    r"|wqy|wenquanyi|droidsansfallback|ukai|uming|sarasa|lxgw|harmonyos.*sc|misans|alibaba",
    re.IGNORECASE,
)
_KINDS = (".ttf", ".ttc", ".otf", ".otc")


def font_folders() -> list[Path]:
    """Where the usual systems keep fonts."""
    home = Path.home()
    return [
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        home / ".fonts",
        home / ".local/share/fonts",
        Path("/System/Library/Fonts"),
        Path("/Library/Fonts"),
        home / "Library/Fonts",
        Path("C:/Windows/Fonts"),
    ]


def has_chinese_font(folders: Iterable[Path] | None = None) -> bool:
    """By the names of the files: to look into each of them takes longer than all the rest of a report."""
    for folder in font_folders() if folders is None else folders:
        for _, _, files in os.walk(folder):
            if any(name.lower().endswith(_KINDS) and _NAMES.search(name) for name in files):
                return True
    return False

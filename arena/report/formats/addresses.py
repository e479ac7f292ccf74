"""Which texts are web addresses, so that a format may make a link of them."""

from __future__ import annotations

import re


def is_address(text: str) -> bool:
    """Whether all of the text is an address of the web that Markdown can hold as well."""
    return bool(re.fullmatch(r"https?://[^\s<>]+", text))

"""A plot's specification as a picture, without browser and network."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

_VERSION = "6.4"


def as_svg(spec: Mapping[str, Any], label: str = "") -> str:
    """An SVG element; its texts stay texts. A screen reader reads the label in place of the picture."""
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg(dict(spec), vl_version=_VERSION, allowed_base_urls=[])
    return svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(label)}" ', 1) if label else svg


def as_png(spec: Mapping[str, Any]) -> bytes:
    """Twice as many pixels as the specification says, for print."""
    import vl_convert

    png: bytes = vl_convert.vegalite_to_png(dict(spec), vl_version=_VERSION, scale=2, allowed_base_urls=[])
    return png

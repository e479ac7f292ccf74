"""A plot's specification as a picture, without browser and network. Knows nothing of what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_VERSION = "6.4"


def as_svg(spec: Mapping[str, Any]) -> str:
    """An SVG element; its texts stay texts."""
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg(dict(spec), vl_version=_VERSION, allowed_base_urls=[])
    return svg


def as_png(spec: Mapping[str, Any]) -> bytes:
    """Twice as many pixels as the specification says, for print."""
    import vl_convert

    png: bytes = vl_convert.vegalite_to_png(dict(spec), vl_version=_VERSION, scale=2, allowed_base_urls=[])
    return png

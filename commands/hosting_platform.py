"""Detects from environment variables where the app runs: a user's machine, a Space or a Studio."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

# What a host gives that shows the page to the world.
_EVERYWHERE, _PORT = "0.0.0.0", "7860"


@dataclass(frozen=True)
class Platform:
    """`host` is "space", "studio" or "" (nobody's but one's own); `disk` outlives a restart there, None where there is
    none that can be written."""

    host: str = ""
    disk: Path | None = None

    @property
    def keeps(self) -> bool:
        """Whether what is written outlives a restart, as far as the environment tells."""
        return not self.host or self.disk is not None


def platform_of(environment: Mapping[str, str], root: Path = Path("/")) -> Platform:
    """A Space says SPACE_ID and may have /data; ModelScope says MODELSCOPE_ENVIRONMENT, and keeps /mnt/workspace."""
    if environment.get("SPACE_ID"):
        return Platform("space", _writable(root / "data"))
    if environment.get("MODELSCOPE_ENVIRONMENT") == "studio":
        return Platform("studio", _writable(root / "mnt" / "workspace"))
    return Platform()


def settle(platform: Platform, environment: MutableMapping[str, str]) -> None:
    """What nobody set is set as the platform wants it, as environment variables: every command reads them."""
    if not platform.host:
        return
    environment.setdefault("ARENA_HOST", environment.get("GRADIO_SERVER_NAME", _EVERYWHERE))
    environment.setdefault("ARENA_PORT", environment.get("GRADIO_SERVER_PORT", _PORT))
    if platform.disk:
        environment.setdefault("ARENA_DATA_DIR", str(platform.disk / "arena"))


def _writable(folder: Path) -> Path | None:
    return folder if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK) else None

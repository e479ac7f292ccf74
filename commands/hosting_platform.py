"""Detects from environment variables where the app runs: a user's machine, a Space or a Studio."""

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

# A host that publishes the page expects it on all interfaces and this port.
_ALL_INTERFACES, _PORT = "0.0.0.0", "7860"
# Set for programs that are started in a notebook, or in a terminal beside one.
_NOTEBOOKS = (
    "JPY_PARENT_PID",
    "JUPYTER_SERVER_URL",
    "JUPYTERHUB_SERVICE_PREFIX",
    "COLAB_RELEASE_TAG",
    "KAGGLE_KERNEL_RUN_TYPE",
)


@dataclass(frozen=True)
class Platform:
    """`host` is "space", "studio", or "" for a user's machine. `disk` is a writable folder of the host that outlives a
    restart, None if there is none. `is_notebook` is whether the page is opened through a notebook's proxy."""

    host: str = ""
    disk: Path | None = None
    is_notebook: bool = False

    @property
    def keeps(self) -> bool:
        """Whether written files outlive a restart."""
        return not self.host or self.disk is not None


def platform_of(environment: Mapping[str, str], root: Path = Path("/")) -> Platform:
    """A Space sets SPACE_ID and may have /data; a Studio sets MODELSCOPE_ENVIRONMENT and has /mnt/workspace."""
    if environment.get("SPACE_ID"):
        return Platform("space", _writable(root / "data"))
    if environment.get("MODELSCOPE_ENVIRONMENT") == "studio":
        return Platform("studio", _writable(root / "mnt" / "workspace"))
    return Platform(is_notebook=any(map(environment.get, _NOTEBOOKS)))


def settle(platform: Platform, environment: MutableMapping[str, str]) -> None:
    """Sets the environment variables that the platform needs and that nobody set; every command reads them."""
    if not platform.host:
        return
    environment.setdefault("ARENA_HOST", environment.get("GRADIO_SERVER_NAME", _ALL_INTERFACES))
    environment.setdefault("ARENA_PORT", environment.get("GRADIO_SERVER_PORT", _PORT))
    if platform.disk:
        environment.setdefault("ARENA_DATA_DIR", str(platform.disk / "arena"))


def _writable(folder: Path) -> Path | None:
    return folder if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK) else None

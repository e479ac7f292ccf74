"""The compiled kernels of whoever runs the tests, for a home folder that a test has made."""

from __future__ import annotations

from pathlib import Path

from backends.packed.kernel_build import _folder


def share_kernels(home: Path) -> None:
    """Lets programs with this home use kernels that are compiled already: to compile them anew takes seconds."""
    kept = _folder()
    cache = home / ".cache"
    cache.mkdir(exist_ok=True)
    (cache / kept.name).symlink_to(kept, target_is_directory=True)

"""Jobs of packing, as the command makes them from the micro folders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from backends.folder.packed import PackedInfo, stamp_of
from backends.packed.pack import Job

ORIGINALS = ("qwen-micro-vocab2048", "chatglm3-micro-vocab2048", "chatglm3-micro-bin")


def job_for(folder: Path, precision: str = "int4", group: int = 32, **changes: Any) -> Job:
    """To be packed beside the folder."""
    group = group if precision == "int4" else 0
    info = PackedInfo(precision, group, "nearest", folder.name, "rev1", stamp_of(folder))
    return replace(Job(folder, folder.with_name(f"{folder.name}@{precision}"), info), **changes)


def silent(done: int, total: int, name: str) -> None:
    """Shows no progress."""

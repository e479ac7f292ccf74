"""How much memory this process has and may still take, and how many cores it may use.

A container's limit is often lower than what the machine has: both are read, and the lower one counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# cgroup v1 writes "no limit" as a huge number that depends on the page size.
_NO_LIMIT = 1 << 60


@dataclass(frozen=True)
class _Cgroups:
    """Where a version of cgroups is mounted, and the names of its files."""

    memory_mounts: tuple[str, ...]
    limit: str
    usage: str
    # Keys of memory.stat for file pages.
    file_pages: tuple[str, ...]
    cpu_mounts: tuple[str, ...]
    # Quota and period in microseconds, in one file or in two.
    quota: tuple[str, ...]


_UNIFIED = ("sys/fs/cgroup", "sys/fs/cgroup/unified")
_VERSIONS = {
    1: _Cgroups(
        memory_mounts=("sys/fs/cgroup/memory",),
        limit="memory.limit_in_bytes",
        usage="memory.usage_in_bytes",
        file_pages=("total_inactive_file", "total_active_file"),
        cpu_mounts=("sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct"),
        quota=("cpu.cfs_quota_us", "cpu.cfs_period_us"),
    ),
    2: _Cgroups(_UNIFIED, "memory.max", "memory.current", ("inactive_file", "active_file"), _UNIFIED, ("cpu.max",)),
}


def available_bytes(root: Path = Path("/")) -> int | None:
    """Bytes this process may still take; None where the system does not say. `root` holds /proc and /sys."""
    machine = _numbers(_read(root / "proc/meminfo")).get("MemAvailable")
    free = [*([] if machine is None else [machine]), *_cgroups_free(root)]
    return max(0, min(free)) if free else None


def total_bytes(root: Path = Path("/")) -> int | None:
    """Bytes of memory that the machine has; None where the system does not say."""
    return _numbers(_read(root / "proc/meminfo")).get("MemTotal")


def process_bytes(name: str, root: Path = Path("/")) -> int | None:
    """A size of this process from /proc/self/status: VmRSS, VmHWM (its peak) or RssAnon (without file pages)."""
    return _numbers(_read(root / "proc/self/status")).get(name)


def cpu_count(root: Path = Path("/")) -> int:
    """Cores this process may keep busy: its CPU affinity, or less if a cgroup's CPU quota is lower."""
    # Not every system has CPU affinity.
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([own, *_cgroups_cores(root)]))


def _cgroups_cores(root: Path) -> Iterator[int]:
    """The CPU quota of each cgroup of this process in cores, rounded up."""
    for cgroups, path in _own_cgroups(root, "cpu"):
        for mount in cgroups.cpu_mounts:
            for folder in _folders(root / mount, path):
                words = " ".join(_read(folder / name) for name in cgroups.quota).split()
                # Without a quota the first word is `max` or -1.
                if len(words) == 2 and all(word.isdecimal() for word in words) and int(words[1]):
                    yield -(-int(words[0]) // int(words[1]))


def _cgroups_free(root: Path) -> Iterator[int]:
    """The bytes that each cgroup of this process has left."""
    for cgroups, path in _own_cgroups(root, "memory"):
        for mount in cgroups.memory_mounts:
            for folder in _folders(root / mount, path):
                limit, usage = _read(folder / cgroups.limit).strip(), _read(folder / cgroups.usage).strip()
                if limit.isdecimal() and usage.isdecimal() and int(limit) < _NO_LIMIT:
                    stat = _numbers(_read(folder / "memory.stat"))
                    # File pages are given up when memory is short, also active ones, such as recently read weights.
                    yield int(limit) - int(usage) + sum(stat.get(key, 0) for key in cgroups.file_pages)


def _own_cgroups(root: Path, controller: str) -> Iterator[tuple[_Cgroups, str]]:
    """This process's paths in the trees that may have `controller`, each with the tree's version."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if not controllers:
            yield _VERSIONS[2], path
        elif controller in controllers.split(","):
            yield _VERSIONS[1], path


def _folders(mount: Path, path: str) -> list[Path]:
    """The cgroup at `path` and its parents, as far as they are visible; in a container perhaps only the mount."""
    parts = PurePosixPath(path).parts[1:]
    if ".." in parts:
        return [mount]
    below = [mount.joinpath(*parts[:depth]) for depth in range(len(parts), 0, -1)]
    return [*(folder for folder in below if folder.is_dir()), mount]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _numbers(text: str) -> dict[str, int]:
    """Lines such as `MemAvailable:  12 kB` or `inactive_file 12288`, in bytes."""
    numbers = {}
    for line in text.splitlines():
        name, *words = line.replace(":", " ").split() or [""]
        if words and words[0].isdecimal():
            numbers[name] = int(words[0]) * (1024 if words[1:] == ["kB"] else 1)
    return numbers

"""How much memory this process has and may still take, and how many cores. Knows no models.

A container's limit is seldom what the machine has: both are read, and the least counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

# cgroup v1 writes "no limit" as a huge number that depends on the page size.
_NO_LIMIT = 1 << 60
# By version: where the tree may be mounted, the limit, what is taken, and the keys of memory.stat for file pages.
_V2 = (("sys/fs/cgroup", "sys/fs/cgroup/unified"), "memory.max", "memory.current", ("inactive_file", "active_file"))
_V1 = (
    ("sys/fs/cgroup/memory",),
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    ("total_inactive_file", "total_active_file"),
)
# By version: where the tree may be mounted, and the files with the microseconds of all cores a period, and the period.
_CPU_V2 = (_V2[0], ("cpu.max",))
_CPU_V1 = (("sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct"), ("cpu.cfs_quota_us", "cpu.cfs_period_us"))


def available_bytes(root: Path = Path("/")) -> int | None:
    """Bytes this process may still take; None where the system does not say. `root` is where /proc and /sys are."""
    free = [*_machine_free(root), *_cgroups_free(root)]
    return max(0, min(free)) if free else None


def total_bytes(root: Path = Path("/")) -> int | None:
    """Bytes of memory that the machine has; None where the system does not say."""
    return _numbers(_read(root / "proc/meminfo")).get("MemTotal")


def anonymous_bytes() -> int | None:
    """Bytes of this process that are no file's: what it has taken from the machine."""
    return process_bytes("RssAnon")


def process_bytes(name: str, root: Path = Path("/")) -> int | None:
    """A size of this process from /proc/self/status: VmRSS, or VmHWM for the most so far."""
    return _numbers(_read(root / "proc/self/status")).get(name)


def cpu_count(root: Path = Path("/")) -> int:
    """Cores this process may keep busy: those it may run on, or fewer if a group's quota of time is less."""
    # Not every system says where a process may run.
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([own, *_cgroups_cores(root)]))


def _cgroups_cores(root: Path) -> Iterator[int]:
    """What the quota of each group that this process is in comes to, rounded up."""
    for version, path in _paths(root, "cpu"):
        mounts, names = _CPU_V1 if version == 1 else _CPU_V2
        for mount in mounts:
            for folder in _groups(root / mount, path):
                words = " ".join(_read(folder / name) for name in names).split()
                # Without a quota the first one is `max` or -1.
                if len(words) == 2 and all(word.isdecimal() for word in words) and int(words[1]):
                    yield -(-int(words[0]) // int(words[1]))


def _machine_free(root: Path) -> Iterator[int]:
    available = _numbers(_read(root / "proc/meminfo")).get("MemAvailable")
    if available is not None:
        yield available


def _cgroups_free(root: Path) -> Iterator[int]:
    """What each group that this process is in still has."""
    for version, path in _paths(root, "memory"):
        mounts, limit_name, usage_name, file_keys = _V1 if version == 1 else _V2
        for mount in mounts:
            for folder in _groups(root / mount, path):
                limit, usage = _whole(folder / limit_name), _whole(folder / usage_name)
                if limit is None or usage is None or limit >= _NO_LIMIT:
                    continue
                stat = _numbers(_read(folder / "memory.stat"))
                # File pages, also active ones, make room when it is wanted: weights read by an earlier run are such.
                yield limit - usage + sum(stat.get(key, 0) for key in file_keys)


def _paths(root: Path, controller: str) -> Iterator[tuple[int, str]]:
    """The paths of this process's groups in the trees that may have `controller`, each with the tree's version."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if not controllers:
            yield 2, path
        elif controller in controllers.split(","):
            yield 1, path


def _groups(mount: Path, path: str) -> list[Path]:
    """The group at `path` and its parents, as far as they are visible; in a container perhaps only the mount itself."""
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


def _whole(path: Path) -> int | None:
    text = _read(path).strip()
    return int(text) if text.isdecimal() else None


def _numbers(text: str) -> dict[str, int]:
    """Lines such as `MemAvailable:  12 kB` or `inactive_file 12288`, in bytes."""
    found = {}
    for line in text.splitlines():
        name, *words = line.replace(":", " ").split() or [""]
        if words and words[0].isdecimal():
            found[name] = int(words[0]) * (1024 if words[1:] == ["kB"] else 1)
    return found

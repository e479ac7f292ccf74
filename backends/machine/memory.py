"""How much memory this process has and may still take, and how many cores it may use.

A container's limit is often lower than what the machine has: both are read, and the lower one counts.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import psutil

# The folder with /proc and /sys.
ROOT = Path("/")
# cgroup v1 writes "no limit" as a huge number that depends on the page size.
_NO_LIMIT = 1 << 60
# Where each controller of cgroup v1 may be mounted, and under "" all of v2.
_MOUNTS = {
    "memory": ("sys/fs/cgroup/memory",),
    "cpu": ("sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct"),
    "": ("sys/fs/cgroup", "sys/fs/cgroup/unified"),
}


def available_bytes() -> int | None:
    """Bytes this process may still take; None where the system does not say."""
    machine = _of_machine("MemAvailable", "available")
    free = [*([] if machine is None else [machine]), *_cgroups_free()]
    return max(0, min(free)) if free else None


def limit_bytes() -> int | None:
    """Bytes that this process could take if nothing else ran; None where the system does not say."""
    machine = total_bytes()
    limits = [_setting(folder, "memory.max", "memory.limit_in_bytes") for folder in _own_cgroups("memory")]
    sizes = [*([machine] if machine else []), *(int(limit) for limit in limits if limit.isdecimal())]
    return min(sizes, default=None)


def total_bytes() -> int | None:
    """Bytes of memory that the machine has; None where the system does not say."""
    return _of_machine("MemTotal", "total")


def _of_machine(name: str, elsewhere: str) -> int | None:
    """A size by its name in Linux's own file, or by psutil's on another system."""
    if sys.platform == "linux":
        return numbers_in(ROOT / "proc/meminfo").get(name)
    return int(getattr(psutil.virtual_memory(), elsewhere))


def process_bytes(name: str) -> int | None:
    """A size of this process from /proc/self/status: VmRSS, VmHWM (its peak) or RssAnon (without file pages)."""
    return numbers_in(ROOT / "proc/self/status").get(name)


def cpu_count() -> int:
    """Cores this process may keep busy: its CPU affinity, or less if a cgroup's CPU quota is lower."""
    # Not every system has CPU affinity.
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([own, *_cgroups_cores()]))


def _cgroups_cores() -> Iterator[int]:
    """The CPU quota of each cgroup of this process in cores, rounded up."""
    for folder in _own_cgroups("cpu"):
        # Quota and period in microseconds; without a quota the first word is `max` or -1.
        words = _setting(folder, "cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us").split()
        if len(words) == 2 and all(word.isdecimal() for word in words) and int(words[1]):
            yield -(-int(words[0]) // int(words[1]))


def _cgroups_free() -> Iterator[int]:
    """The bytes that each cgroup of this process has left."""
    for folder in _own_cgroups("memory"):
        limit = _setting(folder, "memory.max", "memory.limit_in_bytes")
        usage = _setting(folder, "memory.current", "memory.usage_in_bytes")
        if limit.isdecimal() and usage.isdecimal() and int(limit) < _NO_LIMIT:
            stat = numbers_in(folder / "memory.stat")
            # File pages are given up when memory is short, also active ones, such as recently read weights.
            # In v1 those of the groups below are counted only in the totals.
            pages = (stat.get(f"total_{key}", stat.get(key, 0)) for key in ("inactive_file", "active_file"))
            yield int(limit) - int(usage) + sum(pages)


def _setting(folder: Path, name: str, *old_names: str) -> str:
    """The content of a cgroup's file; in v1 the value has another name, or is in several files."""
    return (read_text(folder / name) or " ".join(read_text(folder / old) for old in old_names)).strip()


def _own_cgroups(controller: str) -> Iterator[Path]:
    """The folders of this process's cgroups in the trees that may have `controller`."""
    for line in read_text(ROOT / "proc/self/cgroup").splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if not controllers or controller in controllers.split(","):
            for mount in _MOUNTS[controller if controllers else ""]:
                yield from _folders(ROOT / mount, path)


def _folders(mount: Path, path: str) -> list[Path]:
    """The cgroup at `path` and its parents, as far as they are visible; in a container perhaps only the mount."""
    parts = PurePosixPath(path).parts[1:]
    if ".." in parts:
        return [mount]
    below = [mount.joinpath(*parts[:depth]) for depth in range(len(parts), 0, -1)]
    return [*(folder for folder in below if folder.is_dir()), mount]


def read_text(path: Path) -> str:
    """The content of a file; "" where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def numbers_in(path: Path) -> dict[str, int]:
    """Lines such as `MemAvailable:  12 kB` or `inactive_file 12288`, in bytes."""
    numbers = {}
    for line in read_text(path).splitlines():
        name, *words = line.replace(":", " ").split() or [""]
        if words and words[0].isdecimal():
            numbers[name] = int(words[0]) * (1024 if words[1:] == ["kB"] else 1)
    return numbers

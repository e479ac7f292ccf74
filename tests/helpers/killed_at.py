"""Kills a forked process at any of its system calls, and may cut the power as well. Linux alone, by ptrace."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Death = Literal["kill", "torn write", "power cut"]
_TRACEME, _SYSCALL, _SETOPTIONS, _CALL_INFO = 0, 24, 0x4200, 0x420E
# Marks the stops at system calls, follows new threads, and lets no process outlive its tracer.
_OPTIONS, _CALL_STOP = 0x1 | 0x8 | 0x100000, signal.SIGTRAP | 0x80
_ENTRY, _EXIT = 1, 2
_ALL_THREADS = 0x40000000
# Those for the tracer alone.
_SIGNALS = (signal.SIGTRAP, signal.SIGSTOP, signal.SIGUSR1)
_NUMBERS = {"x86_64": {1: "write", 74: "fsync", 75: "fsync"}, "aarch64": {64: "write", 82: "fsync", 83: "fsync"}}
CAN_TRACE = os.uname().sysname == "Linux" and platform.machine() in _NUMBERS


class _CallInfo(ctypes.Structure):
    """What the kernel says of a stop. `words`: at an entry the call's number and arguments, at an exit its result."""

    _fields_ = (
        ("kind", ctypes.c_uint8),
        ("arch", ctypes.c_uint32),
        ("pointers", ctypes.c_uint64 * 2),
        ("words", ctypes.c_uint64 * 8),
    )


def ready() -> None:
    """Called by the process: from here on its system calls count."""
    os.kill(os.getpid(), signal.SIGUSR1)


class _Disk:
    """What a power cut leaves of a folder: the names and lengths that were there, and those that were synced since."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names = set(folder.rglob("*"))
        self._sizes = {path: path.stat().st_size for path in self._names if path.is_file()}

    def sync(self, path: Path) -> None:
        if path.is_dir():
            self._names = {name for name in self._names if name.parent != path} | set(path.iterdir())
        elif path.exists():
            self._sizes[path] = path.stat().st_size

    def cut_power(self) -> None:
        for path in sorted(self._folder.rglob("*")):
            if path.is_dir() and path not in self._names:
                shutil.rmtree(path)
            elif path.is_file() and path not in self._names:
                path.unlink()
            elif path.is_file():
                os.truncate(path, min(path.stat().st_size, self._sizes.get(path, 0)))


@dataclass
class Point:
    """A process dies as it begins its system call number `at`, counted from 0 after `ready`.

    A torn write is carried out by half; it is a kill where the call does not write to a file in the folder. `calls` is
    how many were counted.
    """

    folder: Path
    at: int
    death: Death = "kill"
    calls: int = 0
    _counts: bool = False
    _torn: bool = False
    # The name of the call that a thread is in, if it matters, and the file in the folder that it is about.
    _doing: dict[int, tuple[str, Path]] = field(default_factory=dict)

    def run(self, work: Callable[[], None]) -> bool:
        """Whether the process was killed; False if it ended before, which is then when the power is cut.

        Raises RuntimeError if it failed by itself.
        """
        self._disk = _Disk(self.folder)
        child = os.fork()
        if child == 0:
            _run_traced(work)
        os.waitpid(child, 0)
        _ptrace(_SETOPTIONS, child, data=_OPTIONS)
        _ptrace(_SYSCALL, child)
        is_killed = False
        while True:
            thread, status = os.waitpid(-1, _ALL_THREADS)
            if thread == child and not os.WIFSTOPPED(status):
                break
            if not is_killed and os.WIFSTOPPED(status) and self._dies(thread, os.WSTOPSIG(status)):
                os.kill(child, signal.SIGKILL)
                is_killed = True
        if self.death == "power cut":
            self._disk.cut_power()
        if status and not is_killed:
            raise RuntimeError(f"the process ended by itself with status {status}")
        return is_killed

    def _dies(self, thread: int, stop: int) -> bool:
        """Whether the process dies at this stop of a thread, which goes on otherwise."""
        self._counts |= stop == signal.SIGUSR1
        if stop == _CALL_STOP:
            info = _CallInfo()
            _ptrace(_CALL_INFO, thread, ctypes.sizeof(info), ctypes.byref(info))
            if info.kind == _ENTRY and self._dies_before(thread, info.words[0], info.words[1]):
                return True
            if info.kind == _EXIT and self._dies_after(thread, ctypes.c_int64(info.words[0]).value):
                return True
        given = 0 if stop == _CALL_STOP or stop in _SIGNALS else stop
        _ptrace(_SYSCALL, thread, data=given)
        return False

    def _dies_before(self, thread: int, number: int, descriptor: int) -> bool:
        name = _NUMBERS[platform.machine()].get(number, "")
        path = Path(os.readlink(f"/proc/{thread}/fd/{descriptor}")) if name else Path()
        if path.is_relative_to(self.folder):
            self._doing[thread] = name, path
        is_point = self._counts and self.calls == self.at
        self.calls += self._counts
        self._torn = is_point and self.death == "torn write" and self._doing.get(thread, ("",))[0] == "write"
        return is_point and not self._torn

    def _dies_after(self, thread: int, result: int) -> bool:
        name, path = self._doing.pop(thread, ("", self.folder))
        if name == "fsync" and result >= 0:
            self._disk.sync(path)
        if is_torn := name == "write" and self._torn:
            os.truncate(path, path.stat().st_size - (result + 1) // 2)
        return is_torn


def _run_traced(work: Callable[[], None]) -> None:
    """Does the work in a new process, to its end."""
    status = 1
    try:
        _ptrace(_TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        work()
        status = 0
    finally:
        os._exit(status)


def _ptrace(request: int, thread: int, address: int = 0, data: object = 0) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(request, thread, address, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")

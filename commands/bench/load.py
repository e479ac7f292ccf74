"""`bench load`: a public arena under load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from commands.bench.options import AsJson, measure, say
from commands.bench.table import gigabytes, seconds
from commands.bench.votes import DataFolder, work
from commands.models import ModelA, ModelB

if TYPE_CHECKING:
    from bench.load.chats import ChatsLoad
    from bench.load.crowd import Crowd, Holding


@dataclass(frozen=True)
class LoadReport:
    """The crowd and the chats; None for what was left out."""

    crowd: Crowd | None
    chats: ChatsLoad | None


def load(
    readers: Annotated[int, typer.Option(min=0, max=10_000, help="Readers who open pages and look around.")] = 200,
    raters: Annotated[int, typer.Option(min=1, max=10_000, help="Raters who vote on recorded answers.")] = 40,
    duration: Annotated[
        float, typer.Option("--seconds", min=0, help="For so long; 1800 tells whether anything leaks, 0 leaves it out.")
    ] = 180.0,
    chats: Annotated[int, typer.Option(min=0, max=100, help="Live chats at once, after that; 0 leaves them out.")] = 8,
    a: ModelA = "",
    b: ModelB = "",
    data_dir: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Measure a public arena: readers and raters at once, a served page over loopback; then live chats that queue."""

    def found() -> LoadReport:
        from bench.load.chats import measure_chats
        from bench.load.crowd import measure_crowd

        crowd = asked = None
        if duration:
            with work(data_dir) as folder:
                crowd = measure_crowd(folder, readers, raters, duration, say)
        if chats:
            with work(data_dir) as folder:
                asked = measure_chats(folder, [name for name in (a, b) if name], chats, say)
        return LoadReport(crowd, asked)

    measure("load", as_json, found, _table)


def _table(report: LoadReport) -> list[str]:
    lines: list[str] = []
    if crowd := report.crowd:
        lines.append(f"{crowd.readers} readers and {crowd.raters} raters for {seconds(crowd.seconds)}")
        for kind, times in crowd.actions.items():
            figures = f"median {times.median_ms:.0f} ms, p95 {times.p95_ms:.0f} ms, most {times.most_ms:.0f} ms"
            lines.append(f"  {kind:<17} {times.count:>6,}  {figures}")
        lines.append(f"  votes             {crowd.votes:>6,}  of which the log has not {crowd.lost}")
        lines += [f"  error             {count:>6,}  {words}" for words, count in crowd.errors.items()]
        lines += [f"  server {when:<10} {_held(one)}" for when, one in (("early", crowd.early), ("late", crowd.late))]
    if chats := report.chats:
        lines += [
            f"{chats.chats} live chats at once: {chats.answered} answered in {seconds(chats.seconds)}",
            f"  told a place in the queue {chats.queued}, a time {chats.told_time}; at most {chats.most_ahead} ahead",
            *(f"  error {count:>6,}  {words}" for words, count in chats.errors.items()),
        ]
    return lines


def _held(one: Holding | None) -> str:
    if one is None:
        return "not told by this system"
    return f"{gigabytes(one.resident_bytes)}, {one.threads} threads, {one.files} files"

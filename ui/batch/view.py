"""What the batch tab shows: how far it is, and a grid of prompts and models. Knows no component."""

from __future__ import annotations

from html import escape

from arena.batch import BatchState, CellState, CellView, Progress
from arena.errors import ArenaError
from arena.types import ErrorInfo
from ui.tables import html_table
from ui.texts import error_text, text


def status_block(lang: str, state: BatchState) -> str:
    """How far the batch is and how long the rest takes, as HTML."""
    progress = state.progress
    done, failed, of = progress.count(CellState.DONE), progress.count(CellState.FAILED), len(progress.cells)
    words = [text(lang, "batch_done", done=done, total=of)]
    if failed:
        words.append(text(lang, "batch_failures", count=failed))
    if state.running:
        words.append(text(lang, "batch_ending" if state.ending else "batch_running"))
        if progress.seconds_left is not None:
            words.append(text(lang, "batch_left", time=_time(progress.seconds_left)))
    line = escape(" · ".join(words))
    bar = f'<progress max="{of}" value="{done + failed}" aria-label="{line}"></progress>'
    reason = refusal_block(lang, state.error) if state.error else ""
    return f'<p role="status">{line}</p>{bar}{reason}'


def refusal_block(lang: str, error: ArenaError | ErrorInfo) -> str:
    """What is wrong, as HTML: it may quote a file that somebody else has written."""
    return f'<p role="alert">⚠️ {escape(error_text(lang, error))}</p>'


def grid_block(lang: str, progress: Progress, titles: dict[str, str]) -> str:
    """A row for each prompt and repeat, a column a model, as HTML."""
    models = list(dict.fromkeys(view.cell.model.id for view in progress.cells))
    names = {view.cell.model.id: view.cell.model.name for view in progress.cells}
    rows: dict[tuple[str, int], dict[str, CellView]] = {}
    for view in progress.cells:
        rows.setdefault((view.cell.prompt.id, view.cell.repeat), {})[view.cell.model.id] = view
    labels = [text(lang, "batch_prompt"), *(names[model] for model in models)]
    cells = (
        [escape(_title(lang, titles[prompt], repeat)), *(_cell(lang, row[model]) for model in models)]
        for (prompt, repeat), row in rows.items()
    )
    return html_table(labels, cells)


def _title(lang: str, title: str, repeat: int) -> str:
    return text(lang, "batch_repeat", title=title, number=repeat + 1) if repeat else title


def _cell(lang: str, view: CellView) -> str:
    """The state, and what the cell took."""
    parts = [text(lang, f"cell_{view.state}")]
    if view.state is CellState.RUNNING and view.growing:
        usage = view.growing.usage
        parts.append(_seconds(usage.seconds))
        parts.append(text(lang, "length", tokens=usage.new_tokens) if usage.new_tokens else "")
    elif view.state is not CellState.WAITING:
        parts.append(_seconds(view.seconds))
        speed = view.tokens_per_second
        parts.append("" if speed is None else f"{speed:.1f} tokens/s")
    if view.error:
        parts.append(error_text(lang, view.error))
    return f'<span class="cell-{view.state}">{escape(" · ".join(filter(None, parts)))}</span>'


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"


def _time(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"

"""`bench quality` and `bench original`: what rounding costs, and how fast a checkpoint is by its own code."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backends.machine import share_cores
from commands import errors_in_one_line
from commands.bench.options import AsJson, Figures, say
from commands.bench.table import figure_lines
from commands.models import PROMPTS

if TYPE_CHECKING:
    from bench.quality.rows import QualityRow


def quality(as_json: AsJson = False) -> None:
    """Compare the roundings of weights, this project's and llama.cpp's, each against the float model.

    On the embedded model, by language, and on a small encoder. Takes some minutes. Needs requirements-bench.txt.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    share_cores()
    with errors_in_one_line(as_json):
        from backends.folder.gguf import model_file
        from backends.models.catalog import EMBEDDED
        from bench.quality import check_installed

        check_installed()
        path = model_file(EMBEDDED["smollm2-135m"])

        from bench.quality.rows import quality_rows

        rows = quality_rows(path, _progress)
    typer.echo(json.dumps({"rows": [asdict(row) for row in rows]}) if as_json else _quality_table(rows))


def _progress(row: str, done: int, total: int) -> None:
    if done % 10 == 0:
        say(row if total == 1 else f"{row}: layer {done} of {total}")


def _quality_table(rows: Sequence[QualityRow]) -> str:
    heads = f"{'':<28}{'bits':>5}" + "".join(f"{name:>26}" for name in ("all", "zh", "en")) + f"{'encoder':>10}"
    lines = [heads, f"{'':<33}" + f"{'KL  same top  perplexity':>26}" * 3 + f"{'error':>10}"]
    for row in rows:
        error = "" if row.encoder_error is None else f"{row.encoder_error:.4f}"
        parts = [f"{q.kl:>9.4f}{q.agreement:>7.1%}{q.perplexity:>10.2f}" for q in (row.all, row.zh, row.en)]
        lines.append(f"{row.scheme:<28}{row.bits:>5.2f}{''.join(parts)}{error:>10}")
    return "\n".join(lines)


def original(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A checkpoint folder with its own code in it.")],
    python: Annotated[
        Path | None, typer.Option("--python", metavar="PATH", help="The Python of an environment made for it.")
    ] = None,
    trust_code: Annotated[
        bool, typer.Option("--trust-code", help="Execute the code in FOLDER; without this nothing runs.")
    ] = False,
    prompts: Annotated[Path, typer.Option(envvar="ARENA_PROMPTS", help="The prompt set.")] = PROMPTS,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ID", help="Ask only this prompt; may be repeated.")
    ] = None,
    tokens: Annotated[int, typer.Option(min=1, max=8192, help="Most tokens in an answer.")] = 64,
    as_json: AsJson = False,
) -> None:
    """Answer the prompts with the code in FOLDER. THIS EXECUTES THAT CODE with all your permissions.

    That code is from 2023 and needs an environment of its own, created once:
    `python3.11 -m venv original && original/bin/pip install -r requirements-original.txt`;
    then `python app.py bench original FOLDER --python original/bin/python --trust-code`.
    """
    with errors_in_one_line(as_json, folder=str(folder)):
        from arena.errors import InputError
        from arena.prompts import load_prompts
        from bench.original import measure_original

        asked = [prompt for prompt in load_prompts(prompts) if not only or prompt.id in only]
        if unknown := sorted(set(only or ()) - {prompt.id for prompt in asked}):
            raise InputError("unknown_prompt", f"{prompts} has no prompt {', '.join(unknown)}.")
        figures = measure_original(folder, python, asked, tokens, say, trusted=trust_code)
    typer.echo(json.dumps(figures, ensure_ascii=False) if as_json else "\n".join(_original_lines(figures)))


def _original_lines(figures: Figures) -> list[str]:
    answers = [{key: value for key, value in answer.items() if key != "text"} for answer in figures["answers"]]
    total = sum(answer["seconds"] for answer in answers)
    return figure_lines({**figures, "answers": answers, "total_seconds": total})

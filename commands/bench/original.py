"""`bench original`: how fast a checkpoint is by its own code, as its authors published it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import errors_in_one_line

if TYPE_CHECKING:
    from bench.rivals.original_rival import OriginalFigures

PROMPTS = Path(__file__).parents[2] / "prompts.json"


def original(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A checkpoint folder with its own code in it.")],
    python: Annotated[
        Path | None, typer.Option("--python", metavar="PATH", help="The Python of an environment made for it.")
    ] = None,
    trust_code: Annotated[
        bool, typer.Option("--trust-code", help="Yes, execute the code in FOLDER; without this nothing runs.")
    ] = False,
    prompts: Annotated[Path, typer.Option(envvar="ARENA_PROMPTS", help="The prompt set.")] = PROMPTS,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ID", help="Ask this prompt alone; may be repeated.")
    ] = None,
    tokens: Annotated[int, typer.Option(min=1, max=8192, help="At most so many tokens an answer.")] = 64,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:
    """Answer the prompts with the code that lies in FOLDER. THIS EXECUTES THAT CODE, with all that you may do.

    That code is of 2023 and needs an environment of its own, made once in this folder:
    `python3.11 -m venv original && original/bin/pip install -r requirements-original.txt`;
    then `python app.py bench original FOLDER --python original/bin/python --trust-code`.
    """
    with errors_in_one_line(as_json, folder=str(folder)):
        from arena.errors import InputError
        from arena.prompts import load_prompts
        from bench.rivals.original_rival import measure_original

        asked = [prompt for prompt in load_prompts(prompts) if not only or prompt.id in only]
        if unknown := sorted(set(only or ()) - {prompt.id for prompt in asked}):
            raise InputError("unknown_prompt", f"{prompts} has no prompt {', '.join(unknown)}.")
        found = measure_original(
            folder, python, asked, tokens, lambda words: typer.echo(words, err=True), trusted=trust_code
        )
    typer.echo(json.dumps(asdict(found), ensure_ascii=False) if as_json else _table(found))


def _table(found: OriginalFigures) -> str:
    libraries = f"{found.dtype}, transformers {found.transformers}, torch {found.torch}, {found.threads} threads"
    rows = [
        f"{found.folder} by its own code ({libraries})",
        f"  loaded in {found.load_seconds:.1f} s, at most {found.peak_bytes / 1e9:.1f} GB",
        f"  {'prompt':<14} {'prompt tokens':>13} {'tokens':>7} {'first token':>12} {'seconds':>9} {'tokens/s':>9}",
    ]
    for answer in found.answers:
        speed = "" if answer.tokens_per_second is None else f"{answer.tokens_per_second:.2f}"
        times = f"{answer.first_token_seconds:>10.2f} s {answer.seconds:>9.1f} {speed:>9}"
        rows.append(f"  {answer.prompt_id:<14} {answer.prompt_tokens:>13} {answer.tokens:>7} {times}")
    total = sum(answer.seconds for answer in found.answers)
    return "\n".join([*rows, f"  {len(found.answers)} answers in {total:.1f} s"])

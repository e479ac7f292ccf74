"""`tune`: trains a LoRA on exported preferences."""

import json
import os
import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from backends.models.resolve import resolve
from backends.tuning import Training, check_base, read_preferences
from backends.tuning import tune as train
from commands import errors_in_one_line
from commands.options import AsJson


def tune(
    base: Annotated[str, typer.Argument(metavar="MODEL", help="A downloaded model, or a checkpoint folder.")],
    preferences: Annotated[
        Path, typer.Argument(metavar="PREFERENCES", help="The zip of export, or its preferences.jsonl.")
    ],
    adapter: Annotated[Path, typer.Argument(metavar="ADAPTER", help="The folder to write.")],
    epochs: Annotated[float, typer.Option(min=0.01, help="How often each pair is seen.")] = 1.0,
    learning_rate: Annotated[float, typer.Option(min=0.0, help="The size of the steps.")] = 1e-5,
    rank: Annotated[int, typer.Option(min=1, help="The rank of the LoRA.")] = 16,
    beta: Annotated[float, typer.Option(min=0.0, help="DPO's beta: a larger one keeps closer to the base.")] = 0.1,
    max_tokens: Annotated[int, typer.Option(min=16, help="Longer pairs are cut.")] = 1024,
    as_json: AsJson = False,
) -> None:
    """Train a LoRA on what raters preferred.

    Uses TRL's DPO (requirements-tune.txt) on a GPU if there is one, else on the CPU, which is enough for small models.
    MODEL+ADAPTER is then served beside its base. Read the licences of the models that wrote the answers first: that of
    Qwen-7B-Chat forbids improving other models with its output.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with errors_in_one_line(as_json, model=base):
        spec = resolve(base)
        check_base(spec)
        pairs = read_preferences(preferences)
        training = Training(epochs, learning_rate, rank, beta, max_tokens)
        with redirect_stdout(sys.stderr):  # the trainer prints its steps
            tuned = train(Path(spec.source), pairs, adapter, training)
    if as_json:
        typer.echo(json.dumps({"adapter": str(adapter), **asdict(tuned)}))
        return
    typer.echo(
        f"{adapter}: {tuned.pairs} pairs, {tuned.steps} steps, loss {tuned.loss[0]:.3f} to {tuned.loss[1]:.3f}, "
        f"pairs told apart {tuned.accuracy[0]:.0%} to {tuned.accuracy[1]:.0%}"
    )
    typer.echo(f"Compare them blind: python app.py --a {base} --b {base}+{adapter}")

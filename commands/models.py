"""The options that several commands share: the two models, the prompt set, the data folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.errors import InputError

if TYPE_CHECKING:
    from arena.report import KnownModel
    from arena.types import ModelSpec

LEFT, RIGHT = "smollm2-135m-t0.2", "smollm2-135m-t1.0"
PROMPTS = Path(__file__).parents[1] / "prompts.json"

ModelA = Annotated[
    str, typer.Option("--a", metavar="MODEL", envvar="ARENA_MODEL_A", help="The left model.", show_default=LEFT)
]
ModelB = Annotated[
    str, typer.Option("--b", metavar="MODEL", envvar="ARENA_MODEL_B", help="The right model.", show_default=RIGHT)
]
PromptSet = Annotated[
    Path, typer.Option("--prompts", envvar="ARENA_PROMPTS", help="The prompt set: a .json, .jsonl or .csv file.")
]
DataDir = Annotated[Path, typer.Option(envvar="ARENA_DATA_DIR", help="The folder of votes and answers.")]


def choose_models(a: str, b: str) -> tuple[ModelSpec, ModelSpec]:
    """The two models; "" means the embedded one. Raises InputError if one is unknown or both are the same."""
    from backends.models.resolve import resolve

    specs = resolve(a or LEFT), resolve(b or RIGHT)
    if specs[0].id == specs[1].id:
        message = f"Both sides are {specs[0].id}. Choose two different models."
        raise InputError("same_model", message, model=specs[0].id)
    return specs


def known_models() -> list[KnownModel]:
    """The catalogue's facts about each model, for the report."""
    from arena.report import KnownModel
    from backends.models.cards import CARDS
    from backends.models.catalog import EMBEDDED, FETCHED, PUBLISHED

    models = []
    for name, spec in (FETCHED | EMBEDDED).items():
        repos = PUBLISHED[name].repos.values() if name in PUBLISHED else ()
        ids = " / ".join(dict.fromkeys(repo.id for repo in repos))
        models.append(KnownModel(spec, ids, CARDS[name].parameters, CARDS[name]))
    return models

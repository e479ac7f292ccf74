"""How to get a model's files without this program, for a machine that reaches no hub. Asks nobody anything."""

from __future__ import annotations

from textwrap import fill

import hubs
from arena.types import ModelSpec
from backends.folder.needed_files import SMALL
from backends.models.catalog import Published
from backends.models.folder_models import models_dir


def by_hand(spec: ModelSpec, published: Published) -> str:
    """How to get the files without this command, in a few lines."""
    pages = [f"  {hubs.hub_module(hub).page(repo)}" for hub, repo in published.repos.items()]
    names = ", ".join(name for name in SMALL if not name.startswith(("NOTICE", "README")))
    what = (
        "all *.safetensors with model.safetensors.index.json (or, where there are none, all pytorch_model*.bin "
        f"with pytorch_model.bin.index.json), and what there is of {names}"
    )
    where = f"and put them into {(models_dir() / spec.id).absolute()}"
    # A path is left whole, to be copied.
    return "\n".join(("To copy it by hand, download on another machine from one of", *pages, fill(what, 100), where))

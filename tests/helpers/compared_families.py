"""Whether model families compute here what the library's own code computes, on tiny folders with random weights.

Each family that `backends/families/support.py` lists as compared is built, saved and opened like any other folder: in
float32 against the library's own forward pass, and packed in 8 and 4 bits against the same pass on the weights that the
packed ones stand for, so that rounding makes no difference.
"""

import re
import shutil
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import transformers
from torch import Tensor

from arena.errors import ArenaError
from backends.families.support import COMPARED, REFUSED, checked_support, support_of
from backends.families.weights import architecture_of, load_weights
from backends.folder.checkpoint import read_json
from backends.folder.contents import Checkpoint, read_checkpoint
from backends.folder.packed import PackedInfo, stamp_of
from backends.packed.open import map_tensors, packed_rows
from backends.packed.pack import Job, pack
from backends.packed.residual import RESIDUAL, residual_floats
from backends.packed.scheme import Rounded8, packed_of, unpack4
from backends.stepping.batched import Rows, stock_rows
from backends.stepping.cache import TokenCache

# The largest difference of logits in float32, and the largest mean divergence of packed weights in nats. By rounding
# activations alone the latter is up to 0.009, 0.022 with a router of experts and 0.014 with states; faults that were
# seen made it 0.06 and more.
EXACT, SOUND = 2e-4, 0.03
# The tokens that are read, in chunks of these sizes; the last ones singly, like those of an answer.
_CHUNKS = (20, 12, *[1] * 8)
# More spread than a new model has, so that a fault shows in the scores.
_GAIN = 1.0
# The sizes of a tiny model, and no special tokens. With heads of these sizes the compiled kernels compute whole layers.
_SIZES: dict[str, Any] = tomllib.loads(Path(__file__).with_name("tiny_sizes.toml").read_text(encoding="utf-8"))
_SIZES |= dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"))
_VOCABULARY, _LAYERS = _SIZES["vocab_size"], _SIZES["num_hidden_layers"]
_EXPERT = re.compile(r"(.+\.experts)\.(\d+)\.(gate_proj|up_proj|down_proj)")


@dataclass(frozen=True)
class FamilyRow:
    """What was measured of a family; None where it does not run. `wrong` is whether it fails although it should run.

    `float_difference` is the largest of all logits, `int8_kl` and `int4_kl` are nats. `context` is where exactness ends
    in a model with the settings of the library's class.
    """

    family: str
    verdict: str
    wrong: bool = False
    context: str = ""
    float_difference: float | None = None
    int8_kl: float | None = None
    int4_kl: float | None = None


def family_rows(families: Sequence[str], progress: Callable[[str], None]) -> list[FamilyRow]:
    """A row for each family, by default for all that are compared and then for those that are refused."""
    torch.manual_seed(0)
    rows = []
    for family in families or (*COMPARED, *REFUSED):
        progress(f"{family} ...")
        with TemporaryDirectory() as place:
            rows.append(_row(family, Path(place)))
    return rows


def table_of(rows: Sequence[FamilyRow]) -> list[str]:
    """The rows as a Markdown table; refused families with the same reason share one."""
    lines = ["| family | float32 | int8 | int4 | exact up to | verdict |", "|-|-|-|-|-|-|"]
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.float_difference is None:
            reasons.setdefault(row.verdict, []).append(row.family)
            continue
        cells = (f"{row.float_difference:.0e}", _nats(row.int8_kl), _nats(row.int4_kl), row.context, row.verdict)
        lines.append(f"| {row.family} | {' | '.join(cells)} |")
    return [*lines, *(f"| {', '.join(names)} | | | | | {reason} |" for reason, names in reasons.items())]


def _nats(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _row(family: str, place: Path) -> FamilyRow:
    support = support_of(Checkpoint(place, {"model_type": family}, {}))
    if support.refused:
        return FamilyRow(family, f"refused: {support.refused}")
    folder = write_folder(family, place / family)
    support = checked_support(read_checkpoint(folder), "")
    context = {"": "its own context", "window": "its window", "positions": "its training context"}[support.limit]
    try:
        difference = _float_difference(folder)
        kl = {bits: None if support.unpacked else _packed_kl(folder, bits) for bits in ("int8", "int4")}
    except ArenaError as error:
        return FamilyRow(family, f"fails: {error}", wrong=True, context=context)
    # Also true for NaN.
    far = [bits for bits, value in kl.items() if value is not None and not value <= SOUND]
    if not difference <= EXACT:
        far = ["float32", *far]
    runs = "bf16 and fp32" if support.unpacked else "runs"
    verdict = f"wrong: {', '.join(far)}" if far else runs
    return FamilyRow(family, verdict, bool(far), context, difference, int8_kl=kl["int8"], int4_kl=kl["int4"])


def write_folder(family: str, folder: Path) -> Path:
    """A folder of the family with random weights, rounded to bfloat16."""
    config = _tiny_config(family)
    model = transformers.MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]._from_config(config, dtype=torch.float32)
    state = model.state_dict(keep_vars=True)
    for name, tensor in state.items():
        if tensor.is_floating_point():
            tensor.data = _random(name, tensor)
    model.to(torch.bfloat16).save_pretrained(folder)
    if COMPARED[family].nested:
        inner = read_json(folder, "config.json")
        outer = transformers.CONFIG_MAPPING[family](text_config=inner, tie_word_embeddings=False)
        outer.save_pretrained(folder)
    return folder


def _tiny_config(family: str) -> Any:
    known = transformers.CONFIG_MAPPING[family]().get_text_config()
    sizes = {name: value for name, value in _SIZES.items() if hasattr(known, name)}
    kinds = list(dict.fromkeys(getattr(known, "layer_types", None) or ()))
    if kinds:
        sizes["layer_types"] = (kinds * _LAYERS)[:_LAYERS]
    return type(known)(**sizes, tie_word_embeddings=False)


def _random(name: str, tensor: Tensor) -> Tensor:
    if tensor.dim() > 1:
        return torch.randn(tensor.shape) * (_GAIN / tensor.shape[-1] ** 0.5)
    return torch.randn(tensor.shape) * 0.2 + (1 if "norm" in name else 0)


def _float_difference(folder: Path) -> float:
    model = load_weights(architecture_of(folder), "fp32")
    with _plain(model):
        wanted = _own_scores(model)
    return float((_scores(stock_rows(model)) - wanted).abs().max())


def _packed_kl(folder: Path, precision: str) -> float:
    """The mean divergence of the packed model from the library's own on the same rounded weights."""
    group = 32 if precision == "int4" else 0
    info = PackedInfo(precision, group, "nearest", source=folder.name, revision="random", stamp=stamp_of(folder))
    job = Job(folder, folder.with_name(f"{folder.name}@{precision}"), info)
    pack(job, lambda done, total, words: None)
    architecture = architecture_of(job.target)
    got = _scores(packed_rows(architecture)).float().log_softmax(-1)
    model = load_weights(architecture_of(folder), "fp32")
    for file in architecture.checkpoint.weights().files:
        _put(model, rounded_weights(map_tensors(file)))
    with _plain(model):
        wanted = _own_scores(model).log_softmax(-1)
    shutil.rmtree(job.target)
    return float((wanted.exp() * (wanted - got)).sum(-1).mean())


def rounded_weights(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The float matrices that packed tensors stand for, by module, those of stacked experts as the library has them."""
    floats = {}
    for key, value in tensors.items():
        place, _, kind = key.rpartition(".")
        if kind == "packed":
            rows = value.shape[0] * value.shape[2] * 2
            floats[place] = unpack4(packed_of(lambda part, place=place: tensors[f"{place}.{part}"]), rows).floats()
            if f"{place}.{RESIDUAL[0]}" in tensors:
                residual = residual_floats(*(tensors[f"{place}.{part}"] for part in RESIDUAL))
                floats[place] = floats[place][: len(residual)] + residual
        elif kind == "weight8":
            floats[place] = Rounded8(value, tensors[f"{place}.scale8"]).floats()
    return floats


def _put(model: Any, floats: Mapping[str, Tensor]) -> None:
    """Replaces the matrices of the model by those that the packed tensors stand for."""
    experts: dict[str, dict[tuple[int, str], Tensor]] = {}
    for place, value in floats.items():
        if match := _EXPERT.fullmatch(place):
            experts.setdefault(match[1], {})[int(match[2]), match[3]] = value
        else:
            weight = model.get_parameter(f"{place}.weight")
            weight.data = value[: weight.shape[0]]
    for place, parts in experts.items():
        stacked = model.get_submodule(place)
        half = stacked.gate_up_proj.shape[1] // 2
        for number in range(len(stacked.down_proj)):
            stacked.gate_up_proj.data[number, :half] = parts[number, "gate_proj"][:half]
            stacked.gate_up_proj.data[number, half:] = parts[number, "up_proj"][:half]
            stacked.down_proj.data[number] = parts[number, "down_proj"][: stacked.down_proj.shape[1]]


@contextmanager
def _plain(model: Any) -> Iterator[None]:
    """The library's own attention, which the engine replaces."""
    before = model.config.get_text_config()._attn_implementation
    model.set_attn_implementation("eager")
    yield
    model.set_attn_implementation(before)


def _ids() -> list[int]:
    generator = torch.Generator().manual_seed(1)
    return [int(token) for token in torch.randint(_VOCABULARY, (sum(_CHUNKS),), generator=generator)]


def _own_scores(model: Any) -> Tensor:
    with torch.inference_mode():
        scores: Tensor = model(input_ids=torch.tensor([_ids()]), use_cache=False).logits[0]
    return scores


def _scores(rows: Rows) -> Tensor:
    """The scores of the engine after each token."""
    ids, cache, parts = _ids(), TokenCache(len(_ids())), []
    for size in _CHUNKS:
        chunk = ids[cache.n : cache.n + size]
        parts.append(rows.read(cache, chunk, 0) if size > 1 else rows.decode([cache], chunk))
    return torch.cat(parts)

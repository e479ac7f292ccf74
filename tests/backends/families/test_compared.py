"""The table of model families: what is measured of each, and that a fault shows in it."""

import pytest
from served_app import ROOT

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import compared_families as families  # noqa: E402
from compared_families import EXACT, SOUND, FamilyRow, family_rows, table_of, write_folder  # noqa: E402

from backends.families.support import COMPARED, REFUSED  # noqa: E402
from backends.packed import open as opening  # noqa: E402
from backends.packed.kernels import find_kernels  # noqa: E402
from backends.packed.layers import QuickLayer, QuickStateLayer  # noqa: E402


def rows_of(*names):
    return family_rows(names, lambda words: None)


@pytest.mark.parametrize("family", COMPARED)
def test_every_family_computes_what_the_library_does(family, tmp_path):
    assert families._float_difference(write_folder(family, tmp_path / family)) < EXACT


def test_a_family_that_runs_is_measured_in_all_precisions():
    (row,) = rows_of("mistral")
    assert (row.family, row.context, row.verdict, row.wrong) == ("mistral", "its window", "runs", False)
    assert 0 < row.float_difference < EXACT
    assert 0 < row.int8_kl < SOUND and 0 < row.int4_kl < SOUND


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_the_weights_that_packed_tensors_stand_for_are_near_the_original(precision, tmp_path, monkeypatch):
    """Else a twin that has the packed model's own faults would agree with it."""
    models, floats = [], {}
    monkeypatch.setattr(families, "_put", lambda model, part: (models.append(model), floats.update(part)))
    families._packed_kl(write_folder("qwen3", tmp_path / "qwen3"), precision)
    layer = "model.layers.1.mlp.down_proj"
    original = models[0].get_parameter(f"{layer}.weight").detach()
    share = float((original - floats[layer]).norm() / original.norm())
    assert 0 < share < (0.01 if precision == "int8" else 0.12)


def test_a_fault_of_the_packed_model_is_not_taken_for_rounding(monkeypatch):
    def without_a_layer(architecture):
        model = load_packed(architecture)
        weight = model.get_parameter("model.layers.2.post_attention_layernorm.weight")
        weight.data = torch.zeros_like(weight)
        return model

    load_packed = opening.load_packed
    monkeypatch.setattr(opening, "load_packed", without_a_layer)
    (row,) = rows_of("llama")
    assert (row.verdict, row.wrong) == ("wrong: int8, int4", True)


@pytest.mark.parametrize("family", ["qwen2", "qwen3", "qwen3_5", "llama", "glm", "glm4"])
def test_the_kernels_own_layers_are_compared_in_4_bits(family, monkeypatch):
    if find_kernels() is None:
        pytest.skip("no kernels on this machine")
    opened = []
    packed_rows = families.packed_rows
    monkeypatch.setattr(
        families, "packed_rows", lambda architecture: opened.append(packed_rows(architecture)) or opened[-1]
    )
    assert rows_of(family)[0].verdict == "runs"
    layers = opened[-1].model.model.layers
    assert {type(vars(layer)["forward"]) for layer in layers} <= {QuickLayer, QuickStateLayer}


def test_refused_families_share_a_line_with_their_reason():
    names = [name for name, reason in REFUSED.items() if reason == REFUSED["gpt_oss"]]
    rows = rows_of("gpt_oss", *(name for name in names if name != "gpt_oss"))
    assert {row.float_difference for row in rows} == {None} and not any(row.wrong for row in rows)
    head, rule, line = table_of([*rows])
    assert head.count("|") == rule.count("|") == line.count("|") == 7
    assert "gpt_oss" in line and f"refused: {REFUSED['gpt_oss']}" in line
    (_, _, measured) = table_of([FamilyRow("x", "runs", False, "its own context", 1e-5, int8_kl=0.00123)])
    assert measured == "| x | 1e-05 | 0.0012 | - | its own context | runs |"


def test_the_table_in_the_docs_has_every_family():
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split("|") for line in text.splitlines() if line.startswith("| ") and line.count("|") == 7]
    verdicts = {cells[0].strip(): cells[-1].strip() for cells in rows}
    expected = {name: "runs" if kind.packs else "bf16 and fp32" for name, kind in COMPARED.items()}
    assert {name: verdicts.get(name) for name in COMPARED} == expected
    refused = {name.strip(): verdict for names, verdict in verdicts.items() for name in names.split(",")}
    assert {name: refused.get(name) for name in REFUSED} == {n: f"refused: {reason}" for n, reason in REFUSED.items()}

"""The catalog is whole: every model to be fetched has a place, a revision, a size, a licence and a runtime for it."""

import re
from dataclasses import fields

import pytest
from served_app import ROOT
from transformers.models.auto import modeling_auto

from backends.models.catalog import CARDS, EMBEDDED, FETCHED, PUBLISHED
from commands.options import known_models

KNOWN = FETCHED | EMBEDDED


def test_ids_and_names_are_of_one_model_each():
    assert len(KNOWN) == len(FETCHED) + len(EMBEDDED) == len({spec.id.casefold() for spec in KNOWN.values()})
    assert len({spec.name for spec in KNOWN.values()}) == len(KNOWN)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.-]*", model_id) for model_id in KNOWN)
    assert list(KNOWN) == [spec.id for spec in KNOWN.values()]


@pytest.mark.parametrize("model_id", FETCHED)
def test_a_model_to_fetch_is_on_both_hubs_at_a_revision_of_each(model_id):
    repos = PUBLISHED[model_id].repos
    assert set(repos) == {"huggingface", "modelscope"}
    assert re.fullmatch(r"[0-9a-f]{40}", repos["huggingface"].revision)
    # ModelScope has a branch only; the recorded hashes identify what was downloaded.
    assert re.fullmatch(r"v\d+\.\d+\.\d+|master", repos["modelscope"].revision)
    assert all(re.fullmatch(r"[\w-]+/[\w.-]+", repo.id) for repo in repos.values())
    assert PUBLISHED[model_id].weight_bytes > 100_000_000


@pytest.mark.parametrize("spec", KNOWN.values(), ids=KNOWN)
def test_every_licence_has_a_name_and_an_address(spec):
    assert spec.licence
    assert re.fullmatch(r"https://[\w./%-]+", spec.licence_url)


@pytest.mark.parametrize("spec", FETCHED.values(), ids=FETCHED)
def test_every_family_runs_on_the_librarys_own_architecture(spec):
    original = {"qwen": "qwen2", "chatglm": "glm"}
    assert original.get(spec.family, spec.family) in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    assert (spec.runtime, spec.precision, spec.context_length) == ("transformers", "bf16", 0)


def test_there_are_later_members_of_both_families_for_a_machine_of_8_gb():
    small = {model_id for model_id, published in PUBLISHED.items() if published.weight_bytes < 4_500_000_000}
    assert {FETCHED[model_id].family for model_id in small} >= {"qwen2", "qwen3", "glm"}


@pytest.mark.parametrize("model_id", KNOWN)
def test_every_model_has_a_card_in_both_languages(model_id):
    card = CARDS[model_id]
    texts = {field.name: getattr(card, field.name) for field in fields(card)}
    pairs = {name: value for name, value in texts.items() if isinstance(value, tuple)}
    assert {"developer", "architecture"} <= set(pairs) <= {"developer", "architecture", "training_data", "languages"}
    for chinese, english in pairs.values():
        assert chinese.strip() and english.strip()
        assert not re.search("[\u3000-\u9fff\uff00-\uffef]", english)
    for date in filter(None, (card.released, card.updated)):
        assert re.fullmatch(r"20\d\d-(?:0[1-9]|1[0-2])(?:-[0-3]\d)?", date)
    assert card.released and (not card.updated or card.updated > card.released)
    assert re.fullmatch(r"https://huggingface\.co/[\w-]+/[\w.-]+", card.address)
    assert re.fullmatch(r"https://github\.com/[\w-]+/[\w.-]+", card.repository)
    assert bool(card.paper) == bool(card.paper_address)
    assert KNOWN[model_id].licence and KNOWN[model_id].licence_url


def test_there_is_no_card_of_a_model_that_is_not_in_the_catalog():
    assert set(CARDS) == set(KNOWN)


@pytest.mark.parametrize("model_id", FETCHED)
def test_a_card_agrees_with_what_is_fetched(model_id):
    card, published = CARDS[model_id], PUBLISHED[model_id]
    assert card.address.endswith(published.repos["huggingface"].id)
    # Two bytes a parameter; some folders hold the embeddings twice, which the makers count once.
    assert 0.75 < 2 * card.parameters / published.weight_bytes < 1.02
    assert card.context_length >= FETCHED[model_id].context_length


def test_the_docs_have_every_model_with_its_facts():
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    facts = {cells[0].strip("`"): cells[1:5] for cells in rows if len(cells) == 6}
    for model_id, spec in FETCHED.items():
        card, size = CARDS[model_id], PUBLISHED[model_id].weight_bytes
        expected = [f"{size / 1e9:.1f} GB", f"{card.context_length:,}", card.released, spec.licence]
        assert facts.pop(model_id) == expected
    assert not facts


def test_the_command_hands_every_card_to_the_report_the_two_models_first():
    known = known_models()
    assert [model.spec.id for model in known[:2]] == ["qwen-7b-chat", "chatglm3-6b"]
    assert {model.spec.id: model.card for model in known} == CARDS
    assert all(model.card.parameters > 0 for model in known)

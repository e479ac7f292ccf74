"""The catalog is whole: every model to be fetched has a place, a revision, a size, a licence and a runtime for it."""

import re

import pytest
from transformers.models.auto import modeling_auto

from backends.catalog import EMBEDDED, FETCHED, PUBLISHED

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
    # ModelScope's branch is master; what came from it is told by the hashes written down.
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
    assert (spec.runtime, spec.precision, spec.context_length) == ("transformers", "bf16", 8192)


def test_there_are_later_members_of_both_families_for_a_machine_of_8_gb():
    small = {model_id for model_id, published in PUBLISHED.items() if published.weight_bytes < 4_500_000_000}
    assert {FETCHED[model_id].family for model_id in small} >= {"qwen2", "qwen3", "glm"}

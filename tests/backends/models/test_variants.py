"""Labels and settings in a model's name: what they set, what the id says, what is refused."""

import pytest

from arena.errors import InputError
from arena.generation_config import GenerationConfig
from arena.types import Message
from backends.models.resolve import resolve
from backends.models.variants import SETTINGS, variant_of
from commands.options import LEFT, RIGHT, choose_models, models_of

SAMPLING = {
    "max_new_tokens": 64,
    "temperature": 0.25,
    "top_p": 0.5,
    "top_k": 40,
    "repetition_penalty": 1.2,
    "seed": 7,
}


def test_every_sampling_field_can_be_a_part_of_the_name():
    assert set(SETTINGS) == {"ctx", "think", "system", *SAMPLING}
    ending = "&".join(f"{name}={value}" for name, value in SAMPLING.items())
    spec = resolve(f"smollm2-135m?{ending}")
    assert spec.config({name: None for name in SAMPLING}) == GenerationConfig(**SAMPLING)
    # What a reader of the page types does not change them.
    typed = {"temperature": 1.0, "seed": 8, "max_new_tokens": 1, "top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0}
    assert spec.config(typed) == GenerationConfig(**SAMPLING)
    assert spec.id == f"smollm2-135m?{ending}"


@pytest.mark.parametrize("typed", ["temperature=0", "temperature=0.0", "temperature=00.000"])
def test_the_id_is_the_same_however_the_value_is_typed(typed):
    spec = resolve(f"smollm2-135m?top_k=3&{typed}")
    assert spec.id == "smollm2-135m?temperature=0&top_k=3"
    assert spec.name == f"{resolve('smollm2-135m').name} (temperature 0, top_k 3)"
    assert spec.config().as_dict()["temperature"] == 0.0


def test_a_system_prompt_may_be_percent_encoded():
    spec = resolve("smollm2-135m?system=Is 1%2F2 %3D 50%25%3F%0A用中文回答。")
    assert spec.messages("typed on the page") == (Message("system", "Is 1/2 = 50%?\n用中文回答。"),)
    assert spec.id == "smollm2-135m?system=Is 1%2F2 %3D 50%25%3F%0A用中文回答。"
    assert resolve(spec.id) == spec


def test_a_model_without_a_system_prompt_of_its_own_takes_the_page_s():
    assert resolve("smollm2-135m").messages("Be brief.") == (Message("system", "Be brief."),)
    assert resolve("smollm2-135m").messages() == ()
    assert resolve("smollm2-135m?system=").messages("Be brief.") == ()


def test_long_system_prompts_differ_in_the_id_by_their_hash():
    specs = [resolve(f"smollm2-135m?system={'Speak like a pirate. ' * 5}{end}") for end in "ab"]
    assert specs[0].id != specs[1].id and all(len(spec.id) < 60 for spec in specs)
    assert specs[0].messages()[0].content.endswith("pirate. a")


@pytest.mark.parametrize("label", ["T0", "冷静 1", "a.b_c-d", "x" * 32])
def test_a_label_is_the_name_shown_and_a_part_of_the_id(label):
    spec = resolve(f"{label}=smollm2-135m?temperature=0")
    assert (spec.name, spec.id, spec.plain_id) == (label, f"{label}=smollm2-135m?temperature=0", "smollm2-135m")


def test_an_id_without_a_label_or_settings_is_its_own_plain_id():
    assert resolve("smollm2-135m").plain_id == "smollm2-135m"


@pytest.mark.parametrize("label", ["", "-x", "x ", "x" * 33, "a+b", "<b>", "a\nb", "a@b", "é"])
def test_a_label_of_other_characters_is_refused(label):
    with pytest.raises(InputError) as refusal:
        resolve(f"{label}=smollm2-135m")
    assert refusal.value.code == "label_invalid" and len(str(refusal.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["./a=b", "/x/a=b", "openai:http://h/v1?key=x#m", "smollm2-135m?ctx=512"])
def test_an_equals_sign_in_a_path_or_an_address_makes_no_label(text):
    assert variant_of(text).label == ""


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("smollm2-135m?temperature=hot", "setting_range"),
        ("smollm2-135m?temperature=nan", "setting_range"),
        ("smollm2-135m?temperature=", "setting_range"),
        ("smollm2-135m?top_k=1.5", "setting_range"),
        ("smollm2-135m?seed=-1", "setting_range"),
        ("smollm2-135m?thinking=on", "unknown_setting"),
        ("smollm2-135m?system=1/2", "name_settings"),
        ("smollm2-135m?system=Why?", "name_settings"),
        ("smollm2-135m-t0.2?temperature=1", "setting_pinned"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(text, code):
    with pytest.raises(InputError) as refusal:
        resolve(text)
    assert refusal.value.code == code and len(str(refusal.value).splitlines()) == 1


def test_one_model_stands_against_itself_with_other_settings():
    a, b = choose_models("cold=smollm2-135m?temperature=0", "warm=smollm2-135m?temperature=1")
    assert (a.name, b.name) == ("cold", "warm") and a.source == b.source


def test_equal_names_are_told_apart_by_a_label():
    servers = [f"openai:http://127.0.0.1:{port}/v1#qwen" for port in (1, 2)]
    with pytest.raises(InputError, match="LABEL=MODEL") as refusal:
        choose_models(*servers)
    assert refusal.value.code == "same_model"
    specs = choose_models(*(f"{label}={name}" for label, name in zip("AB", servers, strict=True)))
    assert [spec.id for spec in specs] == ["A=qwen", "B=qwen"]


def test_one_label_for_two_models_is_refused():
    with pytest.raises(InputError) as refusal:
        choose_models("A=smollm2-135m?temperature=0", "A=smollm2-135m?temperature=1")
    assert refusal.value.code == "same_model"


def test_the_models_of_a_page_are_a_pair_or_a_list():
    assert models_of("", "", "") == (LEFT, RIGHT) and models_of("", "x", "") == ("x", RIGHT)
    assert models_of(" x, y@int4 ,z=y?temperature=0,", "", "") == ("x", "y@int4", "z=y?temperature=0")
    for code, given in (("models_twice", ("x,y", "z", "")), ("models_few", ("x", "", ""))):
        with pytest.raises(InputError) as error:
            models_of(*given)
        assert error.value.code == code


def test_a_file_names_one_model_per_line(tmp_path):
    file = tmp_path / "models.txt"
    file.write_text("# the small ones\nx\n\n y=z?system=Be brief, please \nopenai:http://h/v1#m\n", encoding="utf-8")
    assert models_of(str(file), "", "") == ("x", "y=z?system=Be brief, please", "openai:http://h/v1#m")
    file.write_text("x\n", encoding="utf-8")
    for code, given in (("models_few", file), ("models_broken", tmp_path / "none.txt")):
        with pytest.raises(InputError) as error:
            models_of(str(given), "", "")
        assert error.value.code == code

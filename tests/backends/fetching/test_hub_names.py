"""Models named by their repository on a hub: what a name may be, what is downloaded for it, and found afterwards."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from hub_server import HubServer
from served_app import ROOT

from arena.errors import ArenaError, InputError
from backends.fetching import fetch as fetching
from backends.fetching import precheck
from backends.fetching.fetch import Fetched, by_hand
from backends.fetching.plan import as_fetched, needs_of, to_download
from backends.folder.verified import verify_listed
from backends.models.downloads import Download, download_of, fetched_folder, models_dir
from backends.models.resolve import resolve
from commands.quantize import quantize_fetched

MICRO = {path.name: path.read_bytes() for path in (ROOT / "tests" / "data" / "qwen-micro-vocab2048").iterdir()}
COMMIT = "0123456789abcdef0123456789abcdef01234567"
GB = 10**9


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def gguf(template: str = "{{ messages }}", weights: bytes = b"\x07" * 300_000) -> bytes:
    """A file with the head of a small Llama, or with a part of its weights if there is no template."""
    texts = {"general.architecture": "llama", "tokenizer.chat_template": template}
    sizes = {"context_length": 256, "embedding_length": 64, "block_count": 2, "attention.head_count": 4}
    pairs = [text(key) + struct.pack("<I", 8) + text(value) for key, value in texts.items() if value]
    pairs += [text(f"llama.{key}") + struct.pack("<II", 4, value) for key, value in sizes.items()]
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + b"".join(pairs) + weights


WHOLE, PARTS = "tiny-Q4_K_M.gguf", [f"Q8_0/tiny-Q8_0-0000{number}-of-00002.gguf" for number in (1, 2)]
FILES = {
    WHOLE: gguf(),
    PARTS[0]: gguf(weights=b"\x01" * 1000),
    PARTS[1]: gguf("", b"\x02" * 2000),
    "mmproj-F16.gguf": gguf(""),
    "other/a-Q5_0.gguf": gguf(),
    "b-Q5_0.gguf": gguf(),
    "lost-Q6_K-00001-of-00002.gguf": gguf(),
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries wait for no second."""
    monkeypatch.setattr("backends.fetching.transfer.PAUSE_SECONDS", 0.01)


@pytest.fixture
def server() -> Iterator[HubServer]:
    files = {**MICRO, "modeling_qwen.py": b"raise SystemExit", "README.md": b"A model."}
    with HubServer(files, "maker/micro", COMMIT).serving() as running:
        yield running


@pytest.fixture(params=["hf", "modelscope"])
def hub(request: pytest.FixtureRequest, server: HubServer, hub_addresses: Callable[..., None]) -> str:
    """The prefix of each hub; both answer at the server."""
    hub_addresses(server.url, server.url)
    return request.param


@pytest.fixture
def files(server: HubServer, hub: str) -> str:
    """The same for a repository of GGUF files."""
    server.files = dict(FILES)
    return hub


def fetch(name: str, precision: str = "", **around: object) -> Fetched:
    model = download_of(name)
    assert model
    return fetching.fetch(model, precision, **around)


def failure(name: str, precision: str = "", **around: object) -> ArenaError:
    """The error of a fetch that must fail; its text is one line, and no model is here afterwards."""
    with pytest.raises(ArenaError) as caught:
        fetch(name, precision, **around)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError):
        resolve(name)
    return caught.value


# ---- names


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("hf:maker/micro", "hf/maker/micro"),
        ("modelscope:maker/micro@v1.0", "modelscope/maker/micro@v1.0"),
        ("hf:maker/micro@int4", "hf/maker/micro@int4"),
        ("hf:maker/micro@v1.0@int8", "hf/maker/micro@v1.0@int8"),
        ("hf:maker/micro@fp32", "hf/maker/micro"),
        ("A=hf:maker/micro@int4?temperature=0", "hf/maker/micro@int4"),
        ("hf:maker/micro/x-Q4_0.gguf", "hf/maker/micro#x-Q4_0.gguf"),
        ("hf:maker/micro/q/x-00002-of-00003.gguf@v1.0", "hf/maker/micro@v1.0#q#x-00001-of-00003.gguf"),
        ("smollm2-135m", None),
    ],
)
def test_every_name_has_a_folder_of_its_own(name: str, folder: str | None) -> None:
    assert fetched_folder(as_fetched(name)) == (models_dir() / folder if folder else None)


@pytest.mark.parametrize(
    "rest",
    [
        "maker", "maker/", "/maker/x", "../x", "a/..", "a/../../x", "a/b/../c.gguf", "a/b/c", "a/b/c.py", "a/b//c.gguf",
        "a/.b", ".a/b", "a/b@", "a/b@x/y", "a/b@..", "a/b:", "a/b:Q4/x", "a/b.part", "a/b.old", "a\\b/c", "a/b c",
        "a/b\n", "a/b%2f", "a/b#c", "a/名", "a/b/c.gguf:Q4_0", "a/b@x@y",
    ],
)  # fmt: skip
def test_a_name_that_could_lead_elsewhere_is_refused(rest: str) -> None:
    for hub in ("hf", "modelscope"):
        with pytest.raises(InputError) as refusal:
            download_of(f"{hub}:{rest}")
        assert refusal.value.code == "hub_name" and len(str(refusal.value).splitlines()) == 1


def test_a_model_that_is_not_here_says_which_command_fetches_it(server: HubServer, hub: str) -> None:
    for name in ("maker/micro", "maker/micro@int4", "maker/micro@main", "maker/micro/x.gguf", "maker/micro:Q4_K_M"):
        with pytest.raises(InputError) as refusal:
            resolve(f"{hub}:{name}")
        assert str(refusal.value).endswith(f"is not here yet: python app.py fetch {hub}:{name}.")
    assert not server.asked


# ---- checkpoint folders


def test_a_repository_is_fetched_and_found_afterwards_without_network(server: HubServer, hub: str) -> None:
    name = f"{hub}:maker/micro"
    fetched = fetch(name)
    assert fetched.folder == models_dir() / hub / "maker" / "micro"
    assert server.fetched() == {*MICRO, "README.md"}
    server.asked.clear()
    spec = resolve(name)
    assert (spec.id, spec.name, spec.family, spec.precision) == (name, "micro", "qwen", "bf16")
    assert spec.revision == COMMIT if hub == "hf" else spec.revision.startswith("master+sha256:")
    assert verify_listed(spec, lambda name, size: None) == ("fetched.json", len(MICRO) + 1)
    # A branch may have moved since: what is here stays.
    assert fetch(name).came == 0 and not server.asked
    assert resolve(f"{name}@fp32").id == f"{name}@fp32"
    assert resolve(f"B={name}?ctx=128").id == f"B={name}?ctx=128"


def test_a_revision_is_a_model_of_its_own(server: HubServer, hub: str) -> None:
    name = f"{hub}:maker/micro@{COMMIT}"
    fetch(name)
    assert (resolve(name).id, resolve(name).revision) == (name, COMMIT)
    with pytest.raises(InputError, match="not here yet"):
        resolve(f"{hub}:maker/micro")


def test_a_repository_is_quantized_beside_its_folder(
    server: HubServer, hub: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"{hub}:maker/micro@main"
    model = fetch(name, "int4").model
    quantize_fetched(model, "int4", False, True)
    spec = resolve(f"{name}@int4")
    assert (spec.id, spec.name, spec.precision) == (f"{name}@int4", "micro@main (int4)", "int4")
    assert spec.revision.startswith((COMMIT, "main+sha256:"))
    assert Path(spec.source) == models_dir() / hub / "maker" / "micro@main@int4"
    quantize_fetched(model, "int4", False, True)
    assert '"present"' in capsys.readouterr().out.splitlines()[-1]


def test_an_unsupported_model_is_refused_from_its_small_files_and_leaves_none(server: HubServer, hub: str) -> None:
    server.files["config.json"] = b'{"model_type": "mamba"}'
    error = failure(f"{hub}:maker/micro")
    assert error.code == "model_unsupported" and str(error).startswith("micro cannot run here")
    assert not {name for name in server.fetched() if "safetensors" in name}
    assert not [path for path in models_dir().rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_the_memory_is_weighed_before_any_weights(server: HubServer, hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    weighed: list[dict[str, int]] = []
    fetch(f"{hub}:maker/micro", weigh=weighed.append)
    assert list(weighed[0]) == ["bf16", "int8", "int4"]
    assert weighed[0]["bf16"] > weighed[0]["int8"] > weighed[0]["int4"] > 0
    monkeypatch.setattr(precheck, "limit_bytes", lambda: weighed[0]["int4"] - 1)
    server.asked.clear()
    error = failure(f"{hub}:maker/micro@main")
    assert error.code == "fetch_memory" and "even as int4" in str(error)
    assert not {name for name in server.fetched() if "safetensors" in name}
    monkeypatch.setattr(precheck, "limit_bytes", lambda: weighed[0]["int4"])
    assert fetch(f"{hub}:maker/micro@main").came


def test_a_full_disk_is_found_out_with_room_for_the_quantized_copy(
    server: HubServer, hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: Mock(free=GB))
    server.faults.extra_entries = [("model-00003-of-00003.safetensors", GB)]
    for precision in ("", "int4"):
        error = failure(f"{hub}:maker/micro", precision)
        assert error.code == "fetch_room" and ("quantize" in str(error)) is bool(precision)
    assert error.details["needed"] > 1.34 * GB
    assert not server.fetched()


def test_pickled_weights_are_not_downloaded(server: HubServer, hub: str) -> None:
    server.files = {"config.json": b"{}", "pytorch_model.bin": b"cos\nsystem\n"}
    assert failure(f"{hub}:maker/micro").code == "fetch_pickled"
    assert not server.fetched()


@pytest.mark.parametrize("status", [401, 403])
def test_gated_files_say_that_a_token_is_needed_and_how(server: HubServer, hub: str, status: int) -> None:
    server.faults.file_status = dict.fromkeys(MICRO, status)
    error = failure(f"{hub}:maker/micro")
    assert error.code == "fetch_denied" and f"({status})" in str(error)
    token = {"hf": "HF_TOKEN", "modelscope": "MODELSCOPE_API_TOKEN"}[hub]
    assert "create a token" in str(error) and f"set it as {token}" in str(error)


def test_a_hub_that_refuses_a_stranger_says_that_the_repository_may_not_exist(server: HubServer, hub: str) -> None:
    server.faults.list_status = 401
    error = failure(f"{hub}:maker/micro")
    assert error.code == "fetch_denied" and "it does not exist, or a login is needed" in str(error)
    place = {
        "hf": "huggingface.co/maker/micro ",
        "modelscope": "modelscope.cn/models/maker/micro/files?version=master ",
    }
    assert place[hub] in str(error)


@pytest.mark.parametrize("ending", ["", "/x.gguf", ":Q4_0"])
def test_a_repository_or_a_revision_that_does_not_exist(server: HubServer, hub: str, ending: str) -> None:
    error = failure(f"{hub}:maker/mikro{ending}")
    assert "maker/mikro" in str(error)
    assert error.code == {"hf": "fetch_no_repository", "modelscope": "fetch_missing"}[hub]
    error = failure(f"{hub}:maker/micro{ending}@v9")
    assert error.code == "fetch_missing" and "at revision v9" in str(error)


# ---- GGUF files


def test_a_file_is_fetched_and_found_afterwards_without_network(server: HubServer, files: str) -> None:
    name = f"{files}:maker/micro/{WHOLE}"
    fetched = fetch(name)
    assert fetched.folder == models_dir() / files / "maker" / f"micro#{WHOLE}"
    assert server.fetched() == {WHOLE} and server.sent() == fetched.came == len(FILES[WHOLE])
    server.asked.clear()
    spec = resolve(name)
    assert (spec.id, spec.name, spec.runtime, spec.precision) == (name, "tiny-Q4_K_M", "llama.cpp", "q4_k_m")
    assert spec.revision == COMMIT if files == "hf" else spec.revision.startswith("master+sha256:")
    assert spec.context_length == 256 and not server.asked
    assert fetch(name).came == 0 and not server.asked


def test_a_split_file_in_a_folder_comes_with_all_of_its_parts(server: HubServer, files: str) -> None:
    for place in PARTS:  # whichever part is named
        name = f"{files}:maker/micro/{place}"
        fetched = fetch(name)
        assert resolve(name).id == f"{files}:maker/micro/{PARTS[0]}"
    assert server.fetched() == set(PARTS)
    assert {path.name for path in fetched.folder.glob("*.gguf")} == {Path(part).name for part in PARTS}
    spec = resolve(name)
    assert verify_listed(spec, lambda name, size: None) == ("fetched.json", 2)
    (fetched.folder / Path(PARTS[1]).name).write_bytes(b"\x02" * len(FILES[PARTS[1]]))
    with pytest.raises(ArenaError, match="is damaged"):
        verify_listed(spec, lambda name, size: None)


@pytest.mark.parametrize(("quantization", "place"), [("Q4_K_M", WHOLE), ("q8_0", PARTS[0])])
def test_a_quantization_picks_its_file(server: HubServer, files: str, quantization: str, place: str) -> None:
    fetched = fetch(f"{files}:maker/micro:{quantization}")
    assert fetched.model.id == f"{files}:maker/micro/{place}"
    server.asked.clear()
    assert resolve(f"{files}:maker/micro:{quantization}").id == fetched.model.id
    assert fetch(f"{files}:maker/micro:{quantization}").came == 0 and not server.asked


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ("/tiny-Q4_M.gguf", f"no file tiny-Q4_M.gguf. It has: {WHOLE}"),
        (":Q3_K_S", "no file Q3_K_S. It has: "),
        (":Q5_0", "several files Q5_0. It has: b-Q5_0.gguf, other/a-Q5_0.gguf."),
    ],
)
def test_a_misspelt_file_is_refused_with_what_there_is(server: HubServer, files: str, ending: str, words: str) -> None:
    error = failure(f"{files}:maker/micro{ending}")
    assert error.code == "fetch_file" and words in str(error)
    assert not server.fetched()


def test_a_repository_of_files_without_the_name_of_one_lists_them(server: HubServer, files: str) -> None:
    error = failure(f"{files}:maker/micro")
    assert error.code == "fetch_gguf" and WHOLE in str(error)


def test_a_split_file_that_lacks_a_part_is_refused(server: HubServer, files: str) -> None:
    error = failure(f"{files}:maker/micro:Q6_K")
    assert error.code == "fetch_part" and "lost-Q6_K-00002-of-00002.gguf" in str(error)


def test_the_head_decides_before_the_weights_come(
    server: HubServer, files: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_HEADS", (64, 1024))
    error = failure(f"{files}:maker/micro/mmproj-F16.gguf")
    assert error.code == "gguf_no_template"
    assert server.sent() == 1024
    assert not list(models_dir().rglob("*.gguf*.incomplete"))
    weighed: list[dict[str, int]] = []
    assert fetch(f"{files}:maker/micro/{WHOLE}", weigh=weighed.append).came == len(FILES[WHOLE])
    assert server.sent(WHOLE) == len(FILES[WHOLE])
    assert list(weighed[0]) == ["Q4_K_M"] and weighed[0]["Q4_K_M"] > len(FILES[WHOLE])


def test_a_file_that_needs_more_memory_than_there_is_is_refused(
    server: HubServer, files: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_HEADS", (1024,))
    monkeypatch.setattr(precheck, "limit_bytes", lambda: 50_000_000)
    error = failure(f"{files}:maker/micro/{WHOLE}")
    assert error.code == "fetch_memory" and "as Q4_K_M" in str(error) and server.sent() == 1024


def test_a_file_that_is_no_gguf_file_is_refused_before_all_of_it_comes(
    server: HubServer, files: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_HEADS", (64, 1024))
    server.faults.contents = {WHOLE: b"PK\x03\x04" + bytes(len(FILES[WHOLE]) - 4)}
    assert failure(f"{files}:maker/micro/{WHOLE}").code == "model_damaged"
    assert server.sent() == 1024


def test_an_interrupted_file_is_resumed(server: HubServer, files: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_HEADS", (1024,))
    server.faults.cut_after = {WHOLE: 100_000}

    def stop(name: str, done: int, total: int) -> None:
        if done > 50_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(f"{files}:maker/micro/{WHOLE}", report=stop)
    (kept,) = models_dir().rglob("*.incomplete")
    there = kept.stat().st_size
    assert 50_000 < there < len(FILES[WHOLE])
    server.asked.clear()
    server.faults.cut_after = {}
    fetched = fetch(f"{files}:maker/micro/{WHOLE}")
    assert server.sent() == fetched.came == len(FILES[WHOLE]) - there
    assert (fetched.folder / WHOLE).read_bytes() == FILES[WHOLE]


def test_a_file_with_a_wrong_hash_is_not_kept(server: HubServer, files: str) -> None:
    server.faults.contents = {WHOLE: FILES[WHOLE][:-1] + b"\x08"}
    error = failure(f"{files}:maker/micro/{WHOLE}")
    assert error.code == "fetch_damaged" and "sha256" in str(error)
    server.faults.contents = {}
    assert fetch(f"{files}:maker/micro/{WHOLE}").came == len(FILES[WHOLE])


def test_a_server_without_ranges_sends_the_file_once_more(server: HubServer, files: str) -> None:
    server.faults.ignore_range = True
    fetched = fetch(f"{files}:maker/micro/{WHOLE}")
    assert (fetched.folder / WHOLE).read_bytes() == FILES[WHOLE]


def test_a_hostile_list_is_refused_for_files_too(server: HubServer, files: str) -> None:
    server.faults.extra_entries = [("../x-Q2_K.gguf", 3)]
    assert failure(f"{files}:maker/micro:Q2_K").code == "fetch_hostile"


def test_a_precision_of_a_file_is_refused_before_anything_is_asked(server: HubServer, files: str) -> None:
    with pytest.raises(InputError) as refusal:
        to_download(f"{files}:maker/micro/{WHOLE}@int4")
    assert refusal.value.code == "precision_unavailable" and not server.asked


def test_without_network_a_file_can_be_copied_by_hand(hub_addresses: Callable[..., None]) -> None:
    hub_addresses("http://127.0.0.1:9", "http://127.0.0.1:9")
    model = download_of("hf:maker/micro:Q4_K_M")
    assert isinstance(model, Download) and failure("hf:maker/micro:Q4_K_M").code == "fetch_offline"
    assert "the file Q4_K_M" in by_hand(model) and "https://huggingface.co/maker/micro\n" in by_hand(model)
    file = download_of(f"hf:maker/micro/{WHOLE}")
    assert file
    file.folder.mkdir(parents=True)
    (file.folder / WHOLE).write_bytes(FILES[WHOLE])
    assert resolve(f"hf:maker/micro/{WHOLE}").revision.startswith("edges-sha256:")


# ---- what a model needs, before it is downloaded


def test_what_a_model_needs_is_known_from_its_small_files(server: HubServer, hub: str) -> None:
    server.files["README.md"] = b"---\r\ntags: [x]\r\nlicense: mit\r\n---\r\nlicense: no"
    name, weights = f"{hub}:maker/micro", sum(len(MICRO[file]) for file in MICRO if file.endswith(".safetensors"))
    total = sum(map(len, server.files.values())) - len(server.files["modeling_qwen.py"])
    plain, packed = needs_of(name), needs_of(f"P={name}@int4?temperature=0")
    assert (plain.title, plain.download, plain.quantize, plain.disk) == ("micro", total, 0, total)
    assert (packed.title, packed.quantize) == ("P", weights)
    assert packed.disk == packed.download + round(weights / 2) and packed.memory < plain.memory
    assert (plain.licence, "maker/micro" in plain.licence_url, plain.missing) == ("mit", True, ())
    assert not {file for file in server.fetched() if "safetensors" in file and "index" not in file}
    # What came for the answer does not come again, and the rest does.
    rest = weights + len(MICRO["model.safetensors.index.json"])
    assert packed.download == rest
    fetched = fetch(name, "int4")
    assert fetched.came == rest
    copy = needs_of(f"{name}@int4")
    assert (copy.download, copy.quantize, copy.disk) == (0, weights, round(weights / 2))
    server.asked.clear()
    assert (needs_of(name).download, needs_of(name).disk) == (0, 0) and not server.asked


def test_what_a_file_needs_is_known_from_its_head(
    server: HubServer, files: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_HEADS", (1024,))
    need = needs_of(f"{files}:maker/micro:Q4_K_M")
    assert (need.title, need.download, need.missing) == ("tiny-Q4_K_M", len(FILES[WHOLE]), ())
    assert need.memory > len(FILES[WHOLE]) and server.sent() == 1024


def test_what_a_split_file_needs_is_known_when_its_first_part_is_here(server: HubServer, files: str) -> None:
    name = f"{files}:maker/micro/{PARTS[0]}"

    def stop(file: str, done: int, total: int) -> None:
        if file == Path(PARTS[1]).name:
            raise KeyboardInterrupt

    before = needs_of(name)
    with pytest.raises(KeyboardInterrupt):
        fetch(name, report=stop)
    server.asked.clear()
    need = needs_of(name)
    assert need.memory == before.memory and not set(PARTS) & server.fetched()
    assert need.download < before.download == len(FILES[PARTS[0]]) + len(FILES[PARTS[1]])


def test_a_model_that_is_here_or_elsewhere_needs_no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.fetching.plan.find_spec", lambda name: None)
    folder = ROOT / "tests" / "data" / "qwen-micro-vocab2048"
    here, server = needs_of(f"x={folder}"), needs_of("openai:http://127.0.0.1:9/v1#m")
    assert (here.download, here.disk, here.missing[0], server.memory, server.missing) == (0, 0, "torch", 0, ())
    assert here.memory > 0


@pytest.mark.parametrize(
    ("name", "code"), [("qwen-9b", "model_misspelt"), ("gpt", "unknown_model"), ("hf:x", "hub_name")]
)
def test_a_name_that_means_nothing_needs_nothing(name: str, code: str) -> None:
    with pytest.raises(InputError) as refusal:
        needs_of(name)
    assert refusal.value.code == code

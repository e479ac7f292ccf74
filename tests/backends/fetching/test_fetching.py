"""Fetching, against a server on the loopback that plays both hubs and fails in the ways that hubs fail."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest
from hub_server import HubServer
from served_app import ROOT

import hubs
from arena.errors import ArenaError
from arena.types import ModelSpec
from backends.fetching import fetch as fetching
from backends.fetching.fetch import Fetched, by_hand
from backends.fetching.plan import as_fetched
from backends.folder.checkpoint import find_weights
from backends.folder.manifest import MANIFEST, Manifest, needed_files, read_manifest, write_manifest
from backends.folder.verified import verify_changed, verify_listed
from backends.models import downloads as folder_models
from backends.models.catalog import QWEN
from backends.models.downloads import Download
from backends.models.resolve import fetched_spec
from hubs import Hub, ListedFile, Repo

MICRO = ROOT / "tests" / "data" / "qwen-micro-vocab2048"
TRUE_FILES = {path.name: path.read_bytes() for path in MICRO.iterdir()}
SHARD = "model-00002-of-00002.safetensors"
NEEDED = {*TRUE_FILES, "qwen.tiktoken", "LICENSE", "README.md"}
REPO = Repo("maker/qwen-micro", "0123456789abcdef0123456789abcdef01234567")
SECRET = "hf_never-to-be-seen"


def repository() -> dict[str, bytes]:
    """A small true checkpoint with all that must not be fetched beside it."""
    decoys = (
        "modeling_qwen.py",
        "pytorch_model.bin",
        "examples/config.json",
        ".gitattributes",
        "consolidated.safetensors",
    )
    files = {**TRUE_FILES, "qwen.tiktoken": b"IQ== 0\n", "LICENSE": b"Be kind.\n", "README.md": b"A model.\n"}
    return {**files, **{name: b"not wanted" for name in decoys}}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries wait for no second."""
    monkeypatch.setattr("backends.fetching.transfer.PAUSE_SECONDS", 0.01)


@pytest.fixture
def server() -> Iterator[HubServer]:
    with HubServer(repository(), REPO.id, REPO.revision).serving() as running:
        yield running


@pytest.fixture(params=["huggingface", "modelscope"])
def hub(request: pytest.FixtureRequest, server: HubServer, hub_addresses: Callable[..., None]) -> Hub:
    """Each of the two, its library pointed to the server."""
    hub_addresses(server.url, server.url)
    return request.param


def both(repo: Repo = REPO, *only: Hub) -> Download:
    repos = {hub: repo for hub in only or ("huggingface", "modelscope")}
    return Download(QWEN.id, QWEN.name, folder_models.models_dir() / QWEN.id, repos, is_pinned=True)


def spec() -> ModelSpec:
    return fetched_spec(both())


def fetch(hub: Hub | None, model: Download | None = None, **around: object) -> Fetched:
    return fetching.fetch(model or both(), "", hub, **around)


def failure(hub: Hub | None, **around: object) -> ArenaError:
    """The error of a fetch that must fail; its text is one line, and no folder looks like the model."""
    with pytest.raises(ArenaError) as caught:
        fetch(hub, **around)
    assert "\n" not in str(caught.value)
    assert not (folder_models.models_dir() / QWEN.id).exists()
    return caught.value


def test_only_the_needed_files_are_downloaded(server: HubServer, hub: Hub) -> None:
    fetched = fetch(hub)
    names = {path.name for path in fetched.folder.iterdir()}
    assert names == {*NEEDED, MANIFEST, ".verified"}
    assert server.fetched() == NEEDED
    assert all((fetched.folder / name).read_bytes() == server.files[name] for name in NEEDED)
    assert len(find_weights(fetched.folder).files) == 2
    assert fetched.came == server.sent() == sum(len(server.files[name]) for name in NEEDED)
    assert {path.name for path in folder_models.models_dir().iterdir()} <= {QWEN.id, f".{QWEN.id}.lock"}


def test_the_revision_is_the_published_one_while_the_files_are_unchanged(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fetch(hub).folder
    manifest = read_manifest(folder)
    assert manifest and (manifest.hub, manifest.repo) == (hub, REPO)
    assert {file.path for file in manifest.files if file.sha256} == {n for n in NEEDED if n.endswith(".safetensors")}
    assert spec().revision == REPO.revision
    # What `check` reads is what a fetch writes.
    assert verify_listed(spec(), lambda name, size: None) == ("fetched.json", len(NEEDED))
    # The first load need not read the weights once more.
    monkeypatch.setattr("backends.folder.verified.check_sha256", Mock(side_effect=AssertionError))
    verify_changed(spec())
    (folder / "README.md").write_text("Another size.")
    assert spec().revision.startswith("sizes-sha256:")


def test_a_second_fetch_sends_no_request(server: HubServer, hub: Hub) -> None:
    fetch(hub)
    server.asked.clear()
    again = fetch(None)
    assert again.came == 0 and not server.asked


def test_only_the_damaged_file_of_a_model_is_downloaded_again(server: HubServer, hub: Hub) -> None:
    folder = fetch(hub).folder
    (folder / SHARD).write_bytes(b"short")
    server.asked.clear()
    assert fetch(None).came == len(TRUE_FILES[SHARD])
    assert server.fetched() == {SHARD}
    assert (folder / SHARD).read_bytes() == TRUE_FILES[SHARD]


def test_a_cut_connection_is_resumed(server: HubServer, hub: Hub) -> None:
    server.faults.cut_after, server.faults.cuts = {SHARD: 100_000}, 2
    folder = fetch(hub).folder
    assert (folder / SHARD).read_bytes() == TRUE_FILES[SHARD]
    assert server.sent(SHARD) == len(TRUE_FILES[SHARD])


def test_an_interrupted_fetch_downloads_only_the_missing_bytes(server: HubServer, hub: Hub) -> None:
    server.faults.cut_after = {SHARD: 100_000}

    def stop(text: str, done: int, total: int) -> None:
        if text == SHARD:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(hub, report=stop)
    part = folder_models.models_dir() / f"{QWEN.id}.part"
    kept = (part / f"{SHARD}.incomplete").stat().st_size
    assert 0 < kept <= 100_000
    with pytest.raises(ArenaError, match="not here"):
        spec()
    before = {file: server.sent(file) for file in server.fetched()}
    server.asked.clear()
    server.faults.cut_after = {}
    # Without --hub it goes on from where it began, not from who answers first.
    fetched = fetch(None)
    assert fetched.manifest.hub == hub
    assert server.sent(SHARD) == len(TRUE_FILES[SHARD]) - kept
    assert not {file for file in before if file != SHARD} & server.fetched()
    assert fetched.came == server.sent()


def test_a_server_without_ranges_sends_the_file_from_the_start(server: HubServer, hub: Hub) -> None:
    server.faults.cut_after, server.faults.cuts, server.faults.ignore_range = {SHARD: 100_000}, 1, True
    seen: list[int] = []
    folder = fetch(hub, report=lambda text, done, total: seen.append(done)).folder
    assert (folder / SHARD).read_bytes() == TRUE_FILES[SHARD]
    assert seen == sorted(seen)


def test_a_connection_that_is_always_cut_reports_the_bytes_received(server: HubServer, hub: Hub) -> None:
    server.faults.cut_after = {SHARD: 0}
    error = failure(hub)
    assert error.code == "fetch_cut" and SHARD in str(error) and "404,352" in str(error)


def test_a_short_file_is_an_error(server: HubServer, hub: Hub) -> None:
    server.faults.contents = {SHARD: TRUE_FILES[SHARD][:-7]}
    error = failure(hub)
    assert error.code == "fetch_damaged" and "404,345" in str(error) and "404,352" in str(error)


def test_a_long_file_is_an_error_and_not_kept(server: HubServer, hub: Hub) -> None:
    server.faults.contents = {SHARD: TRUE_FILES[SHARD] + b"x" * 10}
    assert failure(hub).code == "fetch_damaged"
    assert (folder_models.models_dir() / f"{QWEN.id}.part" / f"{SHARD}.incomplete").stat().st_size == 0


def test_a_file_with_a_wrong_hash_is_deleted_and_downloaded_again(server: HubServer, hub: Hub) -> None:
    server.faults.contents = {SHARD: TRUE_FILES[SHARD][:-1] + b"\xaa"}
    error = failure(hub)
    assert error.code == "fetch_damaged" and SHARD in str(error) and "sha256" in str(error)
    assert not list(folder_models.models_dir().glob(f"*/{SHARD}*"))
    first = server.fetched() - {SHARD}
    server.asked.clear()
    server.faults.contents = {}
    fetch(hub)
    assert SHARD in server.fetched() and not first & server.fetched()


def test_a_shard_that_lacks_what_the_index_names_is_refused(server: HubServer, hub: Hub) -> None:
    index = json.loads(TRUE_FILES["model.safetensors.index.json"])
    index["weight_map"]["transformer.nowhere"] = SHARD
    server.files["model.safetensors.index.json"] = json.dumps(index).encode()
    assert "transformer.nowhere" in str(failure(hub))


def test_what_cannot_run_is_refused_before_weights_are_downloaded(server: HubServer, hub: Hub) -> None:
    server.files["generation_config.json"] = b'{"chat_format": "raw"}'
    error = failure(hub)
    assert error.code == "model_unsupported" and "without a chat format" in str(error)
    assert not {name for name in server.fetched() if "safetensors" in name}


def test_a_base_model_is_refused_before_weights_are_downloaded(server: HubServer, hub: Hub) -> None:
    server.files |= {"config.json": b'{"model_type": "llama"}', "tokenizer_config.json": b'{"tokenizer_class": "X"}'}
    assert "it has no chat template" in str(failure(hub))
    assert not {name for name in server.fetched() if "safetensors" in name}


def test_weights_without_a_listed_hash_are_named(server: HubServer, hub: Hub) -> None:
    server.faults.list_hashes = False
    assert set(fetch(hub).unhashed_weights) == {name for name in TRUE_FILES if name.endswith(".safetensors")}


@pytest.mark.parametrize(("status", "code"), [(401, "fetch_denied"), (403, "fetch_denied"), (404, "fetch_missing")])
def test_a_refused_list_says_what_to_do(server: HubServer, hub: Hub, status: int, code: str) -> None:
    server.faults.list_status = status
    error = failure(hub)
    assert error.code == code and REPO.id in str(error)
    assert ("licence" in str(error) and "TOKEN" in str(error)) is (status != 404)
    assert REPO.revision in str(error)


@pytest.mark.parametrize(("status", "code"), [(401, "fetch_denied"), (404, "fetch_missing")])
def test_a_refused_file_says_what_to_do(server: HubServer, hub: Hub, status: int, code: str) -> None:
    server.faults.file_status = {SHARD: status}
    assert failure(hub).code == code


def test_a_busy_hub_is_retried_and_then_reported(server: HubServer, hub: Hub) -> None:
    server.faults.busy_times = 2
    assert fetch(hub).came
    server.files["README.md"] += b"More."
    server.faults.file_status = {"README.md": 429}
    other = both(REPO, hub)
    (folder_models.models_dir() / QWEN.id).rename(folder_models.models_dir() / "elsewhere")
    with pytest.raises(ArenaError, match="429"):
        fetch(hub, other)


def test_a_full_disk_is_reported_with_both_numbers_before_any_download(
    server: HubServer, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: Mock(free=1_234_567))
    error = failure(hub)
    assert error.code == "fetch_room" and "1,234,567" in str(error) and "537,612,013" in str(error)
    assert not server.fetched()


@pytest.mark.parametrize("name", ["../evil.json", "/etc/evil", "a/../../b", "..\\evil", "bad\nname", "C:evil"])
def test_a_hostile_list_is_refused(server: HubServer, hub: Hub, name: str) -> None:
    server.faults.extra_entries = [(name, 3)]
    assert failure(hub).code == "fetch_hostile"
    assert not server.fetched()


def test_progress_grows_to_the_total(hub: Hub) -> None:
    seen: list[tuple[str, int, int]] = []
    begun: list[int] = []
    fetched = fetch(hub, report=lambda *row: seen.append(row), begin=lambda manifest, missing: begun.append(missing))
    done = [size for _, size, _ in seen]
    assert done == sorted(done) and done[-1] == seen[-1][2] == fetched.came == begun[0]
    assert {text for text, _, _ in seen} == NEEDED | {f"checking {name}" for name in NEEDED}


def test_the_revision_of_a_branch_includes_the_hashes_of_its_files() -> None:
    files = (ListedFile("config.json", 2, None), ListedFile("model.safetensors", 9, "a" * 64))
    branch = Manifest("modelscope", Repo("x/y", "master"), files)
    assert branch.revision.startswith("master+sha256:")
    assert branch.revision == replace(branch, files=files[::-1]).revision
    other = replace(branch, files=(files[0], replace(files[1], sha256="b" * 64)))
    assert other.revision != branch.revision
    assert replace(branch, repo=Repo("x/y", "v1.0.0")).revision == "v1.0.0"


def test_a_model_of_the_catalog_keeps_its_name_licence_and_link(hub: Hub) -> None:
    fetch(hub)
    known = spec()
    assert (known.id, known.name) == (QWEN.id, QWEN.name)
    assert (known.licence, known.licence_url) == (QWEN.licence, QWEN.licence_url)


def test_another_revision_replaces_the_whole_folder(server: HubServer, hub: Hub) -> None:
    fetch(hub)
    server.revision = "f" * 40
    server.files["README.md"] = b"Newer."
    fetched = fetch(hub, both(Repo(REPO.id, server.revision)))
    assert (fetched.folder / "README.md").read_bytes() == b"Newer."
    assert spec().revision == server.revision
    assert {path.name for path in folder_models.models_dir().iterdir()} <= {QWEN.id, f".{QWEN.id}.lock"}


def test_files_from_another_hub_are_kept_only_with_the_same_hash(server: HubServer, hub: Hub) -> None:
    def stop(text: str, done: int, total: int) -> None:
        if text == SHARD:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(hub, report=stop)
    server.asked.clear()
    fetched = fetch("modelscope" if hub == "huggingface" else "huggingface")
    assert fetched.manifest.hub != hub
    # Both hubs name the hash of the first shard; it had come whole.
    assert server.fetched() == NEEDED - {"model-00001-of-00002.safetensors"} and server.sent() == fetched.came


def test_a_file_changed_in_a_fetched_folder_is_found_by_its_hash(server: HubServer, hub: Hub) -> None:
    folder = fetch(hub).folder
    damaged = TRUE_FILES[SHARD][:-3] + b"bad"
    (folder / SHARD).write_bytes(damaged)
    assert fetch(hub).came == 0  # the sizes are right
    with pytest.raises(ArenaError, match="does not have the sha256"):
        fetch(hub, anew=True)
    assert not folder.exists()
    server.asked.clear()
    mended = fetch(hub)
    assert (mended.folder / SHARD).read_bytes() == TRUE_FILES[SHARD]
    assert server.fetched() == {SHARD}


def test_a_complete_model_is_verified_in_place_without_a_request(server: HubServer, hub: Hub) -> None:
    folder = fetch(hub).folder
    server.asked.clear()
    seen: list[tuple[str, int]] = []

    def report(text: str, done: int, total: int) -> None:
        assert folder.exists()
        seen.append((text, done))

    assert fetch(hub, anew=True, report=report).came == 0
    assert server.asked == [] and seen[-1][0].startswith("checking ")
    assert seen[-1][1] == sum(file.size for file in fetch(hub).manifest.files if file.sha256)


def test_a_damaged_model_stays_in_place_if_the_disk_is_full(
    server: HubServer, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fetch(hub).folder
    (folder / "README.md").write_text("edited by hand")
    monkeypatch.setattr("shutil.disk_usage", lambda folder: Mock(free=0))
    with pytest.raises(ArenaError, match="Not enough disk space"):
        fetch(hub)
    assert (folder / "README.md").read_text() == "edited by hand"


def test_a_hub_whose_library_is_not_installed_is_named_with_the_command(
    server: HubServer, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "modelscope_hub.api", None)
    assert "pip install -r requirements-modelscope.txt" in str(failure("modelscope"))
    assert fetch(None).manifest.hub == "huggingface"


def test_if_a_file_is_missing_all_others_are_checked_again(server: HubServer, hub: Hub) -> None:
    folder = fetch(hub).folder
    (folder / SHARD).write_bytes(TRUE_FILES[SHARD][:-3] + b"bad")
    (folder / "README.md").unlink()
    with pytest.raises(ArenaError, match="does not have the sha256"):
        fetch(hub)
    fetch(hub)
    assert (folder / SHARD).read_bytes() == TRUE_FILES[SHARD]


def test_a_damaged_model_stays_in_place_while_no_hub_answers(server: HubServer, hub: Hub) -> None:
    folder = fetch(hub).folder
    (folder / "README.md").write_text("edited by hand")
    server.faults.list_status = 404
    with pytest.raises(ArenaError):
        fetch(hub)
    assert (folder / "README.md").read_text() == "edited by hand"
    assert spec().name == QWEN.name


def test_progress_begins_at_the_bytes_already_downloaded(server: HubServer, hub: Hub) -> None:
    server.faults.cut_after = {SHARD: 0}
    failure(hub)
    server.faults.cut_after = {}
    seen: list[int] = []
    fetched = fetch(hub, report=lambda text, done, total: seen.append(done))
    total = sum(file.size for file in fetched.manifest.files)
    assert seen[0] == total - fetched.came and seen[-1] == total and seen == sorted(seen)


def test_a_server_without_ranges_that_always_stops_early_is_given_up(server: HubServer, hub: Hub) -> None:
    server.faults.cut_after, server.faults.ignore_range = {SHARD: 200_000}, True
    assert failure(hub).code == "fetch_cut"


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "nonsense://127.0.0.1:1"])
def test_an_unusable_proxy_gives_one_line(
    server: HubServer, hub: Hub, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for asked in (hub, None):
        with pytest.raises(ArenaError) as error:
            fetch(asked)
        assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("number", ["1e999", "[" * 100_000])
def test_a_malformed_manifest_is_none(server: HubServer, hub: Hub, number: str) -> None:
    folder = fetch(hub).folder
    (folder / MANIFEST).write_text(f'{{"hub": "{hub}", "repo": {{}}, "files": [{{"path": "a", "size": {number}')
    assert read_manifest(folder) is None


def test_a_replacement_that_was_interrupted_is_undone(server: HubServer, hub: Hub) -> None:
    folder = fetch(hub).folder
    folder.rename(folder.with_name(f"{folder.name}.old"))
    assert fetch(hub).came == 0
    assert [path.name for path in folder.parent.iterdir() if not path.name.startswith(".")] == [folder.name]


def test_a_folder_put_there_by_hand_is_left_alone(server: HubServer, hub: Hub) -> None:
    folder = folder_models.models_dir() / QWEN.id
    folder.mkdir(parents=True)
    for name, content in TRUE_FILES.items():
        (folder / name).write_bytes(content)
    with pytest.raises(ArenaError, match="by hand"):
        fetch(hub)
    assert {path.name for path in folder.iterdir()} == set(TRUE_FILES) and not server.asked


def test_a_second_fetch_of_the_same_model_at_the_same_time_is_refused(hub: Hub) -> None:
    def again(*_: object) -> None:
        fetch(hub)

    with pytest.raises(ArenaError, match="nother process"):
        fetch(hub, report=again)


def test_the_hub_that_answers_first_is_taken(server: HubServer, hub_addresses: Callable[..., None]) -> None:
    with HubServer(repository(), REPO.id, REPO.revision).serving() as slow:
        slow.faults.delay = 3.0
        for addresses, quick in ((server.url, slow.url), "huggingface"), ((slow.url, server.url), "modelscope"):
            hub_addresses(*addresses)
            assert hubs.first_to_answer(both().repos) == quick


def test_a_hub_without_the_model_is_not_first(server: HubServer, hub_addresses: Callable[..., None]) -> None:
    with HubServer({}, "some/other", "x").serving() as empty:
        server.faults.delay = 0.1
        hub_addresses(empty.url, server.url)
        assert fetch(None).manifest.hub == "modelscope"


def test_without_network_there_are_instructions_to_copy_by_hand(hub_addresses: Callable[..., None]) -> None:
    hub_addresses("http://127.0.0.1:9", "http://127.0.0.1:9")
    error = failure(None)
    assert error.code == "fetch_offline" and "Hugging Face" in str(error) and "ModelScope" in str(error)
    words = by_hand(both())
    for word in ("https://huggingface.co/maker/qwen-micro", "https://modelscope.cn/models/maker/qwen-micro"):
        assert word in words
    assert REPO.revision in words and str(folder_models.models_dir() / QWEN.id) in words and "safetensors" in words


def test_hf_hub_offline_is_respected(
    server: HubServer, hub_addresses: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub_addresses(server.url, server.url)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for chosen in (None, "huggingface"):
        error = failure(chosen)
        assert error.code == "fetch_offline" and "HF_HUB_OFFLINE" in str(error)
    assert not server.asked
    assert fetch("modelscope").came


def test_a_login_is_sent_to_the_hub_only(
    server: HubServer, hub: Hub, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.setenv("MODELSCOPE_API_TOKEN", SECRET)
    with HubServer(server.files, REPO.id, REPO.revision).serving() as store:
        server.faults.redirect_to = store.url
        folder = fetch(hub).folder
        assert all(
            SECRET in asked.headers.get("authorization", asked.headers.get("Authorization", ""))
            for asked in server.asked
        )
        assert store.fetched() == NEEDED
        assert not any(SECRET in str(asked) for asked in store.asked)
    server.faults.redirect_to, server.faults.file_status = "", {SHARD: 401}
    (folder / SHARD).unlink()
    with pytest.raises(ArenaError) as caught:
        fetch(hub)
    assert SECRET not in str(caught.value) + "".join(capfd.readouterr())
    assert not any(
        SECRET.encode() in path.read_bytes() for path in folder_models.models_dir().rglob("*") if path.is_file()
    )


def test_binaries_are_taken_where_there_are_no_safetensors() -> None:
    names = ("config.json", "pytorch_model-1.bin", "pytorch_model.bin.index.json", "training_args.bin", "optimizer.bin")
    chosen = needed_files([ListedFile(name, 1) for name in names], "a/b")
    assert [file.path for file in chosen] == ["config.json", "pytorch_model-1.bin", "pytorch_model.bin.index.json"]


@pytest.mark.parametrize("names", [("config.json",), ("model.safetensors",), ("config.json", "adapter.safetensors")])
def test_a_list_without_a_model_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ArenaError, match="not a model folder"):
        needed_files([ListedFile(name, 1) for name in names], "a/b")


def test_neither_code_nor_subfolders_are_needed_whatever_their_names() -> None:
    names = ("LICENSE.py", "README.sh", "more/x.tiktoken", "LICENSE/x", "model.safetensors", "config.json")
    chosen = needed_files([ListedFile(name, 1) for name in names], "a/b")
    assert [file.path for file in chosen] == ["config.json", "model.safetensors"]


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("qwen3-0.6b", "qwen3-0.6b"),
        ("qwen3-0.6b@fp32?ctx=4096", "qwen3-0.6b"),
        ("qwen3-0.6b@int4?ctx=4096", "qwen3-0.6b@int4"),
    ],
)
def test_a_name_with_settings_needs_the_same_folder(name: str, folder: str) -> None:
    assert as_fetched(name) == folder


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd"])
def test_a_manifest_with_a_path_outside_its_folder_is_none(tmp_path: Path, path: str) -> None:
    write_manifest(tmp_path, Manifest("huggingface", REPO, (ListedFile("config.json", 1),)))
    assert read_manifest(tmp_path)
    write_manifest(tmp_path, Manifest("huggingface", REPO, (ListedFile(path, 1),)))
    assert read_manifest(tmp_path) is None

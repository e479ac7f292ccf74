"""The prompts that a host edits: every version is kept, and a changed text is another prompt."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from arena.errors import InputError
from arena.events import EventLog, NoEvents, read_events
from arena.prompts import CodeReference, Prompt, PromptStore, Reference, load_prompts, parse_prompts
from arena.prompts.draft import Draft
from arena.prompts.entry import to_entry
from arena.prompts.store import MOST_PROMPTS


def prompt(name: str, text: str = "", **more) -> Prompt:
    return Prompt(name, "reasoning", {"zh": f"题 {name}", "en": f"Prompt {name}"}, text or f"{name}?", **more)


ONE, TWO, NEW = prompt("q1"), prompt("q2"), prompt("p3")
CHANGED = replace(ONE, text="Why not?")


@pytest.fixture
def events(tmp_path: Path) -> EventLog:
    with EventLog(tmp_path) as log:
        yield log


def save(prompts: PromptStore, entries, before=None) -> None:
    """Save what somebody made of the set, by default of the one on offer."""
    prompts.save(Draft.of(prompts if before is None else before).having(entries))


def store(events, loaded=(ONE, TWO), named=False) -> PromptStore:
    """What a page shows that starts now."""
    prompts = PromptStore(loaded, events, named)
    events.follow(prompts.replay)
    return prompts


def test_a_saved_set_is_offered_at_once_and_after_a_restart(events) -> None:
    prompts = store(events)
    assert (tuple(prompts), prompts.saved_at) == ((ONE, TWO), 0.0)
    save(prompts, [NEW, ONE])
    for now in (prompts, store(events)):
        assert tuple(now) == (NEW, ONE) and len(now) == 2 and now[0] == NEW
        assert now.saved_at > 0
    assert [event.kind for event in read_events(events.folder)] == ["prompts_saved"]


def test_a_changed_text_gets_another_id_and_the_old_one_stays_known(events) -> None:
    prompts = store(events)
    save(prompts, [CHANGED, TWO])
    assert [(entry.id, entry.text) for entry in prompts] == [("q1.v2", "Why not?"), ("q2", "q2?")]
    save(prompts, [replace(prompts[0], text="Who?"), TWO])
    assert [entry.id for entry in prompts] == ["q1.v3", "q2"]
    for now in (prompts, store(events)):
        known = {entry.id: entry for entry in now.known}
        assert [entry.id for entry in now.known][:2] == ["q1.v3", "q2"]
        assert {name: entry.text for name, entry in known.items()} == {
            "q1": "q1?",
            "q1.v2": "Why not?",
            "q1.v3": "Who?",
            "q2": "q2?",
        }
        # In results, two prompts with one title get different names.
        assert known["q1.v3"].title["en"] == "Prompt q1" and known["q1"].title["en"] == "Prompt q1 (q1)"


def test_a_text_that_comes_back_has_its_old_id_again(events) -> None:
    prompts = store(events)
    save(prompts, [CHANGED])
    save(prompts, [replace(prompts[0], text=ONE.text), prompt("x", "new")])
    assert [entry.id for entry in prompts] == ["q1", "x"]
    save(prompts, [replace(ONE, text="Why not?"), prompt("x", "other")])
    assert [entry.id for entry in prompts] == ["q1.v2", "x.v2"]


def test_a_later_turn_is_part_of_the_text_and_nothing_else_is(events) -> None:
    prompts = store(events)
    titled = replace(ONE, title={"zh": "新", "en": "New"}, dimension="safety", reference=Reference(text="So."))
    save(prompts, [titled, replace(TWO, more=("And then?",))])
    assert [entry.id for entry in prompts] == ["q1", "q2.v2"]
    assert prompts[0] == titled and store(events)[0] == titled


def test_two_prompts_never_get_one_id(events) -> None:
    prompts = store(events)
    save(prompts, [CHANGED, replace(TWO, id="q1.v2")])
    assert [(entry.id, entry.text) for entry in prompts] == [("q1.v3", "Why not?"), ("q1.v2", "q2?")]


def test_the_second_of_two_hosts_is_refused_and_nothing_is_written(events) -> None:
    prompts = store(events)
    save(prompts, [ONE])
    with pytest.raises(InputError) as refused:
        save(prompts, [TWO], before=(ONE, TWO))
    assert refused.value.code == "prompts_changed" and tuple(prompts) == (ONE,)
    assert len(list(read_events(events.folder))) == 1


def test_the_loaded_set_comes_back_whatever_it_is_by_then(events) -> None:
    prompts = store(events)
    save(prompts, [NEW])
    save(prompts, [ONE, TWO])
    assert tuple(prompts) == (ONE, TWO) and prompts.saved_at == 0 and len(list(read_events(events.folder))) == 2
    assert tuple(store(events, (ONE,))) == (ONE,)
    assert {entry.id for entry in store(events, (ONE,)).known} == {"q1", "p3"}


def test_edits_belong_to_the_file_that_the_host_named(events) -> None:
    save(store(events, (ONE,), named=True), [ONE, NEW])
    assert tuple(store(events, (ONE,), named=True)) == (ONE, NEW)
    for loaded, named in (((ONE, TWO), True), ((CHANGED,), True), ((ONE,), False)):
        other = store(events, loaded, named)
        assert tuple(other) == loaded and other.saved_at == 0
        assert NEW in other.known


def test_edits_of_the_project_s_set_outlast_an_update_of_it(events) -> None:
    save(store(events), [ONE, NEW])
    assert tuple(store(events, (TWO,))) == (ONE, NEW)


@pytest.mark.parametrize(
    ("prompts", "code"),
    [
        ([], "prompts_none"),
        ([prompt(str(number)) for number in range(MOST_PROMPTS + 1)], "prompts_many"),
        ([prompt("long", "长" * 400_000)], "prompts_many"),
    ],
    ids=["none", "many", "large"],
)
def test_a_set_has_prompts_but_not_too_many(events, prompts, code) -> None:
    here = store(events)
    with pytest.raises(InputError) as refused:
        save(here, prompts)
    assert refused.value.code == code and tuple(here) == (ONE, TWO) and not list(read_events(events.folder))


def test_a_folder_that_cannot_be_written_is_told_and_changes_nothing() -> None:
    prompts = PromptStore((ONE,), NoEvents())
    with pytest.raises(InputError, match="NOT saved") as refused:
        save(prompts, [TWO])
    assert refused.value.code == "prompts_unwritable"
    assert tuple(prompts) == (ONE,) and prompts.saved_at == 0


def test_a_loop_sees_the_set_that_was_there_when_it_began(events) -> None:
    prompts = store(events)
    seen = []
    for entry in prompts:
        seen.append(entry)
        if len(seen) == 1:
            save(prompts, [NEW])
    assert seen == [ONE, TWO] and tuple(prompts) == (NEW,)


def test_categories_of_all_that_are_known(events) -> None:
    prompts = store(events, (replace(ONE, category="math"),))
    categories = prompts.categories
    save(prompts, [replace(NEW, category="code")])
    assert categories == {"q1": "math", "p3": "code"}


# ---- the file that is downloaded


def test_what_is_written_is_read_again_as_it_was(tmp_path: Path) -> None:
    reference = Reference(
        (("a",), ("b", "c")), (("d",),), ("German",), CodeReference("f", (("[1]", 2), ("[]", 0.5))), "So."
    )
    full = prompt("full", " a\n\tb ", more=("c", "d\ne"), category="maths", reference=reference)
    bare = Prompt("bare", "", {"zh": "裸", "en": "bare"}, "Why?")
    any_code = prompt("code", reference=Reference(code=CodeReference()))
    path = tmp_path / "prompts.jsonl"
    lines = [json.dumps(to_entry(entry), ensure_ascii=False) for entry in (full, bare, any_code)]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert load_prompts(path) == (full, bare, any_code)


def test_the_shipped_set_is_written_and_read_again(tmp_path: Path) -> None:
    shipped = load_prompts(Path(__file__).parents[3] / "prompts.json")
    data = "\n".join(json.dumps(to_entry(entry)) for entry in shipped).encode()
    assert parse_prompts(Path("x.jsonl"), data) == shipped


@pytest.mark.parametrize("name", ["x.csv", "X.CSV"])
def test_the_content_of_a_file_is_read_by_its_name(name: str) -> None:
    assert [entry.text for entry in parse_prompts(Path(name), "\ufeffprompt\n你好\n".encode())] == ["你好"]
    with pytest.raises(InputError, match=rf"{name} has a mistake in line 3 \(entry 2\)"):
        parse_prompts(Path(name), b"prompt,id\na,b\nc\n")
    with pytest.raises(InputError, match="not UTF-8"):
        parse_prompts(Path(name), "prompt\n你好\n".encode("gbk"))


def test_another_process_reads_what_was_saved(events, tmp_path: Path) -> None:
    save(store(events), [NEW])
    other = PromptStore((ONE,), NoEvents())
    for event in read_events(tmp_path):
        other.replay(event)
    assert tuple(other) == (NEW,)

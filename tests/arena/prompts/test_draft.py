"""Edits that are not saved yet: what differs, and how they go onto what somebody else has saved."""

from dataclasses import replace

import pytest

from arena.prompts import Prompt
from arena.prompts.draft import Draft


def prompt(name: str, text: str = "", dimension: str = "reasoning") -> Prompt:
    return Prompt(name, dimension, {"zh": name, "en": name}, text or f"{name}?")


A, B, C = prompt("a"), prompt("b", dimension="knowledge"), prompt("c")
SET = (A, B, C)
DRAFT = Draft.of(SET)
OTHER_A = replace(A, text="other")


def choose(name: str) -> Draft:
    return Draft.of(SET, name)


def ids(draft: Draft) -> list[str]:
    return list(draft.prompts)


def test_a_prompt_is_replaced_in_its_place_and_a_new_one_is_last() -> None:
    draft = DRAFT.put(OTHER_A).put(prompt("d"))
    assert list(draft.prompts.values()) == [OTHER_A, B, C, prompt("d")]
    assert draft.changes == {"added": 1, "changed": 1} and DRAFT.changes == {}


def test_a_prompt_moves_among_those_of_its_dimension() -> None:
    assert ids(choose("a").move(1)) == ["c", "b", "a"]
    assert ids(choose("c").move(-1)) == ["c", "b", "a"]
    assert choose("a").move(1).changes == {"moved": 1}
    for name, step in (("a", -1), ("b", 1), ("b", -1), ("c", 1), ("nobody", 1), ("", -1)):
        assert ids(choose(name).move(step)) == ["a", "b", "c"]


def test_removed_prompts_are_counted_and_their_ids_not_given_again() -> None:
    draft = replace(choose("a").without_chosen(), chosen="nobody").without_chosen()
    assert ids(draft) == ["b", "c"] and draft.changes == {"removed": 1}
    assert Draft({}, {"p2": prompt("p2")}).current.id == "p3"
    assert Draft({"p2": prompt("p2")}, {"a": A}).current.id == "p3"


def test_the_chosen_prompt_is_the_current_one_while_it_is_there() -> None:
    assert choose("b").current == B
    assert choose("b").without_chosen().current.text == DRAFT.current.text == ""


def test_a_file_is_added_without_changing_what_is_there() -> None:
    draft = DRAFT.add([A, OTHER_A, prompt("d")])
    assert list(draft.prompts.values()) == [A, B, C, replace(OTHER_A, id="p4"), prompt("d")]
    assert draft.add([A, prompt("d")]) == draft


def test_edits_go_onto_what_another_host_has_saved() -> None:
    mine = DRAFT.put(OTHER_A).put(prompt("d"))
    other_b = replace(B, title={"zh": "乙", "en": "B"})
    merged = mine.onto((A, other_b, prompt("e")))  # C is gone there
    assert list(merged.prompts.values()) == [OTHER_A, other_b, prompt("e"), prompt("d")]
    assert list(merged.before.values()) == [A, other_b, prompt("e")]
    assert merged.changes == {"added": 1, "changed": 1}


@pytest.mark.parametrize(
    ("mine", "theirs", "merged"),
    [
        # Both changed the text: there it has another id, and both stay.
        (DRAFT.put(OTHER_A), (replace(A, id="a.v2", text="third"), B, C), ["a", "b", "c", "a.v2"]),
        # Both added a prompt under one id.
        (DRAFT.put(prompt("p4", "mine")), (*SET, prompt("p4", "theirs")), ["a", "b", "c", "p4", "p5"]),
        # Both added the same.
        (DRAFT.put(prompt("p4")), (*SET, prompt("p4")), ["a", "b", "c", "p4"]),
        # Edited here, removed there.
        (DRAFT.put(OTHER_A), (B, C), ["a", "b", "c"]),
        # Removed here, and there is nothing else.
        (choose("b").without_chosen(), SET, ["a", "c"]),
        # Moved here.
        (choose("a").move(1), (*SET, prompt("d")), ["c", "b", "a", "d"]),
    ],
)
def test_no_edit_is_lost_if_two_hosts_edit(mine: Draft, theirs: tuple[Prompt, ...], merged: list[str]) -> None:
    assert ids(mine.onto(theirs)) == merged

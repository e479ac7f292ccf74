"""The models that a page offers, and their pairs."""

import pytest

from arena.chat import Chat
from arena.errors import InputError
from arena.roster import Roster
from arena.types import SideName

A, B = SideName.A, SideName.B


@pytest.fixture
def roster(saying):
    return Roster([saying(f"{name}", id=name) for name in ("m1", "m2", "m3")])


def ids(pair):
    return [pair[side].spec.id for side in SideName]


def test_the_first_two_begin_and_others_are_named_by_id(roster):
    assert ids(roster.first) == ids(roster.pair("", "")) == ["m1", "m2"]
    assert ids(roster.pair("m3", "m1")) == ["m3", "m1"]
    assert ids(roster.pair("", "m3")) == ["m1", "m3"]
    assert ids(roster.pair("m2", "", roster.pair("m1", "m3"))) == ["m2", "m3"]
    assert [spec.id for spec in roster.specs] == ["m1", "m2", "m3"] and roster["m2"] is roster.get("m2")


def test_demo_models_make_way_for_others_unless_the_host_named_them_together(saying):
    demos = [saying("x", id=f"demo-{name}", stand_in=True) for name in "ab"]
    added, named = Roster(demos), Roster([saying("m1", id="m1"), *demos, saying("m2", id="m2")])
    added.add(saying("m1", id="m1", name="M 1"))
    assert [backend.spec.id for backend in added.wanted] == ["demo-a", "demo-b", "m1"]
    added.add(saying("m2", id="m2", name="M 2"))
    assert [backend.spec.id for backend in added.wanted] == ids(added.first) == ["m1", "m2"]
    assert [backend.spec.id for backend in named.wanted] == ["m1", "demo-a", "demo-b", "m2"]


def test_an_unknown_model_and_the_same_twice_are_refused(roster):
    with pytest.raises(InputError, match="'m4' is not offered here: m1, m2, m3") as error:
        roster.pair("m1", "m4")
    assert error.value.code == "model_absent"
    with pytest.raises(InputError, match="Both sides are m2") as error:
        roster.pair("m2", "m2")
    assert error.value.code == "same_model"


def test_an_empty_roster_is_false_and_has_no_pair():
    assert not Roster() and Roster().first == {} and Roster().specs == ()


def test_a_battle_says_which_pair_answered_it(roster):
    chat = Chat(roster.pair("m3", "m2"), lambda battle: None)
    list(chat.ask("Who are you?"))
    assert ids(roster.pair_of(chat.turns[-1])) == ["m3", "m2"]
    assert Roster(list(roster)[:2]).pair_of(chat.turns[-1]) is None


def test_other_models_begin_a_new_conversation(roster):
    chat = Chat(roster.first, lambda battle: None)
    list(chat.ask("Who are you?"))
    chat.seat(roster.pair("m3", "m1"))
    assert not chat.turns
    list(chat.ask("And you?"))
    assert [chat.turns[-1].side(side).answer.text for side in SideName] == ["m3", "m1"]
    assert len(chat.turns[-1].a.messages) == 1


def test_models_are_not_changed_while_one_answers(roster, scripted):
    slow = scripted({"text": "on ", "delay": 0.05, "times": 2000}, id="slow")
    chat = Chat({A: slow, B: roster["m1"]}, lambda battle: None)
    answering = chat.ask("Go on")
    next(answering)
    with pytest.raises(InputError, match="still being answered"):
        chat.seat(roster.first)
    assert ids(chat.pair) == ["slow", "m1"] and len(chat.turns) == 1
    answering.close()
    chat.seat(roster.first)
    assert not chat.turns


def test_a_restored_conversation_goes_on_with_its_own_models(roster):
    chat = Chat(roster.pair("m3", "m2"), lambda battle: None)
    list(chat.ask("Who are you?"))
    again = Chat(roster.first, lambda battle: None)
    again.restore(chat.turns, roster.pair_of(chat.turns[-1]))
    list(again.ask("And now?"))
    assert ids(again.pair) == ["m3", "m2"] and len(again.turns) == 2


def test_a_conversation_whose_models_are_gone_is_followed_by_a_new_one(roster):
    chat = Chat(roster.pair("m3", "m2"), lambda battle: None)
    list(chat.ask("Who are you?"))
    roster.remove("m3")
    again = Chat(roster.first, lambda battle: None, probability=0.5)
    again.restore(chat.turns, roster.pair_of(chat.turns[-1]))
    assert again.turns == chat.turns and not again.can_continue(A)
    with pytest.raises(InputError, match="'m3' is not offered here"):
        again.regenerate(A)
    *_, battle = again.ask("And now?")
    assert ([battle.side(side).model.id for side in SideName], battle.turn) == (["m1", "m2"], 1)
    assert (len(battle.a.messages), battle.pair_probability, len(again.turns)) == (1, 0.5, 1)


def test_a_model_that_is_not_offered_is_said(roster):
    with pytest.raises(InputError, match="'gone' is not offered here: m1, m2, m3") as refused:
        roster["gone"]
    assert refused.value.code == "model_absent"

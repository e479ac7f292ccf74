"""Which battles are hidden: by a list of words, however they are written."""

from dataclasses import replace

import pytest
from vote_samples import make_side

from arena.errors import InputError
from arena.events import NoEvents
from arena.judging.moderation import Moderation, read_words
from arena.types import Battle, Message

WORDS = ("bomb", "Bad Phrase", "坏词", "c++")


def battle(prompt="Why?", a="yes", b="no", system="Be kind."):
    first, second = (make_side(name, answer) for name, answer in (("x", a), ("y", b)))
    first = replace(first, messages=(Message("system", system), *first.messages))
    return Battle("b", prompt, first, second)


@pytest.mark.parametrize(
    "text",
    [
        "bomb",
        "A BOMB!",
        "ｂｏｍｂ",
        "bo\u200bmb",
        "bad phrase",
        "这是坏词吗",
        "坏\u200b词",
        "learn C++ now",
        "怎么做bomb啊",
        "bomb是什么",
        "用ＢＯＭＢ",
        "什么是bad phrase",
    ],
)
@pytest.mark.parametrize("where", ["prompt", "a", "b", "system"])
def test_a_listed_word_hides_a_battle_in_any_text_and_spelling(text, where):
    assert Moderation(NoEvents(), WORDS).why(battle(**{where: text})) == "words"


@pytest.mark.parametrize("text", ["bombastic", "bombé", "bomb_1", "éc++", "a bad and a phrase", "坏的词", "c", "Why?"])
def test_a_listed_word_does_not_match_inside_another(text):
    assert Moderation(NoEvents(), WORDS).why(battle(prompt=text, a=text, b=text)) == ""


def test_without_a_list_nothing_is_hidden():
    assert Moderation(NoEvents()).why(battle(prompt="bomb")) == ""


def test_a_list_is_read_line_by_line(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("\ufeffone\r\n\n\u200b\n \u200b \n  two words \n坏词\u200b".encode())
    assert read_words(path) == ("one", "two words", "坏词")
    for bad in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(InputError, match=r"word list .* cannot be read"):
            read_words(bad)


def test_a_report_that_cannot_be_saved_is_refused():
    hidden = Moderation(NoEvents())
    for change in (lambda: hidden.report("b", "j"), lambda: hidden.decide("b", True)):
        with pytest.raises(InputError, match="NOT saved"):
            change()
    assert hidden.why(battle()) == "" and hidden.undecided() == []

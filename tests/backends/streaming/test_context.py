"""Fitting a conversation into a context: never too long, the oldest turns go first, nothing goes without a word."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import InputError
from arena.types import Message, ModelSpec
from backends.streaming.context import LEAST_NEW_TOKENS, fit_context

MARKERS = 3  # tokens around each message


def count(messages):
    """One token a word, and some around each message."""
    return sum(len(message.content.split()) + MARKERS for message in messages)


def spec(context_length):
    return ModelSpec("m", "Tortoise", "", "", "", "", context_length=context_length)


def words(number, role="user"):
    return Message(role, "word " * number)


def fit(messages, context_length, max_new_tokens):
    return fit_context(messages, count, spec(context_length), max_new_tokens)


@pytest.fixture
def long_talk():
    """A system message and sixty turns of 500 tokens, each told apart by its first word."""
    turns = [(Message("user", f"q{n} " + "w " * 246), Message("assistant", f"a{n} " + "w " * 246)) for n in range(60)]
    return [Message("system", "Be kind."), *(message for turn in turns for message in turn), Message("user", "last")]


def test_what_fits_stays_as_it_is():
    messages = [Message("system", "s"), words(10), words(10, "assistant"), words(10)]
    fitted = fit(messages, 200, 50)
    assert fitted.messages == tuple(messages)
    assert (fitted.prompt_tokens, fitted.max_new_tokens, fitted.dropped_turns) == (43, 50, 0)


@pytest.mark.parametrize(("context_length", "dropped"), [(43 + 50, 0), (43 + 49, 1)])
def test_a_turn_goes_only_when_a_single_token_is_missing(context_length, dropped):
    messages = [Message("system", "s"), words(10), words(10, "assistant"), words(10)]
    assert fit(messages, context_length, 50).dropped_turns == dropped


def test_of_sixty_turns_the_oldest_go_and_are_counted(long_talk):
    fitted = fit(long_talk, 2048, 512)
    assert fitted.prompt_tokens == count(fitted.messages)
    assert fitted.prompt_tokens + fitted.max_new_tokens <= 2048
    assert fitted.max_new_tokens == 512
    assert fitted.messages[0] == long_talk[0]
    assert fitted.messages[1:] == tuple(long_talk[1 + 2 * fitted.dropped_turns :])
    assert fitted.dropped_turns == 57


def test_no_more_turns_go_than_must(long_talk):
    fitted = fit(long_talk, 2048, 512)
    one_more = (long_talk[0], *long_talk[1 + 2 * (fitted.dropped_turns - 1) :])
    assert count(one_more) + 512 > 2048


def test_the_messages_given_are_not_changed(long_talk):
    before = list(long_talk)
    fit(long_talk, 2048, 512)
    assert long_talk == before


def test_the_system_message_and_the_last_turn_stay_when_all_else_goes(long_talk):
    fitted = fit(long_talk, 200, 150)
    assert fitted.messages == (long_talk[0], long_talk[-1])
    assert fitted.dropped_turns == 60


def test_a_question_goes_together_with_its_answer():
    messages = [words(10), words(1, "assistant"), words(1), words(1, "assistant"), words(1)]
    assert fit(messages, 13 + 12 + 40, 42).messages == tuple(messages[2:])


def test_an_answer_is_shorter_where_the_last_turn_leaves_less_room():
    fitted = fit([words(100)], 200, 512)
    assert (fitted.prompt_tokens, fitted.max_new_tokens) == (103, 97)


@pytest.mark.parametrize("room", [LEAST_NEW_TOKENS, LEAST_NEW_TOKENS - 1])
def test_a_prompt_that_leaves_next_to_no_room_is_refused(room):
    if room == LEAST_NEW_TOKENS:
        assert fit([words(100)], 103 + room, 512).max_new_tokens == room
    else:
        with pytest.raises(InputError):
            fit([words(100)], 103 + room, 512)


def test_a_short_answer_needs_no_more_room_than_it_asks_for():
    assert fit([words(100)], 104, 1).max_new_tokens == 1
    with pytest.raises(InputError):
        fit([words(100)], 103, 1)


def test_the_refusal_names_the_model_and_both_lengths(long_talk):
    with pytest.raises(InputError) as refusal:
        fit([*long_talk, Message("assistant", "a"), words(200_000)], 2048, 512)
    assert refusal.value.code == "prompt_too_long"
    assert refusal.value.details == {"model": "Tortoise", "tokens": 200_000 + MARKERS + 5, "limit": 2048}
    assert "\n" not in str(refusal.value)
    assert all(part in str(refusal.value) for part in ("Tortoise", "200008", "2048"))


@pytest.mark.parametrize("messages", [[], [Message("system", "s")]], ids=["nothing", "only a system message"])
def test_there_must_be_something_to_answer(messages):
    with pytest.raises(InputError) as refusal:
        fit(messages, 2048, 512)
    assert refusal.value.code == "prompt_empty"


def test_a_talk_that_begins_with_an_answer_loses_that_first():
    messages = [words(20, "assistant"), words(10)]
    assert fit(messages, 60, 40).messages == (messages[1],)


talks = st.lists(
    st.builds(words, st.integers(0, 60), st.sampled_from(["user", "assistant"])), min_size=1, max_size=12
).map(lambda turns: [Message("system", "be kind"), *turns, words(3)])


@settings(deadline=None)
@given(talks, st.integers(45, 400), st.integers(1, 400))
def test_prompt_and_answer_never_exceed_the_context(messages, context_length, max_new_tokens):
    fitted = fit(messages, context_length, max_new_tokens)
    assert fitted.prompt_tokens == count(fitted.messages)
    assert fitted.prompt_tokens + fitted.max_new_tokens <= context_length
    assert 1 <= fitted.max_new_tokens <= max_new_tokens
    assert fitted.messages[0] == messages[0]
    assert fitted.messages[1:] == tuple(messages[len(messages) - len(fitted.messages) + 1 :])
    assert fitted.messages[-1] == messages[-1]
    assert (fitted.dropped_turns > 0) == (len(fitted.messages) < len(messages))

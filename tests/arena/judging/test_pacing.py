"""What is shown of two growing answers: equally much of both, and the rest of the longer one no faster."""

from dataclasses import replace

import pytest
from vote_samples import make_side

from arena.judging.live import READING, SLOWEST, Pacing
from arena.types import Answer, Battle, Chunk, SideName

A, B = SideName.A, SideName.B


def battle(a, b):
    """The sides as (characters, finish_reason), or as answers."""
    answers = [side if isinstance(side, Answer) else Answer("x" * side[0], finish_reason=side[1]) for side in (a, b)]
    sides = [replace(make_side("m", ""), answer=answer) for answer in answers]
    return Battle("id", "prompt", *sides, blind=True)


def progress(a=None, b=None):
    return {A: a or Chunk(), B: b or Chunk()}


def lengths(shown):
    return len(shown.texts[A]), len(shown.texts[B])


@pytest.mark.parametrize("slow", [A, B])
def test_the_fast_side_shows_no_more_than_the_slow_one(slow):
    pacing = Pacing()
    for second, (quick_one, slow_one) in enumerate([(0, 0), (50, 0), (90, 3), (90, 20), (400, 21)]):
        sides = [(slow_one, None), (quick_one, None)]
        shown = pacing.show(battle(*(sides if slow is A else sides[::-1])), progress(), second)
        assert lengths(shown) == (slow_one, slow_one) and shown.state == "answering"


def test_the_fast_side_still_waits_once_it_is_complete():
    pacing = Pacing()
    assert lengths(pacing.show(battle((10, None), (300, None)), progress(), 0.0)) == (10, 10)
    assert lengths(pacing.show(battle((40, None), (300, "stop")), progress(), 10.0)) == (40, 40)


@pytest.mark.parametrize("rest", [(200, "stop"), (200, None)])
def test_the_rest_of_the_longer_answer_keeps_the_common_rate(rest):
    """Ten characters a second, whether the rest was there already or not."""
    pacing = Pacing()
    for second in range(1, 11):
        pacing.show(
            battle((10 * second, "stop" if second == 10 else None), (10 * second + 5, None)), progress(), float(second)
        )
    assert lengths(pacing.show(battle((100, "stop"), rest), progress(), 10.9)) == (100, 109)
    assert lengths(pacing.show(battle((100, "stop"), rest), progress(), 14.5)) == (100, 145)
    shown = pacing.show(battle((100, "stop"), rest), progress(), 100.0)
    assert lengths(shown) == (100, 200) and (shown.state == "votable") == (rest[1] is not None)


def test_text_slower_than_the_common_rate_is_shown_at_once():
    pacing = Pacing()
    for second, length in enumerate((5, 10, 15)):
        pacing.show(battle((length, "stop" if length == 15 else None), (length + 1, None)), progress(), float(second))
    for second in (3.0, 4.0, 5.0):
        assert lengths(pacing.show(battle((15, "stop"), (16, None)), progress(), second)) == (15, 16)
    slow = Pacing()
    slow.show(battle((1, None), (1, None)), progress(), 0.0)
    slow.show(battle((2, "stop"), (500, "stop")), progress(), 100.0)
    assert lengths(slow.show(battle((2, "stop"), (500, "stop")), progress(), 110.0)) == (2, 2 + 10 * SLOWEST)


def test_after_a_short_answer_in_one_piece_the_other_comes_as_fast_as_it_is_read():
    pacing = Pacing()
    pacing.show(battle((6, None), (300, None)), progress(), 2.0)
    pacing.show(battle((6, "stop"), (300, "stop")), progress(), 2.3)
    assert lengths(pacing.show(battle((6, "stop"), (300, "stop")), progress(), 4.3)) == (6, 6 + 2 * READING)


def test_answers_that_arrive_at_once_are_shown_at_once():
    shown = Pacing().show(battle((3, "stop"), (500, "length")), progress(), 7.0)
    assert lengths(shown) == (3, 500) and shown.state == "votable"


def test_an_empty_or_failed_answer_does_not_hold_back_the_other():
    for reason in ("stop", "error"):
        pacing = Pacing()
        pacing.show(battle((0, None), (5, None)), progress(), 0.0)
        pacing.show(battle((0, reason), (50, None)), progress(), 1.0)
        shown = pacing.show(battle((0, reason), (90, "stop")), progress(), 30.0)
        assert shown.texts[B] and not shown.texts[A]
        assert pacing.show(battle((0, reason), (90, "stop")), progress(), 60.0).state == "failed"


def test_text_retracted_as_reasoning_disappears_from_both_sides():
    pacing = Pacing()
    assert lengths(pacing.show(battle((30, None), (40, None)), progress(), 0.0)) == (30, 30)
    taken_back = Answer("", reasoning="x" * 40)
    assert lengths(pacing.show(battle((35, None), taken_back), progress(), 1.0)) == (0, 0)


@pytest.mark.parametrize(
    ("stuck", "reading"),
    [(Answer("abc"), None), (Answer("", reasoning="hm"), None), (Answer(), Chunk(stage="reading", done=5, total=9))],
)
@pytest.mark.parametrize("other", [(300, "stop"), (300, None)])
def test_a_side_without_progress_for_a_minute_has_stalled(stuck, reading, other):
    pacing = Pacing()
    for length in range(3):  # the other side goes on
        moving = (other[0] + length, other[1]) if other[1] is None else other
        assert pacing.show(battle(stuck, moving), progress(reading), 20.0 * length).state == "answering"
    assert pacing.show(battle(stuck, (900, other[1])), progress(reading), 60.0).state == "answering"
    assert pacing.show(battle(stuck, (901, other[1])), progress(reading), 60.5).state == "stalled"


def test_loading_queueing_and_reading_are_no_stall():
    pacing = Pacing()
    for stage in ("loading", "queued"):
        waiting = progress(Chunk(stage=stage), Chunk(stage=stage))
        for second in (0.0, 300.0, 900.0):
            assert pacing.show(battle(Answer(), Answer()), waiting, second).state == "answering"
    pacing = Pacing()
    for done in range(6):
        reading = Chunk(stage="reading", done=done, total=9)
        assert pacing.show(battle(Answer(), Answer()), progress(reading, reading), 59.0 * done).state == "answering"


def test_the_place_in_the_queue_is_the_maximum_of_both_sides():
    first, second = Chunk(stage="queued", done=3, total=40), Chunk(stage="queued", done=5, total=20)
    for sides in ((first, second), (second, first)):
        shown = Pacing().show(battle(Answer(), Answer()), progress(*sides), 0.0)
        assert (shown.ahead, shown.wait) == (5, 40)
    assert Pacing().show(battle(Answer(), Answer()), progress(Chunk(stage="reading", done=3, total=9)), 0.0).ahead == 0

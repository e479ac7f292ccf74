"""What is shown of two growing answers: as much of the one as of the other, and no more quickly afterwards."""

from dataclasses import replace

import pytest
from vote_samples import make_side

from arena.judging.live import SLOWEST, Pacing
from arena.types import Answer, Battle, SideName, SideProgress

A, B = SideName.A, SideName.B


def battle(a, b):
    """The sides as (characters, finish_reason), or as answers."""
    answers = [side if isinstance(side, Answer) else Answer("x" * side[0], finish_reason=side[1]) for side in (a, b)]
    sides = [replace(make_side("m", ""), answer=answer) for answer in answers]
    return Battle("id", "prompt", *sides, blind=True)


def progress(a=None, b=None):
    return {A: a or SideProgress(), B: b or SideProgress()}


def lengths(shown):
    return len(shown.texts[A]), len(shown.texts[B])


@pytest.mark.parametrize("slow", [A, B])
def test_the_quick_side_shows_no_more_than_the_slow_one(slow):
    step = Pacing()
    for second, (quick_one, slow_one) in enumerate([(0, 0), (50, 0), (90, 3), (90, 20), (400, 21)]):
        sides = [(slow_one, None), (quick_one, None)]
        shown = step.show(battle(*(sides if slow is A else sides[::-1])), progress(), second)
        assert lengths(shown) == (slow_one, slow_one) and not shown.all


def test_the_quick_side_waits_after_its_end_too():
    step = Pacing()
    assert lengths(step.show(battle((10, None), (300, None)), progress(), 0.0)) == (10, 10)
    assert lengths(step.show(battle((40, None), (300, "stop")), progress(), 10.0)) == (40, 40)


@pytest.mark.parametrize("rest", [(200, "stop"), (200, None)])
def test_after_the_first_whole_answer_the_other_goes_on_as_both_did(rest):
    """Ten characters a second, whether the rest was there already or not."""
    step = Pacing()
    for second in range(1, 11):
        step.show(
            battle((10 * second, "stop" if second == 10 else None), (10 * second + 5, None)), progress(), float(second)
        )
    assert lengths(step.show(battle((100, "stop"), rest), progress(), 10.9)) == (100, 109)
    assert lengths(step.show(battle((100, "stop"), rest), progress(), 14.5)) == (100, 145)
    shown = step.show(battle((100, "stop"), rest), progress(), 100.0)
    assert lengths(shown) == (100, 200) and shown.all == (rest[1] is not None)


def test_what_comes_slowly_is_not_held_back_longer():
    step = Pacing()
    for second, length in enumerate((5, 10, 15)):
        step.show(battle((length, "stop" if length == 15 else None), (length + 1, None)), progress(), float(second))
    for second in (3.0, 4.0, 5.0):
        assert lengths(step.show(battle((15, "stop"), (16, None)), progress(), second)) == (15, 16)
    slow = Pacing()
    slow.show(battle((1, None), (1, None)), progress(), 0.0)
    slow.show(battle((2, "stop"), (500, "stop")), progress(), 100.0)
    assert lengths(slow.show(battle((2, "stop"), (500, "stop")), progress(), 110.0)) == (2, 2 + 10 * SLOWEST)


def test_what_came_all_at_once_is_shown_at_once():
    shown = Pacing().show(battle((3, "stop"), (500, "length")), progress(), 7.0)
    assert lengths(shown) == (3, 500) and shown.all


def test_an_empty_answer_and_one_that_failed_do_not_hold_the_other():
    for reason in ("stop", "error"):
        step = Pacing()
        step.show(battle((0, None), (5, None)), progress(), 0.0)
        step.show(battle((0, reason), (50, None)), progress(), 1.0)
        shown = step.show(battle((0, reason), (90, "stop")), progress(), 30.0)
        assert shown.texts[B] and not shown.texts[A]
        assert step.show(battle((0, reason), (90, "stop")), progress(), 60.0).all


def test_text_that_turns_out_to_be_reasoning_goes_from_both_sides():
    step = Pacing()
    assert lengths(step.show(battle((30, None), (40, None)), progress(), 0.0)) == (30, 30)
    taken_back = Answer("", reasoning="x" * 40)
    assert lengths(step.show(battle((35, None), taken_back), progress(), 1.0)) == (0, 0)


@pytest.mark.parametrize(
    ("stuck", "reading"),
    [(Answer("abc"), None), (Answer("", reasoning="hm"), None), (Answer(), SideProgress("reading", 5, 9))],
)
@pytest.mark.parametrize("other", [(300, "stop"), (300, None)])
def test_a_side_that_stalls_for_a_minute_is_seen(stuck, reading, other):
    step = Pacing()
    for length in range(3):  # the other side goes on
        moving = (other[0] + length, other[1]) if other[1] is None else other
        assert not step.show(battle(stuck, moving), progress(reading), 20.0 * length).stalled
    assert not step.show(battle(stuck, (900, other[1])), progress(reading), 60.0).stalled
    assert step.show(battle(stuck, (901, other[1])), progress(reading), 60.5).stalled


def test_to_load_and_to_queue_is_no_stall_and_every_step_counts():
    step = Pacing()
    for stage in ("loading", "queued"):
        for second in (0.0, 300.0, 900.0):
            assert not step.show(
                battle(Answer(), Answer()), progress(SideProgress(stage), SideProgress(stage)), second
            ).stalled
    step = Pacing()
    for done in range(6):
        reading = SideProgress("reading", done, 9)
        assert not step.show(battle(Answer(), Answer()), progress(reading, reading), 59.0 * done).stalled


def test_the_place_in_the_queue_is_that_of_both_together():
    first, second = SideProgress("queued", 3, 40), SideProgress("queued", 5, 20)
    for sides in ((first, second), (second, first)):
        shown = Pacing().show(battle(Answer(), Answer()), progress(*sides), 0.0)
        assert (shown.ahead, shown.wait) == (5, 40)
    assert Pacing().show(battle(Answer(), Answer()), progress(SideProgress("reading", 3, 9)), 0.0).ahead == 0

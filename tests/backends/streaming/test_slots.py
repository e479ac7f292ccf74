"""The queue for an engine's places: first come, first served; places are shown and given back."""

import threading
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from arena.types import Chunk
from backends.streaming.generation import KEEP_ALIVE_SECONDS, Slots


@pytest.fixture
def tickets():
    """Makes tickets of some slots; at the end of the test all are given back."""
    with ExitStack() as stack:
        yield lambda slots, amount=0: stack.enter_context(slots.ticket(amount))


def queued(place):
    return Chunk(stage="queued", done=place)


def waits(ticket):
    """What a ticket sees first: its place in the queue, 0 if it is served at once."""
    return next((chunk.done for chunk in ticket), 0)


def test_a_free_slot_is_taken_without_waiting(tickets):
    assert list(tickets(Slots(1))) == []


def test_there_are_as_many_places_as_were_asked_for(tickets):
    slots = Slots(3)
    assert [waits(tickets(slots)) for _ in range(5)] == [0, 0, 0, 1, 2]


def test_places_in_the_queue_are_shown_and_move_up(tickets):
    slots = Slots(1)
    with slots.ticket() as first:
        list(first)
        second, third = tickets(slots), None
        assert next(second) == queued(1)
        third = tickets(slots)
        assert next(third) == queued(2)
    assert list(second) == []
    assert next(third).done == 1


def test_who_came_first_is_served_first_even_if_others_ask_first(tickets):
    slots = Slots(1)
    with slots.ticket() as holder:
        list(holder)
        early, late = tickets(slots), tickets(slots)
    assert waits(late) == 2
    assert waits(early) == 0
    assert waits(late) == 1


def test_many_threads_are_served_in_the_order_they_came(tickets):
    slots, served, threads = Slots(1), [], []
    with slots.ticket() as holder:
        list(holder)
        for number in range(8):
            came = threading.Event()
            threads.append(threading.Thread(target=take_a_place, args=(slots, number, came, served)))
            threads[-1].start()
            assert came.wait(60)
    for thread in threads:
        thread.join(60)
    assert served == list(range(8))


def take_a_place(slots, number, came, served):
    with slots.ticket() as ticket:
        came.set()
        list(ticket)
        served.append(number)


def test_no_more_than_the_places_are_ever_held():
    # A pair leaves only when both are inside.
    slots, inside, most, pair = Slots(2), [], [], threading.Barrier(2)

    def hold():
        with slots.ticket() as ticket:
            list(ticket)
            inside.append(None)
            most.append(len(inside))
            pair.wait(60)
            inside.pop()

    threads = [threading.Thread(target=hold) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(most) == 12
    assert max(most) == 2


def test_a_place_is_given_back_after_an_exception(tickets):
    slots = Slots(1)
    with pytest.raises(ZeroDivisionError), slots.ticket() as ticket:
        list(ticket)
        raise ZeroDivisionError
    assert waits(tickets(slots)) == 0


def test_a_place_is_given_back_when_a_generator_is_closed(tickets):
    slots = Slots(1)

    def work():
        with slots.ticket() as ticket:
            yield from ticket
            yield "working"

    stream = work()
    assert next(stream) == "working"
    stream.close()
    assert waits(tickets(slots)) == 0


def test_leaving_the_queue_lets_the_next_move_up_and_keeps_the_places(tickets):
    slots = Slots(1)
    with slots.ticket() as holder:
        list(holder)
        with slots.ticket() as impatient:
            assert waits(impatient) == 1
            last = tickets(slots)
            assert waits(last) == 2
        assert waits(last) == 1
    assert waits(last) == 0
    assert waits(tickets(slots)) == 1


def test_leaving_before_ever_waiting_blocks_nobody(tickets):
    slots = Slots(1)
    with slots.ticket():
        later = tickets(slots)
    assert waits(later) == 0


def test_a_place_given_back_wakes_the_next_at_once(tickets, in_background, monkeypatch):
    slots = Slots(1)
    with slots.ticket() as holder:
        list(holder)
        places = tickets(slots)
        next(places)
        # Without being woken it would wait longer than the test does.
        monkeypatch.setattr("backends.streaming.generation.KEEP_ALIVE_SECONDS", 600)
        served = in_background(list, places)
    assert served.result() == []


def test_waiting_streams_send_keep_alives(tickets):
    assert KEEP_ALIVE_SECONDS <= 0.5
    slots = Slots(1)
    with slots.ticket() as holder:
        list(holder)
        places = tickets(slots)
        assert [next(places) for _ in range(4)] == [queued(1)] * 4


# ---- an amount to share


def test_a_slot_is_given_only_with_the_requested_amount(tickets):
    slots = Slots(8, amount=10)
    with slots.ticket(6) as first:
        assert waits(first) == 0
        assert waits(tickets(slots, 4)) == 0
        last = tickets(slots, 1)
        assert waits(last) == 1
    assert waits(last) == 0
    assert waits(tickets(slots, 6)) == 1


def test_small_requests_do_not_overtake_a_large_one(tickets):
    slots = Slots(8, amount=10)
    with slots.ticket(6) as holder:
        list(holder)
        much, little = tickets(slots, 5), tickets(slots, 1)
        assert (waits(much), waits(little)) == (1, 2)
    assert (waits(little), waits(much)) == (2, 0)
    assert waits(little) == 0


def test_a_request_for_more_than_the_whole_amount_runs_alone(tickets):
    slots = Slots(8, amount=10)
    with slots.ticket(1) as holder:
        list(holder)
        huge = tickets(slots, 1000)
        assert waits(huge) == 1
    assert waits(huge) == 0
    assert waits(tickets(slots, 1)) == 1


def test_places_are_counted_as_well(tickets):
    slots = Slots(2, amount=10)
    assert [waits(tickets(slots, 1)) for _ in range(3)] == [0, 0, 1]


def test_one_that_leaves_the_queue_takes_nothing(tickets):
    slots = Slots(8, amount=10)
    with slots.ticket(9) as holder:
        list(holder)
        with slots.ticket(5) as impatient:
            assert waits(impatient) == 1
        assert waits(tickets(slots, 1)) == 0
    assert waits(tickets(slots, 9)) == 0


def test_waiting_requests_show_the_expected_seconds_at_the_recent_rate(tickets):
    slots = Slots(2)
    slots._durations.extend([10.0, 20.0, 30.0])
    for _ in range(2):
        list(tickets(slots))
    firsts = [next(tickets(slots)) for _ in range(3)]
    assert [(chunk.done, chunk.total) for chunk in firsts] == [(1, 10), (2, 20), (3, 30)]


def test_the_time_in_a_slot_counts_from_when_it_was_taken(tickets, monkeypatch):
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    monkeypatch.setattr("backends.streaming.generation.time", clock)
    slots = Slots(1)
    with slots.ticket() as holder:
        list(holder)
        with slots.ticket():  # leaves the queue without having had a place
            clock.now += 2
    assert list(slots._durations) == [2]

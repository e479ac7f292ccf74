"""Loading in the background: once for all who wait, visibly, and tried again after a failure."""

import gc
import logging
import threading
import weakref

import pytest

from arena.backend import LoadState
from arena.errors import BackendError, InputError
from arena.types import Chunk
from backends.streaming.loading import BackgroundLoad, LocalBackend


class Model:
    """Something that is loaded."""


@pytest.fixture
def opener(gate):
    """Opens a model once the gate is open; `calls` has the models made."""

    def open_model():
        open_model.calls.append(Model())
        assert gate.wait(60)
        return open_model.calls[-1]

    open_model.calls = []
    return open_model


@pytest.fixture
def load(opener):
    return BackgroundLoad(opener)


@pytest.fixture
def failing():
    """Makes a load whose opener raises the given errors one after the other, then gives a model."""

    def make(*errors):
        left = list(errors)

        def open_model():
            if left:
                raise left.pop(0)
            return Model()

        return BackgroundLoad(open_model)

    return make


def failure_of(load):
    with pytest.raises(BackendError) as failure:
        list(load.wait())
    return failure.value


def test_nothing_is_loaded_before_it_is_asked_for(load, opener):
    assert load.state == LoadState(ready=False)
    assert opener.calls == []


def test_start_returns_at_once_and_wait_gives_the_value(load, opener, gate, value_of):
    load.start()
    assert not load.state.ready
    gate.set()
    assert value_of(load.wait()) is opener.calls[0]


def test_wait_starts_by_itself(load, opener, gate, value_of):
    gate.set()
    assert value_of(load.wait()) is opener.calls[0]


def test_many_who_wait_share_one_load(load, opener, gate, value_of, in_background):
    waiting = [in_background(value_of, load.wait()) for _ in range(8)]
    load.start()
    gate.set()
    assert {waiter.result() for waiter in waiting} == {opener.calls[0]}
    assert len(opener.calls) == 1


def test_a_loaded_value_is_returned_without_waiting(load, gate, value_of):
    gate.set()
    value_of(load.wait())
    assert list(load.wait()) == []


def test_the_state_tells_loading_from_ready(load, gate, value_of, eventually):
    load.start()
    assert eventually(lambda: load.state.seconds > 0.05)
    assert load.state.ready is False
    gate.set()
    value_of(load.wait())
    assert load.state == LoadState(ready=True)


def test_waiting_streams_send_keep_alives(load):
    waiting = load.wait()
    chunks = [next(waiting) for _ in range(6)]
    assert {chunk.stage for chunk in chunks} == {"loading"}
    assert [chunk.done for chunk in chunks] == sorted(chunk.done for chunk in chunks)
    assert chunks[0] == Chunk(stage="loading")
    assert chunks[-1].done >= 1  # seconds so far


def test_leaving_while_it_loads_does_not_stop_the_load(load, gate, value_of):
    waiting = load.wait()
    next(waiting)
    waiting.close()
    gate.set()
    assert isinstance(value_of(load.wait()), Model)


def test_an_error_of_ours_reaches_those_who_wait_as_it_is(failing):
    failure = failure_of(failing(InputError("embedded_missing", "The embedded model is missing.", file="m.gguf")))
    assert (failure.code, str(failure)) == ("embedded_missing", "The embedded model is missing.")
    assert failure.details == {"file": "m.gguf"}


@pytest.mark.parametrize("error", [RuntimeError("disk on fire"), ValueError("disk on fire"), OSError("disk on fire")])
def test_any_other_error_becomes_one_clear_line(failing, error, caplog):
    failure = failure_of(failing(error))
    assert (failure.code, str(failure)) == ("load_failed", "The model cannot be loaded: disk on fire")
    assert failure.details == {"reason": "disk on fire"}
    assert any(record.exc_info and record.levelno == logging.ERROR for record in caplog.records)


def test_where_memory_runs_out_while_loading_the_line_says_so(failing):
    failure = failure_of(failing(MemoryError()))
    assert failure.code == "memory_out" and str(failure).startswith("This machine has run out of memory.")


def test_a_failure_shows_in_the_state(failing, eventually):
    load = failing(RuntimeError("disk on fire"))
    load.start()
    assert eventually(lambda: load.state.error)
    assert load.state.error.code == "load_failed"
    assert (load.state.ready, load.state.seconds) == (False, 0.0)


def test_all_who_wait_hear_of_a_failure(gate, in_background):
    def open_model():
        gate.wait(60)
        raise RuntimeError("disk on fire")

    load = BackgroundLoad(open_model)
    load.start()
    waiting = [in_background(failure_of, load) for _ in range(4)]
    gate.set()
    assert {waiter.result().code for waiter in waiting} == {"load_failed"}


def test_after_a_failure_the_next_who_waits_tries_again(failing, value_of):
    load = failing(RuntimeError("first"), RuntimeError("second"))
    assert failure_of(load).details == {"reason": "first"}
    assert failure_of(load).details == {"reason": "second"}
    assert isinstance(value_of(load.wait()), Model)
    assert load.state == LoadState(ready=True)


def test_trying_again_at_once_is_never_given_the_old_failure(failing, value_of):
    for _ in range(200):
        load = failing(RuntimeError("first"))
        failure_of(load)
        assert isinstance(value_of(load.wait()), Model)


def test_closing_lets_go_of_the_value_and_the_next_who_waits_loads_anew(load, opener, gate, value_of):
    gate.set()
    held = weakref.ref(value_of(load.wait()))
    load.close()
    opener.calls.clear()
    gc.collect()
    assert held() is None
    assert load.state == LoadState(ready=False)
    assert isinstance(value_of(load.wait()), Model)


def test_closing_while_it_loads_ends_those_who_wait(load, in_background, eventually):
    waiting = in_background(failure_of, load)
    assert eventually(lambda: load.state.seconds)
    load.close()
    assert waiting.result(5).code == "load_failed"


def test_a_load_that_ends_after_close_is_discarded(load, opener, gate, eventually):
    load.start()
    assert eventually(lambda: opener.calls)
    loader = next(thread for thread in threading.enumerate() if thread.name == "load-model")
    load.close()
    gate.set()
    loader.join(60)
    assert load.state == LoadState(ready=False)


def test_a_late_load_does_not_replace_a_newer_one(gate, value_of, eventually):
    created = []

    def open_model():
        created.append(Model())
        mine = created[-1]
        if mine is created[0]:
            gate.wait(60)
        return mine

    load = BackgroundLoad(open_model)
    load.start()
    assert eventually(lambda: created)
    late = next(thread for thread in threading.enumerate() if thread.name == "load-model")
    load.close()
    assert value_of(load.wait()) is created[1]
    gate.set()
    late.join(60)
    assert value_of(load.wait()) is created[1]


def test_no_thread_is_left(failing, value_of, threads_return):
    load = failing(RuntimeError("first"))
    failure_of(load)
    value_of(load.wait())
    assert threads_return()


def test_a_local_backend_must_count_tokens():
    class Uncounted(LocalBackend[Model]):
        """Lacks `_count_tokens`."""

    with pytest.raises(TypeError, match="_count_tokens"):
        Uncounted(None, BackgroundLoad(Model))

"""The one computing thread: turns, errors, and when it lives. Members here compute nothing."""

import gc
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError

import pytest
from served_app import ROOT

from arena.types import GenerationConfig
from backends.stepping import scheduler as module
from backends.stepping.scheduler import Conversation, Scheduler


class Member:
    """Has `left` steps to make and writes its name into `order` at each."""

    def __init__(self, name="", order=None, left=0):
        self.name, self.order, self.left = name, order if order is not None else [], left
        self.errors = []
        self.raises = None

    def step(self):
        if self.raises:
            self.left -= 1
            raise self.raises
        if not self.left:
            return False
        self.left -= 1
        self.order.append(self.name)
        return True

    def fail(self, error):
        self.errors.append(error)
        self.raises = None


@pytest.fixture
def scheduler(monkeypatch, threads_return):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.1)
    yield Scheduler(1)
    assert threads_return()


def test_every_member_makes_a_step_in_turn(scheduler, eventually):
    order = []
    members = [Member("a", order, 3), Member("b", order, 5), Member("c", order, 2)]
    for member in members:
        scheduler.add(member)
    scheduler.wake()
    assert eventually(lambda: len(order) == 10)
    assert "".join(order) == "abcabcabbb"


def test_one_whose_step_fails_is_told_and_the_others_go_on(scheduler, eventually):
    order = []
    bad, good = Member("bad", order, 4), Member("good", order, 4)
    bad.raises = ZeroDivisionError("oh")
    scheduler.add(bad)
    scheduler.add(good)
    scheduler.wake()
    assert eventually(lambda: len(order) == 7)
    assert [str(error) for error in bad.errors] == ["oh"]
    assert order[:4] == ["good", "bad", "good", "bad"]


def test_what_is_run_comes_back_or_is_raised(scheduler):
    assert scheduler.run(lambda: threading.current_thread().name) == "scheduler"
    with pytest.raises(ZeroDivisionError):
        scheduler.run(lambda: 1 / 0)
    assert scheduler.run(lambda: 2) == 2


def test_a_member_that_is_gone_takes_no_part(scheduler, eventually):
    order = []
    gone, here = Member("gone", order, 10**9), Member("here", order, 3)
    scheduler.add(gone)
    scheduler.add(here)
    del gone
    gc.collect()
    scheduler.wake()
    assert eventually(lambda: order == ["here"] * 3)


def test_with_nothing_to_do_it_waits_and_does_not_spin(scheduler, eventually):
    member = Member()
    steps = []
    member.step = lambda: steps.append(1) and False
    scheduler.add(member)
    scheduler.wake()
    assert eventually(lambda: steps)
    time.sleep(0.05)
    assert len(steps) == 1


def test_the_thread_ends_when_idle_and_begins_again(scheduler, eventually):
    first = scheduler.run(threading.current_thread)
    assert eventually(lambda: not first.is_alive())
    second = scheduler.run(threading.current_thread)
    assert second is not first and second.daemon


def test_many_that_wake_it_at_once_make_one_thread(scheduler, in_background):
    threads = [result.result() for result in [in_background(scheduler.run, threading.get_ident) for _ in range(20)]]
    assert len(set(threads)) == 1


def test_once_closed_it_does_nothing_more(scheduler):
    thread = scheduler.run(threading.current_thread)
    scheduler.close()
    assert not thread.is_alive()
    with pytest.raises(CancelledError):
        scheduler.run(lambda: 1)


def test_from_its_own_thread_it_runs_at_once_and_closes_without_waiting_for_itself(scheduler, eventually):
    """Python collects forgotten things in any thread, and what they do at their end is then done there."""
    assert scheduler.run(lambda: scheduler.run(lambda: 3)) == 3
    thread = scheduler.run(threading.current_thread)
    scheduler.run(scheduler.close)
    assert eventually(lambda: not thread.is_alive())


def test_a_job_that_ends_the_thread_is_told_and_the_next_runs(scheduler):
    def leave():
        raise SystemExit

    with pytest.raises(SystemExit):
        scheduler.run(leave)
    assert scheduler.run(lambda: 4) == 4


def test_a_conversation_that_is_let_go_of_in_a_computing_thread_does_not_wait_for_it(scheduler):
    conversation = Conversation((1,), GenerationConfig())
    scheduler.run(conversation.close)
    assert conversation.cancelled.is_set() and not conversation.left.is_set()


ENDS_WHILE_IT_COMPUTES = """
import threading
import torch
from backends.stepping.scheduler import Scheduler

def compute():
    begun.set()
    for _ in range(10):
        torch.randn(1500, 1500) @ torch.randn(1500, 1500)

begun, scheduler = threading.Event(), Scheduler(1)
threading.Thread(target=scheduler.run, args=(compute,), daemon=True).start()
begun.wait(60)
"""

ENDS_IN_AN_ANSWER = """
from micro_engines import greedy, micro_engine, prompt

engine = micro_engine()
answer = engine.begin(prompt(9), greedy(4000)).until_the_end()
next(answer)
"""


@pytest.mark.parametrize("code", [ENDS_WHILE_IT_COMPUTES, ENDS_IN_AN_ANSWER])
def test_a_process_that_ends_while_it_computes_ends_well(code):
    """PyTorch aborts it (exit code 134) if the interpreter takes its thread away; an open answer must not hold it."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests/helpers'}"}
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, timeout=100, check=False)
    assert ended.returncode == 0

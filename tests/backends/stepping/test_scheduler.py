"""The one computing thread: turns, errors, and when it lives. Members here compute nothing."""

import gc
import os
import subprocess
import sys
import threading
import time

import pytest
from micro_engines import computed
from served_app import ROOT

from arena.generation_config import GenerationConfig
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


def test_a_member_whose_step_fails_gets_the_error_and_the_others_go_on(scheduler, eventually):
    order = []
    bad, good = Member("bad", order, 4), Member("good", order, 4)
    bad.raises = ZeroDivisionError("oh")
    scheduler.add(bad)
    scheduler.add(good)
    scheduler.wake()
    assert eventually(lambda: len(order) == 7)
    assert [str(error) for error in bad.errors] == ["oh"]
    assert order[:4] == ["good", "bad", "good", "bad"]


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
    first = computed(scheduler, threading.current_thread)
    assert eventually(lambda: not first.is_alive())
    second = computed(scheduler, threading.current_thread)
    assert second is not first and second.daemon


def test_many_that_wake_it_at_once_make_one_thread(scheduler, in_background):
    results = [in_background(computed, scheduler, threading.get_ident) for _ in range(20)]
    assert len({result.result() for result in results}) == 1


def test_once_closed_it_does_nothing_more(scheduler):
    member = Member(left=1)
    scheduler.add(member)
    thread = computed(scheduler, threading.current_thread)
    scheduler.close()
    assert not thread.is_alive()
    assert [str(error) for error in member.errors] == ["the process ends"]
    member.left = 1
    scheduler.wake()
    assert threading.enumerate().count(thread) == 0 and member.left == 1


def test_from_its_own_thread_it_closes_without_waiting_for_itself(scheduler, eventually):
    """Python collects forgotten things in any thread, and what they do at their end is then done there."""
    thread = computed(scheduler, threading.current_thread)
    computed(scheduler, scheduler.close)
    assert eventually(lambda: not thread.is_alive())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_after_a_step_that_ends_the_thread_another_one_goes_on(scheduler, eventually):
    member = Member(left=1)
    member.raises = SystemExit()
    scheduler.add(member)
    scheduler.wake()
    assert eventually(lambda: not member.left and scheduler._thread is None)
    member.raises = None
    assert computed(scheduler, lambda: 4) == 4


def test_a_conversation_closed_in_the_computing_thread_does_not_wait(scheduler):
    conversation = Conversation((1,), GenerationConfig())
    computed(scheduler, conversation.close)
    assert conversation.cancelled.is_set() and not conversation.left.is_set()


ENDS_WHILE_IT_COMPUTES = """
import threading
import torch
from backends.stepping.scheduler import Scheduler

class Member:
    def step(self):
        begun.set()
        for _ in range(10):
            torch.randn(1500, 1500) @ torch.randn(1500, 1500)
        return True

    def fail(self, error):
        pass

begun, scheduler, member = threading.Event(), Scheduler(1), Member()
scheduler.add(member)
scheduler.wake()
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

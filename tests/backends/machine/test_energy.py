"""The energy of answers from counters as Linux has them: who pays for what, and what is not told."""

import threading

import pytest

from arena.types import Chunk, Usage
from backends.machine import memory
from backends.machine.energy import Meter

LIMIT = 1_000_000_000  # microjoules


class Sysfs:
    """A fake /sys/class/powercap."""

    def __init__(self, root):
        self.root = root

    def zone(self, name, kind, count=0, limit=LIMIT):
        folder = self.root / "sys/class/powercap" / name
        folder.mkdir(parents=True)
        (folder / "name").write_text(f"{kind}\n")
        (folder / "max_energy_range_uj").write_text(f"{limit}\n")
        self.set(name, count)

    def set(self, name, count):
        self.counter(name).write_text(f"{count}\n")

    def counter(self, name):
        return self.root / "sys/class/powercap" / name / "energy_uj"


@pytest.fixture
def sysfs(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "ROOT", tmp_path)
    return Sysfs(tmp_path)


@pytest.fixture
def one(sysfs):
    sysfs.zone("intel-rapl:0", "package-0", 5_000_000)
    return Meter()


def test_an_answer_has_the_joules_of_its_time_alone(sysfs, one):
    sysfs.set("intel-rapl:0", 6_000_000)
    with one.measure() as energy:
        sysfs.set("intel-rapl:0", 8_500_000)
        assert energy() == 2.5
    sysfs.set("intel-rapl:0", 9_000_000)
    with one.measure() as energy:
        assert energy() == 0.0


def test_answers_at_the_same_time_share_equally(sysfs, one):
    with one.measure() as first:
        sysfs.set("intel-rapl:0", 6_000_000)
        with one.measure() as second:
            sysfs.set("intel-rapl:0", 10_000_000)
            assert (first(), second()) == (3.0, 2.0)
        sysfs.set("intel-rapl:0", 11_000_000)
        assert first() == 4.0


def test_all_packages_count_and_no_part_of_them_twice(sysfs):
    for name, kind in {
        "intel-rapl:0": "package-0",
        "intel-rapl:0:0": "core",
        "intel-rapl:0:1": "dram",
        "intel-rapl:1": "package-1-die-0",
        "intel-rapl:2": "psys",
        "intel-rapl-mmio:0": "package-0",
    }.items():
        sysfs.zone(name, kind)
    with Meter().measure() as energy:
        for place, name in enumerate(["0", "0:0", "0:1", "1", "2"]):
            sysfs.set(f"intel-rapl:{name}", 10**place * 1000)
        sysfs.set("intel-rapl-mmio:0", 1_000_000)
        assert energy() == pytest.approx(1.001)


def test_a_counter_that_starts_again_is_read_on(sysfs):
    sysfs.zone("intel-rapl:0", "package-0", LIMIT - 1_000_000)
    with Meter().measure() as energy:
        sysfs.set("intel-rapl:0", 2_000_000)
        assert energy() == 3.0


@pytest.mark.parametrize("content", ["", "none\n", None])
def test_what_a_machine_does_not_tell_is_none(sysfs, content):
    sysfs.zone("intel-rapl:0", "package-0")
    sysfs.zone("intel-rapl:1", "package-1")
    sysfs.counter("intel-rapl:1").unlink()  # as if only root could read it
    if content is not None:
        sysfs.counter("intel-rapl:1").write_text(content)
    with Meter().measure() as energy:
        assert energy() is None


@pytest.mark.parametrize("limit", ["", "0"])
def test_without_the_end_of_the_counter_nothing_is_told(sysfs, limit):
    sysfs.zone("intel-rapl:0", "package-0", limit=limit)
    with Meter().measure() as energy:
        assert energy() is None


def test_a_machine_without_counters_tells_nothing(sysfs):
    with Meter().measure() as energy:
        assert energy() is None


def test_a_counter_that_vanishes_leaves_later_answers_alone(sysfs, one):
    with one.measure() as across:
        sysfs.counter("intel-rapl:0").unlink()
        assert across() is None
        with one.measure() as without:
            sysfs.set("intel-rapl:0", 7_000_000)
            assert without() is None
        with one.measure() as after:
            sysfs.set("intel-rapl:0", 9_000_000)
            assert (across(), without(), after()) == (None, None, 1.0)


def test_a_counter_that_begins_anew_is_not_taken_for_energy(sysfs, one):
    with one.measure() as across:
        sysfs.set("intel-rapl:0", 0)  # 995 J at once, if it had gone on to its end
        assert across() is None
    with one.measure() as after:
        sysfs.set("intel-rapl:0", 1_000_000)
        assert after() == 1.0


def test_an_answer_that_fails_pays_no_longer(sysfs, one):
    with one.measure() as whole:
        with pytest.raises(ValueError, match="stop"), one.measure():
            raise ValueError("stop")
        sysfs.set("intel-rapl:0", 6_000_000)
        assert whole() == 1.0


def test_long_answers_are_read_in_between(sysfs, one, monkeypatch):
    """A counter that started again twice between two readings could not be read on."""
    now = [1000.0]
    monkeypatch.setattr("backends.machine.energy.time.monotonic", lambda: now[0])

    def answer():
        sysfs.set("intel-rapl:0", LIMIT - 1)
        yield Chunk()  # too soon to read
        now[0] += 6
        yield Chunk(text="x", usage=Usage(new_tokens=1))
        sysfs.set("intel-rapl:0", 5_000_000)
        yield Chunk(finish_reason="stop", usage=Usage(new_tokens=1))

    chunks = list(one.counted(answer()))
    assert [chunk.usage and chunk.usage.joules for chunk in chunks] == [None, None, LIMIT / 1e6]


def test_who_stops_an_answer_stops_what_generates_it_and_pays_no_longer(sysfs, one):
    closed = []

    def answer():
        try:
            yield Chunk()
            yield Chunk()
        finally:
            closed.append(True)

    stream = one.counted(answer())
    next(stream)
    stream.close()
    with one.measure() as energy:
        sysfs.set("intel-rapl:0", 6_000_000)
        assert (closed, energy()) == ([True], 1.0)


def test_many_threads_pay_for_everything_together(sysfs, one):
    joules, start = [], threading.Barrier(8)

    def answer():
        start.wait(60)
        for _ in range(50):
            with one.measure() as energy:
                joules.append(energy)

    threads = [threading.Thread(target=answer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with one.measure() as energy:
        sysfs.set("intel-rapl:0", 7_000_000)
        assert (len(joules), energy()) == (400, 2.0)

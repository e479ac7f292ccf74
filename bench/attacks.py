"""Simulated attacks on the verdict: honest raters and attackers vote through the real room, limits, logs and results.

Attackers want TARGET to win. A run judges the same honest raters without and with the attack. The attack flips the
verdict if TARGET is preferred with it and not without it.
"""

import math
import random
import shutil
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from arena.errors import VoteRefused
from arena.events import EventLog
from arena.judging.ballots import Ballots, Judgement
from arena.judging.crowds import Crowds
from arena.judging.pairs import load_pairs
from arena.judging.room import Room
from arena.results.compute import compute
from arena.results.exclusions import REASONS, summary
from arena.results.verdict import PairVerdict
from arena.statistics import wilson
from arena.statistics.decision import mean_taste
from arena.types import Battle, Winner
from arena.votes import FIRST_PART, VoteLog
from arena.votes.store import VoteStore
from bench.load.vote_log import MODELS, sample_answers
from bench.probe import Figures, Progress

OTHER, TARGET = MODELS
HONEST, PROMPTS = 200, 8
# Standard deviation of honest tastes in log-odds; ties among honest votes.
_SPREAD, _TIES = 0.5, 0.1
# Honest raters read this many characters of Chinese per second. One in twenty is in a hurry, and decides half of the
# battles at a glance, in this many seconds.
_READING, _GLANCE, _HURRIED = (8.0, 30.0), (1.0, 4.0), 0.05
_BEGIN, _DAY = 1.7e9, 86_400.0
TRUTHS = {"other preferred 60/40": 0.6, "alike": 0.5}
"""The share of their decisive votes that honest raters give OTHER."""


@dataclass(frozen=True)
class Attack:
    """`browsers` with `ids` raters' ids behind `addresses` vote for TARGET, or with `left` for the left side.

    A vote takes `seconds`, or as long as an honest one; each request is sent `sends` times.
    """

    name: str
    browsers: int = 0
    ids: int = 0
    addresses: int = 0
    left: bool = False
    seconds: float | None = None
    sends: int = 1


Judged = tuple[PairVerdict, dict[str, int]]
NO_ATTACK = "no attack"
ATTACKS = (
    Attack("an army of 100 from one address", browsers=100, ids=100, addresses=1),
    Attack("10% know the model by its style", browsers=22, ids=22, addresses=22),
    Attack("one session copied to 50 machines", browsers=50, ids=1, addresses=50),
    Attack("one rater's requests sent 50 times", browsers=1, ids=1, addresses=1, sends=50),
    Attack("67 raters always choose the left", browsers=67, ids=67, addresses=67, left=True),
    Attack("67 raters vote faster than reading", browsers=67, ids=67, addresses=67, seconds=0.2),
)


@dataclass(frozen=True)
class _Browser:
    """One browser: its rater and address, when it begins, how often it votes for OTHER, and its attack."""

    judge: str
    address: str
    begins: float
    taste: float = 0.0
    is_hurried: bool = False
    attack: Attack = Attack("")

    def choose(self, battle: Battle, draw: random.Random) -> Winner:
        if self.attack.left:
            return Winner.MODEL_A
        if 0 < self.taste < 1 and draw.random() < _TIES:
            return Winner.TIE
        wanted = OTHER if draw.random() < self.taste else TARGET
        return Winner.MODEL_A if battle.a.model.id == wanted else Winner.MODEL_B

    def duration(self, battle: Battle, draw: random.Random) -> float:
        if self.attack.seconds is not None:
            return self.attack.seconds
        if self.is_hurried and draw.random() < 0.5:
            return draw.uniform(*_GLANCE)
        return (len(battle.a.answer.text) + len(battle.b.answer.text)) / draw.uniform(*_READING)


class _Arena:
    """A room that is open to all, in a folder of its own; its clock is that of the simulation."""

    def __init__(self, folder: Path, draw: random.Random) -> None:
        self._draw = draw
        self.tried = self.accepted = 0
        self.now = _BEGIN
        folder.mkdir()
        answers = folder / "answers.jsonl"
        answers.write_text("\n".join(sample_answers(PROMPTS)), encoding="utf-8")
        self._log, self._events = VoteLog(folder / FIRST_PART), EventLog(folder)
        ballots = Ballots(self._log, note_rater=Crowds(self._events).note)
        self._simulated = {
            "time.time": lambda: self.now,
            "os.fsync": lambda file: None,
            "arena.judging.room.secrets": SimpleNamespace(choice=draw.choice, randbelow=draw.randrange),
            # The answers of the sample reveal nobody, and looking for names takes a third of the time.
            "arena.judging.ballots.is_leaked": lambda battle: False,
        }
        self._room = Room(load_pairs(answers, ()), self._events, ballots)

    def run(self, browsers: Sequence[_Browser]) -> None:
        """All browsers vote, in the order of time."""
        waiting = [(browser.begins, number, self._votes(browser)) for number, browser in enumerate(browsers)]
        heapify(waiting)
        with ExitStack() as simulated:
            for name, value in self._simulated.items():
                simulated.enter_context(patch(name, value))
            while waiting:
                self.now, number, votes = heappop(waiting)
                if (pause := next(votes, None)) is not None:
                    heappush(waiting, (self.now + pause, number, votes))
        self._log.close()
        self._events.close()

    def _votes(self, browser: _Browser) -> Iterator[float]:
        """Votes until nothing is left; yields the seconds until its next action."""
        with suppress(VoteRefused):  # too many raters from the address
            while battle := self._room.assign(browser.judge, address=browser.address).battle:
                yield browser.duration(battle, self._draw)
                for _ in range(browser.attack.sends):
                    self._send(browser, battle)

    def _send(self, browser: _Browser, battle: Battle) -> None:
        self.tried += 1
        judgement = Judgement(browser.choose(battle, self._draw))
        with suppress(VoteRefused):
            self._room.cast(battle.id, browser.judge, judgement, address=browser.address)
            self.accepted += 1


def honest_raters(share: float, draw: random.Random) -> list[_Browser]:
    """HONEST raters within a day, at homes that some of them share."""
    mean, raters = mean_taste(share, _SPREAD), []
    for number in range(HONEST):
        address = _address(8, draw.randrange(HONEST))
        taste = 1 / (1 + math.exp(-draw.gauss(mean, _SPREAD)))
        begins, is_hurried = _BEGIN + draw.uniform(0, _DAY), draw.random() < _HURRIED
        raters.append(_Browser(f"honest-{number}", address, begins, taste, is_hurried))
    return raters


def attackers(attack: Attack, draw: random.Random) -> list[_Browser]:
    """The browsers of an attack; those that share a rater's id begin at once."""
    begins = [_BEGIN + draw.uniform(0, _DAY) for _ in range(attack.ids)]
    browsers = []
    for number in range(attack.browsers):
        rater, address = number % attack.ids, _address(9, number % attack.addresses)
        browsers.append(_Browser(f"attacker-{rater}", address, begins[rater], attack=attack))
    return browsers


def _address(first: int, number: int) -> str:
    return f"{first}.0.{number >> 8}.{number & 255}"


def measure_attacks(runs: int, progress: Progress, attacks: Sequence[Attack] | None = None) -> Figures:
    """A row for each truth and attack: per run the votes and raters, and how often the verdict flipped."""
    attacks = ATTACKS if attacks is None else attacks
    rows, began = [], time.monotonic()
    for done, (truth, share) in enumerate(TRUTHS.items()):
        counts = defaultdict[str, Counter[str]](Counter)
        for number in range(runs):
            with tempfile.TemporaryDirectory() as folder:
                for name, outcome in _run(Path(folder), share, f"{truth} {number}", attacks):
                    counts[name].update(outcome)
            finished = (done * runs + number + 1) / (len(TRUTHS) * runs)
            left = (time.monotonic() - began) * (1 / finished - 1)
            progress(f"{truth}: {number + 1} of {runs} runs, {left:.0f} s left in all")
        rows += [_row(truth, name, count, runs) for name, count in counts.items()]
    return {"honest_raters": HONEST, "votes_each": PROMPTS, "runs": runs, "attacks": rows}


def _run(folder: Path, share: float, seed: str, attacks: Sequence[Attack]) -> Iterator[tuple[str, Counter[str]]]:
    """One class under each attack."""
    honest = folder / "honest"
    _Arena(honest, draw := random.Random(seed)).run(honest_raters(share, draw))
    verdict, excluded = before = _judged(honest)
    yield NO_ATTACK, Counter({**excluded, "raters": verdict.numbers.raters})
    for attack in attacks:
        attacked, draw = folder / attack.name, random.Random(f"{attack.name} {seed}")
        arena = _Arena(attacked, draw)
        arena.run(attackers(attack, draw))
        for name in ("votes", "events"):  # as those of another process
            (part,) = honest.glob(f"{name}.*")
            shutil.copy(part, attacked / f"{name}-2{part.suffix}")
        yield attack.name, _outcome(arena, before, _judged(attacked))
        shutil.rmtree(attacked)


def _judged(folder: Path) -> Judged:
    """The verdict on the votes in a folder, and the number of raters that it leaves out by reason."""
    figures = compute(VoteStore(folder).refresh(), now=math.inf)
    return figures.pairs[0].verdict, summary(figures.excluded)["reasons"]


def _outcome(arena: _Arena, before: Judged, after: Judged) -> Counter[str]:
    """What an attack did, as numbers to be added up."""
    (was, excluded_before), (now, excluded) = before, after
    return Counter(
        tried=arena.tried,
        accepted=arena.accepted,
        raters=now.numbers.raters - was.numbers.raters,
        flipped=now.preferred == TARGET != was.preferred,
        lost=was.preferred == OTHER != now.preferred,
        **{reason: excluded[reason] - excluded_before[reason] for reason in REASONS},
    )


def _row(truth: str, attack: str, count: Counter[str], runs: int) -> Figures:
    """The means per run of what the attack changed, without one of all; the share of flipped verdicts with its
    interval, and of lost preferences.
    """
    flips = wilson(count["flipped"], runs)
    means: Figures = {name: round(count[name] / runs) for name in ("tried", "accepted")}
    means |= {name: round(count[name] / runs, 1) for name in ("raters", *REASONS)}
    return {
        "attack": attack,
        "truth": truth,
        **means,
        "flipped_share": flips.rate,
        "low_share": flips.low,
        "high_share": flips.high,
        "lost_share": count["lost"] / runs,
    }

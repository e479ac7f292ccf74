"""What may have swayed the raters, and how far they agree with each other and with themselves. Knows no interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from arena.results.table import mixed
from arena.results.view import FIRST, View, outcomes, paired
from arena.statistics.agreement import Agreement, agreement
from arena.types import Winner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from arena.results.table import Mask


@dataclass(frozen=True)
class Share:
    """`count` of `total`."""

    count: int
    total: int

    @property
    def value(self) -> float | None:
        """From 0 to 1; None of nothing."""
        return self.count / self.total if self.total else None


@dataclass(frozen=True)
class Bias:
    """Shares that would be one half, or none, if nothing but the answers mattered.

    `left_wins` and `longer_wins` are of decisive votes, the latter of those on answers of unequal length. `early` and
    `late` are of the votes of raters before and after the middle of their time: how many were decisive, and how often
    the first model won (None unless there are just two). `leaked` is of the votes on answers that were looked through,
    `consistent` of the repeated battles that were judged before.
    """

    left_wins: Share
    longer_wins: Share
    early: Share
    late: Share
    early_wins: Share | None
    late_wins: Share | None
    leaked: Share
    consistent: Share


@dataclass(frozen=True)
class Disputed:
    """The prompt (its id, "" for one of a rater's own) on whose answers raters agreed least: how often two of them,
    drawn at random, said different things of the same two answers, among so many votes."""

    prompt: str
    share: float
    votes: int


def bias_of(view: View) -> Bias:
    """What the votes show of it."""
    table, decisive = view.table, view.decisive
    a_won = table["winner"] == list(Winner).index(Winner.MODEL_A)
    unequal = decisive & (table["length_a"] != table["length_b"])
    longer = a_won == (table["length_a"] > table["length_b"])
    early, late = _halves(view)
    two = len(view.pairs) == 1
    first_won = view.outcome == FIRST
    return Bias(
        left_wins=_share(a_won, decisive),
        longer_wins=_share(longer, unequal),
        early=_share(decisive, early),
        late=_share(decisive, late),
        early_wins=_share(first_won, early & decisive) if two else None,
        late_wins=_share(first_won, late & decisive) if two else None,
        leaked=_share(table["leaked"] == 1, table["leaked"] >= 0),
        consistent=_consistency(view),
    )


def _share(having: Mask, among: Mask) -> Share:
    return Share(int((having & among).sum()), int(among.sum()))


def _halves(view: View) -> tuple[Mask, Mask]:
    """The votes before and after the middle of their rater's own votes in time."""
    import numpy as np

    judge, time, size = view.table["judge"], view.table["time"], len(view.table.judge_hashes)
    # From the first vote on: large numbers would blur the mean.
    since = time - (time.min() if len(time) else 0.0)
    number = np.maximum(np.bincount(judge, minlength=size), 1)
    middle = (np.bincount(judge, since, minlength=size) / number)[judge]
    named = view.table.judge_hashes[judge] != 0
    return named & (since < middle - 1e-3), named & (since > middle + 1e-3)


def _consistency(view: View) -> Share:
    """Repeats that were judged as the battle that they repeat was."""
    import numpy as np

    repeats, table = view.repeats, view.table
    if not len(repeats):
        return Share(0, 0)
    rows = np.flatnonzero(np.isin(table["battle"], repeats["repeat_of"]))
    keys = mixed(table.judge_hashes[table["judge"][rows]], table["battle"][rows])
    before = dict(zip(keys.tolist(), view.outcome[rows].tolist(), strict=True))
    wanted = mixed(repeats.judge_hashes[repeats["judge"]], repeats["repeat_of"])
    again = outcomes(repeats, paired(repeats)[2])
    found = [(before[key], now) for key, now in zip(wanted.tolist(), again.tolist(), strict=True) if key in before]
    return Share(sum(then == now for then, now in found), len(found))


def agreement_of(view: View) -> Agreement | None:
    """How far raters who judged the same two answers agree; see `arena.statistics.agreement`."""
    return agreement(_numbered(view.units), view.outcome)


def most_disputed(view: View) -> Disputed | None:
    """None where no two answers were judged twice, and where all agreed on all."""
    import numpy as np

    if not len(view):
        return None
    unit = _numbered(view.units)
    cells = np.bincount(unit * 4 + view.outcome, minlength=4 * (int(unit.max()) + 1)).reshape(-1, 4)
    votes = cells.sum(axis=1)
    couples = votes * (votes - 1) / 2
    apart = couples - (cells * (cells - 1) / 2).sum(axis=1)
    prompt = np.zeros(len(cells), dtype=np.int64)
    prompt[unit] = view.table["prompt"]
    size = len(view.table.names["prompt"])
    by_prompt, all_couples = np.bincount(prompt, apart, size), np.bincount(prompt, couples, size)
    number = np.bincount(prompt, votes * (votes > 1), size)
    if not by_prompt.any():
        return None
    names = view.table.names["prompt"]
    shares = {names[code]: by_prompt[code] / all_couples[code] for code in np.flatnonzero(all_couples).tolist()}
    # By name where two are alike, so that the order of the votes does not matter.
    worst = min(shares, key=lambda name: (-shares[name], name))
    return Disputed(worst, float(shares[worst]), int(number[names.index(worst)]))


def _numbered(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    import pandas as pd

    codes: NDArray[np.int64] = pd.factorize(hashes)[0]
    return codes

"""Votes to export, with every trap that is known and results that can be checked by hand.

Only two of the three pairs of models ever meet: so each Bradley-Terry rating is the log-odds of one pair's win rate,
ties half. That is 7 of 10 for "qwen-7b-chat" over "chatglm3-6b", and 5 of 8 for that one over "smollm2-135m".
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from vote_samples import NASTY_TEXTS, log_path, make_side, make_vote, withdraw

from arena.exports.export import export_bundle
from arena.exports.publication import ALL, Screening, write_publication
from arena.types import Battle, Message, SideName, Vote, Winner
from arena.votes import VoteLog
from arena.votes.records import HEAD, csv_line
from arena.votes.rows import to_row
from arena.votes.store import VoteStore

QWEN, GLM, SMALL = "qwen-7b-chat", "chatglm3-6b", "smollm2-135m"
LONG = '长 "q",\r\n' * 30_000
"""300 kB."""
TEXTS = (*NASTY_TEXTS, "＝1+2", LONG)
_A, _B, _TIE, _BAD = Winner.MODEL_A, Winner.MODEL_B, Winner.TIE, Winner.BOTH_BAD
_COUNTED = [
    *[(QWEN, GLM, _A)] * 4,  # 6 wins of qwen
    *[(GLM, QWEN, _B)] * 2,
    (QWEN, GLM, _B),  # 2 of chatglm
    (GLM, QWEN, _A),
    *[(GLM, SMALL, _A)] * 3,  # 4 of chatglm
    (SMALL, GLM, _B),
    (SMALL, GLM, _A),  # 2 of the small one
    (GLM, SMALL, _B),
    (QWEN, GLM, _TIE),  # 2 ties and 2 ties
    (GLM, QWEN, _BAD),
    (GLM, SMALL, _TIE),
    (SMALL, GLM, _TIE),
]
_HISTORY = (Message("system", "Be kind.\r"), Message("user", '"Hi"'), Message("assistant", "你好，NA\n"))
_DECISIVE = 14


def counted_votes() -> list[Vote]:
    """What every form holds: 14 decisive votes, 4 ties, in the order of their times.

    Every text is an answer in a decisive vote. Every third conversation has a history. No preference follows from the
    third vote, which is leaked, and from the last decisive one, which has a history on one side only. The last vote of
    all is not blind.
    """
    return [_vote(number, *row) for number, row in enumerate(_COUNTED)]


def stored_votes() -> list[Vote]:
    """What votes.csv holds: the counted votes and one on a repeated battle."""
    repeat = _vote(len(_COUNTED), QWEN, GLM, _B)
    return [*counted_votes(), replace(repeat, repeat_of="battle-0")]


def preferred_votes() -> list[Vote]:
    """What preferences.jsonl holds: each of these pairs was judged once."""
    return [vote for vote in counted_votes()[: _DECISIVE - 1] if not vote.leaked]


def elo(votes: Iterable[Vote]) -> dict[str, float]:
    """Elo as its book has it, from 1000 with K = 4."""
    points = {_A: 1.0, _B: 0.0, _TIE: 0.5, _BAD: 0.5}
    ratings = dict.fromkeys((QWEN, GLM, SMALL), 1000.0)
    for vote in votes:
        a, b = vote.battle.a.model.id, vote.battle.b.model.id
        gain = 4 * (points[vote.winner] - 1 / (1 + 10 ** ((ratings[b] - ratings[a]) / 400)))
        ratings[a] += gain
        ratings[b] -= gain
    return ratings


def points_apart(wins: float, losses: float) -> float:
    """The Bradley-Terry distance on Elo's scale of two models of which one meets nobody else."""
    return 400 * math.log10(wins / losses)


def write_exports(folder: Path) -> Path:
    """Logs the votes in `folder`, with a second one and a withdrawn one on top.

    The zip of all forms is unpacked into `out`, which is returned, and the votes are published into `published`.
    """
    votes = stored_votes()
    second = replace(votes[0], id="second", winner=_B)
    withdrawn = replace(votes[1], id="withdrawn", judge="judge-of-nobody")
    with VoteLog(log_path(folder / "data")) as log:
        for vote in (*votes, second, withdrawn):
            log.append(vote)
    withdraw(folder / "data", "withdrawn")
    export_bundle(VoteStore(folder / "data"), folder / "votes.zip")
    with zipfile.ZipFile(folder / "votes.zip") as bundle:
        bundle.extractall(folder / "out")
    (folder / "published").mkdir()
    write_publication(VoteStore(folder / "data"), Screening((), keep=[ALL]), folder / "published")
    return folder / "out"


def _vote(number: int, model_a: str, model_b: str, winner: Winner) -> Vote:
    text, other = (TEXTS[index % len(TEXTS)] for index in (2 * number, 2 * number + 1))
    prompt = TEXTS[(2 * number + 7) % (len(TEXTS) - 1)]
    battle = Battle(
        f"battle-{number}", prompt, make_side(model_a, text, new_tokens=number), make_side(model_b, other), blind=True
    )
    for name in SideName:
        apart = number == _DECISIVE - 1 and name is SideName.B
        history = _HISTORY if number % 3 == 1 and not apart else ()
        side = replace(battle.side(name), messages=(*history, Message("user", prompt)))
        battle = replace(battle, **{name.value: side})
    if number == len(_COUNTED) - 1:
        battle = replace(battle, blind=False)
    vote = make_vote(number, battle=battle, winner=winner, comment=text, language="Chinese", leaked=number == 2)
    return replace(vote, criteria={"correct": "a"}, any_right=number % 2 == 0, dwell=0.5 + number, may_publish=True)


LATE_ROWS, LATE_FROM = 12_500, 12_400
"""A log of this many votes has comments, rooms and repeats from there on only."""


def write_late_exports(folder: Path) -> Path:
    """The unpacked zip of a log whose comments come late: guessing from the first rows goes wrong."""
    rows = (to_row(_late_vote(number)) for number in range(LATE_ROWS))
    lines = "".join(csv_line(list(row.values())) for row in rows)
    (folder / "votes.csv").write_bytes(HEAD + lines.encode())
    export_bundle(VoteStore(folder), folder / "votes.zip")
    with zipfile.ZipFile(folder / "votes.zip") as bundle:
        bundle.extractall(folder / "out")
    return folder / "out"


def _late_vote(number: int) -> Vote:
    is_late = number >= LATE_FROM
    sides = (
        make_side(model, f"{model} says {number % 50}", new_tokens=number if is_late else None) for model in (QWEN, GLM)
    )
    battle = Battle(f"battle-{number}", f"Why {number % 50}?", *sides, blind=True)
    late = {"comment": f"NA, {number}", "room": "B7", "repeat_of": f"battle-{number - 1}", "any_right": number % 2 == 0}
    return make_vote(number, battle=battle, winner=_A, **(late if is_late else {}))

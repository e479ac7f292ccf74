"""Votes in the formats that rating programs (FastChat, evalica) and trainers (TRL, LLaMA-Factory) read."""

import json
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

from arena.exports.tables import Add
from arena.text import without_lone_surrogates
from arena.types import Battle, Message, SideName, Vote, Winner
from arena.votes.records import StoredVote, csv_line

CLEAN_BATTLE, PAIRS = "clean_battle.json", "pairs.csv"
_PAIRS_WINNERS = {Winner.MODEL_A: "left", Winner.MODEL_B: "right", Winner.TIE: "tie", Winner.BOTH_BAD: "tie"}


@contextmanager
def clean_battle(path: Path) -> Iterator[Add]:
    """Writes clean_battle.json for FastChat's rating scripts, without repeated battles."""
    with path.open("xb") as file:
        before = b"[\n"

        def add(stored: StoredVote) -> None:
            nonlocal before
            if not stored.vote.repeat_of:
                file.write(before + json_line(_clean_battle_entry(stored.vote)).rstrip())
                before = b",\n"

        yield add
        file.write(b"[]\n" if before == b"[\n" else b"\n]\n")


def _clean_battle_entry(vote: Vote) -> dict[str, Any]:
    battle = vote.battle
    sides = {name: battle.side(name) for name in SideName}
    return {
        "question_id": battle.id,
        **{f"model_{name}": side.model.id for name, side in sides.items()},
        "winner": vote.winner.value,
        "judge": vote.judge,
        **{f"conversation_{name}": [message.as_dict() for message in side.exchange] for name, side in sides.items()},
        "turn": battle.turn,
        "anony": battle.blind,
        "language": vote.language,
        "tstamp": vote.time,
    }


@contextmanager
def pairs_csv(path: Path) -> Iterator[Add]:
    """Writes pairs.csv for evalica, without repeated battles; both answers bad is a tie there."""
    with path.open("xb") as file:
        file.write(csv_line(["left", "right", "winner"]).encode())

        def add(stored: StoredVote) -> None:
            vote = stored.vote
            if not vote.repeat_of:
                cells = [vote.battle.a.model.id, vote.battle.b.model.id, _PAIRS_WINNERS[vote.winner]]
                file.write(csv_line(cells).encode())

        yield add


def json_line(value: Any) -> bytes:
    """The value as one line of JSON in UTF-8; a lone surrogate, which UTF-8 cannot represent, becomes U+FFFD."""
    import orjson

    try:
        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:
        return without_lone_surrogates(json.dumps(value, ensure_ascii=False) + "\n").encode()


# ---- preferences for training

TRL, LLAMA_FACTORY, DATASET_INFO = "preferences.jsonl", "llama_factory.jsonl", "dataset_info.json"

_LLAMA_FACTORY_INFO = {
    "preferences": {
        "file_name": LLAMA_FACTORY,
        "formatting": "sharegpt",
        "ranking": True,
        "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"},
    }
}
_ROLES = {"system": "system", "user": "human", "assistant": "gpt"}


class Reason(StrEnum):
    """Why a vote is left out; the first reason that applies counts."""

    EXCLUDED = "excluded"
    REPEATED = "repeated"
    NAMED = "named"
    LEAKED = "leaked"
    TIED = "tied"
    UNLIKE = "unlike"
    EQUAL = "equal"
    CUT = "cut"
    AGAIN = "again"
    DRAWN = "drawn"


class Preferences:
    """Finds for each prompt and pair of answers the answer that most raters preferred.

    Votes of `excluded` raters do not count. The texts are stored in a temporary file; memory holds a few bytes for each
    vote. `left_out` counts votes by reason; `pairs` is the number of pairs that `write` has written, `votes` the number
    of votes behind them.
    """

    def __init__(self, folder: Path, excluded: Collection[str] = ()) -> None:
        self.left_out: Counter[Reason] = Counter(dict.fromkeys(Reason, 0))
        self.pairs = self.votes = 0
        self._folder, self._excluded = folder, excluded
        self._texts = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed in __exit__
        # By pair, in the order of _texts: votes for its first answer and for its second.
        self._counts: dict[bytes, list[int]] = {}
        self._judged: set[bytes] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._texts.close()

    def add(self, stored: StoredVote) -> None:
        """Counts the vote for one answer of its pair, or as left out."""
        is_excluded = stored.vote.judge in self._excluded
        reason = Reason.EXCLUDED if is_excluded else _unfit(stored.vote) or self._count(stored.vote)
        if reason:
            self.left_out[reason] += 1

    def write(self) -> None:
        """Writes the files for TRL and LLaMA-Factory, with one row for each pair that has a majority."""
        info = json.dumps(_LLAMA_FACTORY_INFO, indent=2) + "\n"
        (self._folder / DATASET_INFO).write_text(info, encoding="utf-8")
        with (self._folder / TRL).open("xb") as trl, (self._folder / LLAMA_FACTORY).open("xb") as llama_factory:
            self._texts.seek(0)
            for line, counts in zip(self._texts, self._counts.values(), strict=True):
                if counts[0] == counts[1]:
                    self.left_out[Reason.DRAWN] += sum(counts)
                    continue
                prompt, *answers = json.loads(line)
                chosen, rejected = answers if counts[0] > counts[1] else reversed(answers)
                votes = {"votes_for": max(counts), "votes_against": min(counts)}
                chosen, rejected = ({"role": "assistant", "content": text} for text in (chosen, rejected))
                trl.write(json_line({"prompt": prompt, "chosen": [chosen], "rejected": [rejected], **votes}))
                turns = (*prompt, chosen, rejected)
                sharegpt = [{"from": _ROLES[turn["role"]], "value": turn["content"]} for turn in turns]
                rows = {"conversations": sharegpt[:-2], "chosen": sharegpt[-2], "rejected": sharegpt[-1]}
                llama_factory.write(json_line(rows))
                self.pairs += 1
                self.votes += sum(counts)

    def _count(self, vote: Vote) -> Reason | None:
        """Counts the vote; returns the reason if it is left out."""
        prompt = [message.as_dict() for message in _prompt(vote.battle)]
        answers = sorted((vote.battle.a.answer.text, vote.battle.b.answer.text))
        line = json_line([prompt, *answers])
        pair = blake2b(line, digest_size=16).digest()
        if vote.judge:
            key = blake2b(pair + vote.judge.encode("utf-8", "replace"), digest_size=16).digest()
            if key in self._judged:
                return Reason.AGAIN
            self._judged.add(key)
        if pair not in self._counts:
            self._counts[pair] = [0, 0]
            self._texts.write(line)
        winner = vote.battle.a if vote.winner is Winner.MODEL_A else vote.battle.b
        self._counts[pair][answers.index(winner.answer.text)] += 1
        return None


def _unfit(vote: Vote) -> Reason | None:
    """The reason if nothing can be learned from the vote."""
    answers = vote.battle.a.answer, vote.battle.b.answer
    texts = [answer.text.strip() for answer in answers]
    reasons = {
        Reason.REPEATED: bool(vote.repeat_of),
        Reason.NAMED: not vote.battle.blind,
        Reason.LEAKED: bool(vote.leaked),
        Reason.TIED: vote.winner not in (Winner.MODEL_A, Winner.MODEL_B),
        Reason.UNLIKE: not _prompt(vote.battle),
        Reason.EQUAL: texts[0] == texts[1],
        Reason.CUT: not all(texts) or any(answer.finish_reason != "stop" for answer in answers),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _prompt(battle: Battle) -> tuple[Message, ...]:
    """The prompt of both sides; () if they differ, or if user and assistant do not alternate."""
    messages = battle.a.messages or (Message("user", battle.prompt),)
    if battle.a.messages != battle.b.messages or not messages[-1].content.strip():
        return ()
    spoken = messages[1:] if messages[0].role == "system" else messages
    roles = ["user" if number % 2 == 0 else "assistant" for number in range(len(spoken))]
    alternates = len(spoken) % 2 == 1 and [message.role for message in spoken] == roles
    return messages if alternates else ()

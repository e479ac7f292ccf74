"""What the app does while it is killed: votes, withdrawals and answers, each up to its receipt.

As a program it reads from each line of standard input what to kill where, and says in a line how that ended.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from killed_at import Point, ready

from arena.answers import FILE_NAME, AnswerStore
from arena.backend import Backend
from arena.batch.plan import CellState, Plan
from arena.batch.run import Batch, Host
from arena.judging.ballots import Judgement
from arena.judging.room import Room
from arena.prompts import Prompt
from arena.types import Vote
from arena.votes.store import VoteStore
from backends.scripted import ScriptedBackend, scripted_spec
from commands.compose import compose
from commands.hosting import Hosting
from ui.arena.modes import Named
from ui.services import Services

Receive = Callable[[dict[str, Any]], None]
PROMPTS = tuple(Prompt(f"q{n}", "", {"en": "Q"}, f"第 {n} 题？", ("And then?",) if n == 2 else ()) for n in range(3))
RATER, OTHER = "anna", "ben"


def data_of(place: Path) -> Path:
    return place / "data"


def _furnish(place: Path) -> None:
    """The recorded answers that are rated, and the script of the model that a batch asks."""
    cells = [(prompt.id, prompt.text, model) for prompt in PROMPTS for model in ("one", "two")]
    keys = ("prompt_id", "prompt", "model", "response")
    lines = [json.dumps(dict(zip(keys, (*cell, f"{cell[2]}，{cell[1]}"), strict=True))) for cell in cells]
    (place / "answers.jsonl").write_text("\n".join(lines), encoding="utf-8")
    script = {"id": "m", "answers": [{"steps": [{"text": "回答 é"}]}]}
    (place / "model.json").write_text(json.dumps(script), encoding="utf-8")


@contextmanager
def opened(place: Path) -> Iterator[Services]:
    """The app on this folder, as app.py composes it; its logs are free again afterwards."""
    services = compose((), PROMPTS, Hosting(data_dir=data_of(place), answers=place / "answers.jsonl", is_local=True))
    try:
        yield services
    finally:
        services.ballots._log.close()  # type: ignore[union-attr]
        services.moderation._events.close()  # type: ignore[union-attr]


def room_of(services: Services, is_class: bool) -> Room:
    assert services.rooms
    return services.rooms.rooms[0] if is_class else services.rooms.main


def vote(room: Room, judge: str, winner: str = "model_a") -> dict[str, Any]:
    """The receipt of a vote on the rater's battle."""
    battle = room.assign(judge).battle
    assert battle
    cast = room.cast(battle.id, judge, Judgement(winner))
    return {"vote": cast.id, "judge": judge, "battle": battle.id, "winner": winner}


# ---- lives: what is there before, then what is done until the receipt


def _before(votes: int, place: Path, receive: Receive, is_class: bool = False) -> None:
    """This number of votes, by two raters."""
    with opened(place) as services:
        if is_class:
            assert services.rooms
            services.rooms.open(["q0", "q1", "q2"], 2)
        for number in range(votes):
            receive(vote(room_of(services, is_class), (RATER, OTHER)[number % 2]))


def _nothing(place: Path, receive: Receive) -> None:
    """An empty folder."""


def _vote(place: Path, receive: Receive, is_class: bool = False) -> None:
    with opened(place) as services:
        room = room_of(services, is_class)
        battle = room.assign(RATER).battle
        assert battle
        ready()
        cast = room.cast(battle.id, RATER, Judgement("model_b"))
        receive({"vote": cast.id, "judge": RATER, "battle": battle.id, "winner": "model_b"})


def change(services: Services, earlier: Vote, winner: str) -> dict[str, Any]:
    """The receipt of another vote of the rater on the battle, in a conversation with named models."""
    named = Named(PROMPTS, services.withdrawals, services.roster, services.ballots)
    chat = SimpleNamespace(turns=[earlier.battle])
    tab: Any = SimpleNamespace(chat=chat, vote=earlier, known_judge=earlier.judge, address="")
    named.cast(tab, Judgement(winner))
    return {"vote": tab.vote.id, "judge": RATER, "battle": earlier.battle.id, "winner": winner}


def votes_in(place: Path) -> list[Vote]:
    """The votes that count."""
    store = VoteStore(data_of(place))
    return [stored.vote for stored in store.stored(store.refresh().table)]


def _change(place: Path, receive: Receive) -> None:
    (earlier,) = votes_in(place)
    with opened(place) as services:
        ready()
        receive(change(services, earlier, "tie"))


def _withdraw(place: Path, receive: Receive) -> None:
    with opened(place) as services:
        code = services.withdrawals.code_of(RATER)
        ready()
        receive({"withdrawn": services.withdrawals.withdraw(code)})


def batch(place: Path, receive: Receive, begin: Callable[[], None] = ready) -> ScriptedBackend:
    """Asks a scripted model every prompt that has no answer yet; the backend knows what it was asked."""
    backend = ScriptedBackend(scripted_spec(place / "model.json"))

    def open_model(_: object) -> nullcontext[Backend]:
        return nullcontext(backend)

    with AnswerStore(data_of(place) / FILE_NAME) as store:
        running = Batch(Plan([backend.spec], PROMPTS), store, Host(open_model))
        begin()
        done: set[object] = set()
        for progress in running.run():
            for view in progress.cells:
                if view.state is CellState.DONE and view.cell.id not in done:
                    done.add(view.cell.id)
                    receive({"answers": [entry.key for entry in view.answers]})
    return backend


def _batch(place: Path, receive: Receive) -> None:
    batch(place, receive)


def _open_room(place: Path, receive: Receive) -> None:
    with opened(place) as services:
        assert services.rooms
        services.rooms.main.assign(RATER)
        ready()
        receive({"room": services.rooms.open(["q0", "q2"], 3).code})


def _torn(place: Path, receive: Receive) -> None:
    """A crash has left halves of a row and of an event."""
    _before(3, place, receive)
    for name in ("votes.csv", "events.jsonl"):
        path = data_of(place) / name
        data = path.read_bytes()
        with path.open("ab") as file:
            file.write(data[len(data) // 2 :][:100])


def _start(place: Path, receive: Receive) -> None:
    ready()
    with opened(place):
        pass


LIVES: dict[str, tuple[Callable[[Path, Receive], None], Callable[[Path, Receive], None]]] = {
    "first vote": (_nothing, _vote),
    "vote": (partial(_before, 2), _vote),
    "room's vote": (partial(_before, 3, is_class=True), partial(_vote, is_class=True)),
    "changed vote": (partial(_before, 1), _change),
    "withdrawal": (partial(_before, 5), _withdraw),
    "room": (_nothing, _open_room),
    "batch": (_nothing, _batch),
    "start": (_torn, _start),
}


# ---- the program


def _live(work: Callable[[Path, Receive], None], place: Path) -> None:
    """Does the work and writes down what it acknowledges, beside the folder: no power cut reaches that."""
    with place.with_suffix(".receipts").open("a", buffering=1, encoding="utf-8") as file:
        work(place, lambda receipt: print(json.dumps(receipt), file=file))


def _forked(work: Callable[[], None]) -> None:
    """Does the work in a process of its own, so that this one stays without threads and locks."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


def main() -> None:
    """Prepares a folder, and kills copies of it."""
    for line in sys.stdin:
        life, folder, at, death = json.loads(line)
        (before, work), place, prepared = LIVES[life], Path(folder), Path(folder).with_name("prepared")
        if not prepared.exists():
            prepared.mkdir()
            _furnish(prepared)
            _forked(partial(_live, before, prepared))
        shutil.copytree(prepared, place)
        shutil.copy(prepared.with_suffix(".receipts"), place.with_suffix(".receipts"))
        point = Point(place, at, death)
        was_killed = point.run(partial(_live, work, place))
        print(json.dumps([was_killed, point.calls]), flush=True)


if __name__ == "__main__":
    main()

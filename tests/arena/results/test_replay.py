"""A battle found again by its id among many, and asked again: the same texts, and whether the output is the same."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vote_samples import make_side, make_vote, rich_vote, withdraw

from arena.generation_config import GenerationConfig
from arena.results.replay import Obstacle, ask_again, find_vote, fingerprints, obstacle, same_until
from arena.types import Battle, Chunk, Message, SideName
from arena.votes import VoteLog, reader
from arena.votes.records import HEAD, csv_line
from arena.votes.rows import to_row
from arena.votes.store import VoteStore
from arena.votes.table import hashed

A, B = SideName.A, SideName.B


@pytest.fixture
def log(tmp_path):
    with VoteLog(tmp_path / "votes.csv") as log:
        yield log


def test_a_battle_is_found_with_the_same_texts_sides_and_settings(log):
    vote = replace(rich_vote('a\r\n"b", 中文'), repeat_of="")
    for number in range(3):
        log.append(make_vote(number))
    log.append(vote)
    result = find_vote(VoteStore(log.folder), vote.battle.id)
    for name in SideName:
        then, now = vote.battle.side(name), result.battle.side(name)
        assert (now.answer.text, now.messages, now.config) == (then.answer.text, then.messages, then.config)
        assert (now.model.id, now.model.revision, now.model.precision) == (
            then.model.id,
            then.model.revision,
            then.model.precision,
        )
        assert fingerprints(now) == fingerprints(then)
    assert (result.winner, result.battle.prompt) == (vote.winner, vote.battle.prompt)


def test_every_battle_is_found_wherever_its_row_stands(log, monkeypatch):
    monkeypatch.setattr(reader, "BLOCK", 1500)
    for number in range(20):
        log.append(make_vote(number, comment="two\nlines"))
    with VoteLog(log.folder / "votes.csv") as other:
        other.append(make_vote(20))
    store = VoteStore(log.folder)
    store.refresh()
    log.append(make_vote(21))
    for number in range(22):
        assert find_vote(store, f"battle-{number}").id == f"vote-{number}"


@pytest.mark.parametrize("battle_id", ["", "battle-9", "Battle-1", "' or 1"])
def test_what_nobody_voted_on_is_not_found(log, battle_id):
    log.append(make_vote(1))
    assert find_vote(VoteStore(log.folder), battle_id) is None


def test_the_first_of_two_votes_is_found_past_a_damaged_row(log):
    rows = [csv_line(list(to_row(make_vote(1, id=name, judge=name)).values())) for name in ("first", "second")]
    log.part.write_bytes(HEAD + b"no,vote\r\n" + "".join(rows).encode())
    assert find_vote(VoteStore(log.folder), "battle-1").id == "first"


def test_a_withdrawn_vote_is_known_to_ballots_and_not_replayed(log):
    log.append(make_vote(1))
    withdraw(log.folder, "vote-1")
    store = VoteStore(log.folder)
    assert store.vote_on("battle-1").id == "vote-1" and find_vote(store, "battle-1") is None


@pytest.mark.parametrize("looked_for", ["battle-2", "battle-1"])
def test_a_battle_with_the_same_hash_is_not_taken_for_another(log, monkeypatch, looked_for):
    log.append(make_vote(1))
    monkeypatch.setattr("arena.votes.store.hashed", lambda _: hashed(["battle-1"]))
    expected = "vote-1" if looked_for == "battle-1" else None
    for vote in (VoteStore(log.folder).vote_on(looked_for), find_vote(VoteStore(log.folder), looked_for)):
        assert (vote and vote.id) == expected


def test_fingerprints_can_be_made_again_elsewhere():
    side = make_side("m", "答案\n")
    messages, answer = fingerprints(side)
    assert answer == hashlib.sha256("答案\n".encode()).hexdigest()
    assert messages == hashlib.sha256(b'[["user", "Why?"]]').hexdigest()
    other = replace(side, messages=(Message("system", "Why?"),))
    assert fingerprints(other)[0] != messages


def like(stub, side, **changes):
    spec = {"id": side.model.id, "revision": side.model.revision, "precision": side.model.precision, **changes}
    return stub(None, **spec)


def test_only_the_same_weights_with_a_known_seed_are_asked_again(stub):
    side = make_side("m", "text")
    assert obstacle(side, like(stub, side)) is None
    assert obstacle(side, None) is Obstacle.NOT_HERE
    assert obstacle(replace(side, messages=()), like(stub, side)) is Obstacle.NOT_HERE
    for changes in ({"revision": "other"}, {"precision": "bf16"}):
        assert obstacle(side, like(stub, side, **changes)) is Obstacle.OTHER_WEIGHTS
    for config, expected in (
        (None, Obstacle.NO_SEED),
        (GenerationConfig(), Obstacle.NO_SEED),
        (GenerationConfig(temperature=0), None),
        (GenerationConfig(seed=0), None),
    ):
        assert obstacle(replace(side, config=config), like(stub, side)) is expected


def test_asking_again_sends_the_same_and_leaves_the_other_side_alone(stub):
    asked = []

    def play(messages, config):
        asked.append((tuple(messages), config))
        yield Chunk(text="ans")
        yield Chunk(text="wer", finish_reason="stop")

    battle = Battle("b", "Why?", make_side("m", "answer"), make_side("n", "other"))
    *_, last = ask_again(battle, {A: stub(play, id="m", revision="sha-m", precision="int4")})
    assert asked == [(battle.a.messages, battle.a.config)]
    assert (last.a.answer.text, last.a.answer.finish_reason) == ("answer", "stop")
    assert last.b == battle.b and battle.a.answer.text == "answer"


@given(st.text(alphabet="ab中", max_size=8), st.text(alphabet="ab中", max_size=8))
def test_texts_are_the_same_as_far_as_they_are(before, after):
    common = same_until(before, after)
    assert before[:common] == after[:common]
    assert common in (len(before), len(after)) or before[common] != after[common]

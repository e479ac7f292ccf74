"""Which votes are published, as what, and that they lead back to nobody."""

import csv
import io
from dataclasses import replace

import pytest
from vote_samples import log_path, make_vote, rich_vote, vote_between, withdraw

from arena.errors import InputError
from arena.events import EventLog, read_events
from arena.exports.publication import CARD, CSV, PARQUET, Reason, Screening, write_publication
from arena.types import Message, ModelSpec, Winner
from arena.votes import COLUMNS, VoteLog
from arena.votes.store import VoteStore

A, B = Winner.MODEL_A, Winner.MODEL_B


def agreed(number, prompt="q1", **changes):
    """A vote of a rater who agreed, on answers that only votes with the same prompt share."""
    return vote_between(number, "qwen-7b-chat", "chatglm3-6b@int4", A, prompt, may_publish=True, **changes)


@pytest.fixture
def published(tmp_path):
    """Logs votes, publishes them, and returns what was written and the rows of the CSV."""
    (tmp_path / "data").mkdir()

    def publish(*votes, keep=(), words=(), known=(), name="out"):
        with VoteLog(log_path(tmp_path / "data")) as log:
            for vote in votes:
                log.append(vote)
        (tmp_path / name).mkdir()
        screening = Screening(read_events(tmp_path / "data"), words, keep)
        result = write_publication(VoteStore(tmp_path / "data"), screening, tmp_path / name, known)
        text = (tmp_path / name / CSV).read_text(encoding="utf-8-sig")
        return result, list(csv.DictReader(io.StringIO(text, newline="")))

    return publish


def note(tmp_path, kind, *battles, judge=""):
    with EventLog(tmp_path / "data") as events:
        for battle in battles:
            events.append(kind, durable=True, battle=battle, judge=judge)


def prompts(rows):
    return [row["prompt"] for row in rows]


def test_only_votes_whose_rater_agreed_are_published(published):
    votes = [agreed(1), replace(agreed(2, "q2"), may_publish=False), replace(agreed(3, "q3"), may_publish=None)]
    result, rows = published(*votes)
    assert prompts(rows) == ["Why q1?"] and result.votes == 1
    assert result.left_out == {Reason.NO_CONSENT: 2, Reason.HIDDEN: 0, Reason.PERSONAL: 0}


def test_withdrawn_votes_are_not_published(published, tmp_path):
    withdraw(tmp_path / "data", "vote-1")
    assert prompts(published(agreed(1), agreed(2, "q2"))[1]) == ["Why q2?"]


@pytest.mark.parametrize(
    ("events", "words", "is_hidden"),
    [
        ([("hidden", "")], (), True),
        ([("hidden", ""), ("unhidden", "")], (), False),
        ([("reported", "one reader")], (), True),
        ([("reported", "one reader"), ("unhidden", "")], (), False),
        ([], ("why q1",), True),
    ],
)
def test_a_hidden_or_reported_battle_is_not_published(published, tmp_path, events, words, is_hidden):
    for kind, judge in events:
        note(tmp_path, kind, "battle-1", judge=judge)
    result, rows = published(agreed(1), agreed(2, "q2"), words=words)
    assert prompts(rows) == ["Why q2?"] if is_hidden else ["Why q1?", "Why q2?"]
    assert result.left_out[Reason.HIDDEN] == is_hidden


def test_what_a_hidden_battle_shows_is_published_with_no_other_battle(published, tmp_path):
    """The same answers for another rater, and a later turn of the same conversation."""
    note(tmp_path, "hidden", "battle-1")
    first, later = agreed(1), agreed(3, "q3")
    history = (*first.battle.a.messages[:0], Message("user", "Why q1?"), Message("assistant", "qwen-7b-chat on q1"))
    side = replace(later.battle.a, messages=(*history, *later.battle.a.messages))
    later = replace(later, battle=replace(later.battle, a=side))
    result, rows = published(first, agreed(2), later, agreed(4, "q4"))
    assert prompts(rows) == ["Why q4?"] and result.left_out[Reason.HIDDEN] == 3


@pytest.mark.parametrize("kind", ["hidden", "reported"])
def test_what_a_hidden_battle_shows_stays_hidden_after_its_vote_is_withdrawn(published, tmp_path, kind):
    note(tmp_path, kind, "battle-1", judge="one reader")
    withdraw(tmp_path / "data", "vote-1")
    result, rows = published(agreed(1), agreed(2), agreed(3, "q3"))
    assert prompts(rows) == ["Why q3?"] and result.left_out[Reason.HIDDEN] == 1


def test_what_a_hidden_battle_shows_stays_hidden_if_its_vote_is_a_second_one(published, tmp_path):
    """The rater's first vote on the battle counts, and an edited log shows other answers in the second one."""
    note(tmp_path, "hidden", "battle-1")
    second = agreed(2, "q2")
    second = replace(second, judge="j", battle=replace(second.battle, id="battle-1"))
    _, rows = published(agreed(1, judge="j"), second, agreed(3, "q2"), agreed(4, "q4"))
    assert prompts(rows) == ["Why q4?"]


def test_battles_with_findings_are_left_out_unless_the_host_keeps_them(published):
    votes = [agreed(1, comment="a.b@example.com"), agreed(2, "q2", comment="13800138000"), agreed(3, "q3")]
    result, rows = published(*votes)
    assert prompts(rows) == ["Why q3?"] and result.left_out[Reason.PERSONAL] == 2
    assert [(finding.battle, finding.column) for finding in result.findings] == [
        ("battle-1", "comment"),
        ("battle-2", "comment"),
    ]
    assert prompts(published(keep=["battle-2"], name="kept")[1]) == ["Why q2?", "Why q3?"]
    assert len(published(keep=["all"], name="all")[1]) == 3


def test_votes_that_are_not_published_anyway_are_not_listed(published, tmp_path):
    note(tmp_path, "hidden", "battle-1")
    secret = {"comment": "a.b@example.com"}
    result, _ = published(agreed(1, **secret), replace(agreed(2, "q2", **secret), may_publish=False), agreed(3, "q3"))
    assert result.findings == []


def test_ids_lead_to_no_receipt_and_to_no_other_publication(published):
    votes = [
        agreed(1, judge="j", room="B7"),
        agreed(2, "q2", judge="j", repeat_of="battle-1"),
        agreed(3, "q3", judge="k"),
    ]
    _, rows = published(*votes)
    first, second, third = rows
    assert first["judge"] == second["judge"] != third["judge"]
    assert second["repeat_of"] == first["question_id"] != second["question_id"]
    text = str(rows)
    assert not any(word in text for word in ("battle-", "vote-", "B7", "'j'", "'k'"))
    _, again = published(name="again")
    for name in ("judge", "question_id", "vote_id"):
        assert not {row[name] for row in rows} & {row[name] for row in again}


def test_the_time_is_the_day_and_the_rest_of_the_row_is_unchanged(published):
    vote = replace(rich_vote("text"), time=1_764_043_689.123)
    _, (row,) = published(vote)
    assert tuple(row) == COLUMNS and row["tstamp"] == "1764028800.0"
    known = {
        "response_b": "text!",
        "winner": "tie (bothbad)",
        "comment": "text",
        "dwell_s": "3.5",
        "may_publish": "True",
    }
    assert {name: row[name] for name in known} == known


def test_nothing_to_publish_is_refused_with_the_reasons(published, tmp_path):
    with pytest.raises(InputError, match="No vote may be published") as caught:
        published(replace(agreed(1), may_publish=False), agreed(2, comment="a.b@example.com"))
    assert "did not agree to publish it: 1" in str(caught.value) and "personal data: 1" in str(caught.value)
    assert not (tmp_path / "out" / CARD).exists() and not (tmp_path / "out" / PARQUET).exists()


def test_the_card_counts_and_names_licences_with_what_they_say_of_answers(published, tmp_path):
    spec = ModelSpec("", "", "", "", "", "", context_length=0)
    known = [
        replace(
            spec, id="qwen-7b-chat", licence="Tongyi Qianwen License Agreement", licence_url="https://qwen.example"
        ),
        replace(spec, id="chatglm3-6b", licence="GLM-Something", licence_url="https://glm.example"),
    ]
    published(
        agreed(1), agreed(2, "q2"), vote_between(3, "mine", "qwen-7b-chat", B, "q3", may_publish=True), known=known
    )
    text = (tmp_path / "out" / CARD).read_text(encoding="utf-8")
    assert "Votes: 3; raters: 3; 2025-11-24 to 2025-11-24 (UTC)" in text
    assert (
        "- `qwen-7b-chat`: [Tongyi Qianwen License Agreement](https://qwen.example): its output must not be used"
        in text
    )
    assert "- `chatglm3-6b@int4`: [GLM-Something](https://glm.example): unknown; read the licence" in text
    assert "- `mine`: unknown / 未知" in text
    for name in COLUMNS:
        assert f"`{name}`" in text


def test_a_vote_of_an_older_version_is_not_published(published):
    with pytest.raises(InputError, match="did not agree"):
        published(make_vote(1))

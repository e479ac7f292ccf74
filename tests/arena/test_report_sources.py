"""Where a report's votes come from: all parts of a log, tables of other people's, each text held once."""

import pytest
from report_samples import VOTES, vote

from arena.errors import InputError
from arena.report import Details, Sources, gather, read_sources, sources_in
from arena.report.document import make_document
from arena.report.formats.markdown import as_markdown
from arena.types import Winner
from arena.votes import VoteLog


def test_votes_are_read_from_all_parts_once(tmp_path):
    first, second = VoteLog(tmp_path / "votes.csv"), VoteLog(tmp_path / "votes.csv")
    first.append(VOTES[0])
    second.append(VOTES[1])
    found = read_sources(None, [tmp_path / "votes.csv", tmp_path / "votes-2.csv", tmp_path / "votes.csv"])
    assert {entry.id for entry in found.votes} == {"v1", "v2"} and found.duplicates == 0
    # As a shell sorts them: the second part comes first, and the first one brings it along again.
    found = read_sources(None, [tmp_path / "votes-2.csv", tmp_path / "votes.csv"])
    assert sorted(entry.id for entry in found.votes) == ["v1", "v2"]
    assert [entry.id for entry in read_sources(None, [tmp_path / "votes-2.csv"]).votes] == ["v2"]
    (tmp_path / "votes.csv").unlink()  # its holder has not written yet
    assert {entry.id for entry in sources_in(tmp_path).votes} == {"v2"}
    assert sources_in(tmp_path / "none") == Sources()
    with pytest.raises(InputError) as refused:
        read_sources(None, [tmp_path / "none.csv"])
    assert refused.value.code == "votes_missing"


def test_a_table_of_somebody_elses_with_little_in_it_makes_a_report(tmp_path):
    rows = ["question_id,model_a,model_b,winner,prompt_id,prompt", "1,x,y,model_a,p,Why?", "2,y,x,tie,p,Why?"]
    (tmp_path / "mine.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    found = gather(read_sources(None, [tmp_path / "mine.csv"]))
    assert (found.overall.first_wins, found.overall.ties) == (1, 1) and found.prompts[0].turns == ("Why?",)
    assert "(empty)" in as_markdown(make_document("en", found, Details()))


def test_votes_on_one_answer_share_its_text(tmp_path):
    with VoteLog(tmp_path / "votes.csv") as log:
        for number in range(3):
            log.append(vote(number, "q1", Winner.TIE))
    taken = read_sources(None, [tmp_path / "votes.csv"]).votes
    assert len(taken) == 3 and len({id(entry.battle.a) for entry in taken}) == 1

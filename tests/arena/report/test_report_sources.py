"""Where a report's votes come from: all parts of a log, copies of it, tables of other people's."""

import shutil
from dataclasses import replace

import pytest
from report_samples import VOTES, vote

from arena.errors import InputError
from arena.events import WITHDRAWN, EventLog
from arena.report.facts import Details
from arena.report.formats.markdown import as_markdown
from arena.report.gather import gather, read_sources
from arena.report.sections import make_document
from arena.types import Winner
from arena.votes import VoteLog


def votes_in(tmp_path, *files):
    store = read_sources(tmp_path, None, files or None).store
    votes = store.refresh()
    return sorted(stored.vote.id for stored in store.stored(votes.table)), votes.report


def test_votes_are_read_from_all_parts_once(tmp_path):
    first, second = VoteLog(tmp_path / "votes.csv"), VoteLog(tmp_path / "votes.csv")
    first.append(VOTES[0])
    second.append(VOTES[1])
    ids, report = votes_in(tmp_path, *(tmp_path / name for name in ("votes.csv", "votes-2.csv", "votes.csv")))
    assert ids == ["v1", "v2"] and report.duplicates == 0
    # As a shell sorts them: the second part comes first, and the first one brings it along again.
    assert votes_in(tmp_path, tmp_path / "votes-2.csv", tmp_path / "votes.csv")[0] == ["v1", "v2"]
    assert votes_in(tmp_path, tmp_path / "votes-2.csv")[0] == ["v2"]
    (tmp_path / "votes.csv").unlink()  # its holder has not written yet
    assert votes_in(tmp_path)[0] == ["v2"]
    assert votes_in(tmp_path / "none")[0] == []
    with pytest.raises(InputError) as refused:
        read_sources(tmp_path, None, [tmp_path / "none.csv"])
    assert refused.value.code == "votes_missing"


def raters(numbers, **changes):
    """Six votes of each of some raters."""
    return [vote(10 * n + at, "q1", Winner.MODEL_A, judge=f"j{n}", **changes) for n in numbers for at in range(6)]


def write(folder, votes):
    folder.mkdir()
    with VoteLog(folder / "votes.csv") as log:
        for item in votes:
            log.append(item)
    return folder / "votes.csv"


@pytest.mark.parametrize("judge", ["j", ""])
def test_a_copy_of_a_log_and_logs_that_overlap_count_once(tmp_path, judge):
    def votes(numbers):
        return raters(numbers) if judge else [replace(item, judge="") for item in raters(numbers)]

    item, other = write(tmp_path / "one", votes(range(30))), write(tmp_path / "other", votes(range(20, 40)))
    shutil.copytree(tmp_path / "one", tmp_path / "copy")
    copied = gather(read_sources(tmp_path, None, [item, tmp_path / "copy" / "votes.csv"]))
    assert (copied.overall.votes, copied.figures.left_out.duplicates) == (180, 180)
    overlapping = gather(read_sources(tmp_path, None, [item, other]))
    assert (overlapping.overall.votes, overlapping.figures.left_out.duplicates) == (240, 60)


def test_a_withdrawal_known_on_one_host_holds_for_the_other_hosts_copy(tmp_path):
    item = write(tmp_path / "one", raters(range(2)))
    shutil.copytree(tmp_path / "one", tmp_path / "copy")
    with EventLog(tmp_path / "one") as events:
        events.append(WITHDRAWN, durable=True, vote="v10")
    result = gather(read_sources(tmp_path, None, [tmp_path / "copy" / "votes.csv", item]))
    assert (result.overall.votes, result.figures.left_out.withdrawn) == (11, 2)


def test_votes_without_a_rater_are_one_raters_in_the_report_too(tmp_path):
    path = write(tmp_path / "one", [replace(item, judge="") for item in raters(range(20))])
    text = as_markdown(make_document("en", gather(read_sources(tmp_path, None, [path])), Details()))
    assert "Too early to call" in text and "by 1 rater " in text and "prefer glm" not in text


def test_a_table_of_somebody_elses_with_little_in_it_makes_a_report(tmp_path):
    rows = ["question_id,model_a,model_b,winner,prompt_id,prompt", "1,x,y,model_a,p,Why?", "2,y,x,tie,p,Why?"]
    (tmp_path / "mine.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    result = gather(read_sources(tmp_path, None, [tmp_path / "mine.csv"]))
    assert (result.overall.first_wins, result.overall.ties) == (1, 1) and result.prompts[0].prompt.turns == ("Why?",)
    assert "(empty)" in as_markdown(make_document("en", result, Details()))

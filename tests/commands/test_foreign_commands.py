"""results, report and export on files that other programs have saved, and on what is no file of votes."""

import csv
import json
import zipfile

import pytest
from foreign_files import rows_of, text_of
from served_app import run as run_program
from served_app import run_in_process
from vote_samples import vote_between

from arena.types import Winner

VOTES = [
    vote_between(number, "qwen", "glm", winner, "q1-clothes")
    for number, winner in enumerate([Winner.MODEL_A] * 7 + [Winner.MODEL_B] * 2 + [Winner.BOTH_BAD])
]


def run(folder, *arguments):
    return run_in_process(*arguments, folder=folder)


@pytest.fixture
def folder(tmp_path):
    """One log as the app writes it, one as Excel saves it where a semicolon stands between cells."""
    rows = rows_of(VOTES)
    (tmp_path / "app.csv").write_text(text_of(rows), "utf-8-sig", newline="")
    excel = [[cell.upper() if cell in ("True", "False") else cell for cell in row] for row in rows]
    (tmp_path / "excel.csv").write_text(text_of(excel, ";"), "utf-16", newline="")
    return tmp_path


def test_results_say_the_same(folder):
    output = [run(folder, "results", name, "--json") for name in ("app.csv", "excel.csv")]
    assert [item.returncode for item in output] == [0, 0] and output[0].stdout == output[1].stdout
    assert json.loads(output[1].stdout)["votes"] == 10


def test_exports_are_the_same(folder):
    for name in ("app", "excel"):
        done = run_program("export", f"{name}-out.csv", f"{name}.csv", folder=folder)
        assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "app-out.csv").read_bytes() == (folder / "excel-out.csv").read_bytes()
    assert (folder / "app-out.csv").read_bytes() == (folder / "app.csv").read_bytes()


def test_reports_are_the_same(folder):
    for name in ("app", "excel"):
        done = run(folder, "report", "--votes", f"{name}.csv", "--out", name, "--lang", "en")
        assert done.returncode == 0, done.stderr
    assert (folder / "app" / "report.md").read_text("utf-8") == (folder / "excel" / "report.md").read_text("utf-8")


def test_a_zip_of_an_export_goes_in_again(folder):
    assert run(folder, "export", "all.zip", "excel.csv").returncode == 0
    assert json.loads(run(folder, "results", "all.zip", "--json").stdout)["votes"] == 10
    assert run(folder, "export", "again.csv", "all.zip").returncode == 0
    assert (folder / "again.csv").read_bytes() == (folder / "app.csv").read_bytes()


@pytest.mark.parametrize("name", ["excel.csv", "all.zip"])
def test_an_export_does_not_replace_what_it_reads(folder, name):
    if name == "all.zip":
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.write(folder / "excel.csv", "votes.csv")
    before = (folder / name).read_bytes()
    done = run(folder, "export", f"../{folder.name}/{name}", name, "--json")
    assert (done.returncode, json.loads(done.stdout)["code"]) == (2, "export_into_log")
    assert (folder / name).read_bytes() == before


@pytest.mark.parametrize("command", [["results"], ["export", "out.csv"], ["report", "--votes"]])
@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        (
            "page.csv",
            "<html>Sign in</html>",
            "page.csv is a web page or XML, not CSV. Download the votes again, or save",
        ),
        ("notes.txt", "Some notes", "notes.txt has no column question_id. The first line of a vote file must name"),
        ("answers.jsonl", '{"model": "qwen"}', "answers.jsonl is JSON, not CSV. Name the votes.csv that this app"),
        ("empty.csv", "", "empty.csv is empty. Name another vote file."),
        ("none.csv", None, "none.csv does not exist. Name a vote file, or a folder that has a votes.csv."),
        ("*/none.csv", None, "*/none.csv does not exist. Name a vote file, or a folder that has a votes.csv."),
        (".", None, "The folder . has no votes.csv. Vote on the page first, or name a vote file."),
    ],
)
def test_what_is_no_vote_file_is_one_line_in_every_command(folder, command, name, content, line):
    if content is not None:
        (folder / name).write_text(content, "utf-8")
    done = run(folder, *command, name)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"Error: {line}")


@pytest.mark.parametrize("command", [["results"], ["export", "out.csv"]])
def test_a_data_folder_without_votes_is_one_line(folder, command):
    done = run(folder, *command, "--data-dir", "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: nowhere does not exist. Name a vote file")


@pytest.mark.parametrize("command", [["results"], ["export", "out.csv"], ["report", "--votes"]])
def test_damage_is_one_line(folder, command):
    rows = rows_of(VOTES)
    place = rows[0].index("conversation_a")
    for row in rows[2:4]:
        row[place] = row[place][:20]
    (folder / "cut.csv").write_text(text_of(rows), "utf-8-sig", newline="")
    done = run(folder, *command, "cut.csv")
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("Note: votes counted without their conversations or settings, which are damaged: 2 (the")
    assert "cut.csv, line 3, no JSON in conversation_a)" in line
    if command[0] == "export":
        with (folder / "out.csv").open(encoding="utf-8-sig", newline="") as file:
            assert [bool(row["conversation_a"]) for row in csv.DictReader(file)] == [True, False, False, *[True] * 7]

"""Workbooks: what is text stays text, and what a spreadsheet cannot hold goes elsewhere."""

import datetime
import zipfile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vote_samples import NASTY_TEXTS
from workbooks import in_excel, one_line_end, sheets

from arena.exports import tables
from arena.exports.tables import Column, workbook

LOOKALIKES = [
    "=1+1",
    '=HYPERLINK("http://example.org","x")',
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "-0.5",
    "@SUM(A1)",
    "＝1",
    "{=1}",
    "'quoted",
    "1/2",
    "3-4",
    "1-2",
    "2024-01-01",
    "12:30",
    "MARCH1",
    "SEPT2",
    "007",
    "1e5",
    "1,000",
    "50%",
    "$5",
    "TRUE",
    "#N/A",
    "#DIV/0!",
    "http://example.org",
    "mailto:a@example.org",
    "<r>a</r>",
    "<r><b>&</r>",
    "</t></is></c>",
    "]]>",
    "&amp;",
    "_x0041_",
    "_xD83D_",
]
TEXTS = [*NASTY_TEXTS, *LOOKALIKES]


def written(tmp_path, columns, rows):
    path = tmp_path / "out.xlsx"
    with workbook(path, "votes", columns) as add:
        for row in rows:
            add(row)
    return path


def cells(path):
    return [row[0] for row in openpyxl.load_workbook(path).active.iter_rows(min_row=2)]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_a_string_cell_with_that_text(tmp_path, text):
    (cell,) = cells(written(tmp_path, [Column("text")], [[text]]))
    shown = f"{text} " if text.startswith("<r>") else text  # which XlsxWriter would take for markup
    assert (cell.data_type, in_excel(cell.value), cell.hyperlink) == ("s", one_line_end(shown), None)
    assert cell.number_format == "@"  # so that it is still text when somebody has edited it


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]) | st.sampled_from("_x04D\r\n\t<>&\"'=")))
def test_any_text_comes_back(tmp_path_factory, text):
    (cell,) = cells(written(tmp_path_factory.mktemp("book"), [Column("text")], [[f"a{text}"]]))
    assert in_excel(cell.value) == one_line_end(f"a{text}")


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\x00b\x07\x1f", "a␀b␇␟"), ("\x0b\x0c", "␋␌"), ("\ufffe|\uffff", "\ufffd|\ufffd"), ("\ud800", "\ufffd")],
)
def test_a_character_that_xml_cannot_hold_is_shown_by_another(tmp_path, text, shown):
    assert [cell.value for cell in cells(written(tmp_path, [Column("text")], [[text]]))] == [shown]


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1", 1), ("0", 0), ("-0.5", -0.5), ("1e-05", 1e-05), ("1764000001.25", 1764000001.25), (" 12 ", 12), ("1_0", 10)],
)
def test_a_number_is_a_number(tmp_path, cell, value):
    (result,) = cells(written(tmp_path, [Column("n", "number")], [[cell]]))
    assert (result.data_type, result.value) == ("n", value)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1764000001.25", datetime.datetime(2025, 11, 24, 16, 0, 1, 250_000)),
        ("951782400", datetime.datetime(2000, 2, 29)),
        ("0.0", None),  # unknown
        ("-5", None),
        ("1e300", None),
    ],
)
def test_a_time_is_a_date_that_can_be_read(tmp_path, cell, value):
    columns = [Column("text"), Column("when", "time")]
    book = openpyxl.load_workbook(written(tmp_path, columns, [["x", cell]]))
    assert book.active["B2"].value == value
    assert value is None or (book.active["B2"].is_date and "yyyy" in book.active["B2"].number_format)


def test_an_empty_cell_is_no_cell(tmp_path):
    columns = [Column("a"), Column("b", "number"), Column("c", "time"), Column("d")]
    path = written(tmp_path, columns, [["", "", "", "x"]])
    assert sheets(path)["votes"][1:] == [[None, None, None, "x"]]
    assert b'r="A2"' not in zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml")


def test_the_header_is_bold_frozen_and_has_a_filter(tmp_path):
    columns = [Column(f"column {number}", width=number + 5) for number in range(40)]
    path = written(tmp_path, columns, [["x"] * 40] * 3)
    sheet = openpyxl.load_workbook(path).active
    assert [cell.value for cell in sheet[1]] == [column.name for column in columns]
    assert all(cell.font.b for cell in sheet[1]) and not sheet["A2"].font.b
    assert sheet.freeze_panes == "A2" and sheet.auto_filter.ref == "A1:AN4"
    assert sheet.column_dimensions["AN"].width > 44


def test_a_table_longer_than_a_sheet_goes_on_in_the_next_one(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "SHEET_ROWS", 4)
    path = written(tmp_path, [Column("n", "number")], [[str(number)] for number in range(7)])
    assert sheets(path) == {
        "votes": [["n"], [0], [1], [2]],
        "votes 2": [["n"], [3], [4], [5]],
        "votes 3": [["n"], [6]],
    }
    book = openpyxl.load_workbook(path)
    assert [sheet.auto_filter.ref for sheet in book] == ["A1:A4", "A1:A4", "A1:A2"]
    assert all(sheet.freeze_panes == "A2" for sheet in book)


def test_a_full_disk_is_told_as_it_is(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zipfile.ZipFile.write", full)
    with pytest.raises(OSError, match="No space left"), workbook(tmp_path / "out.xlsx", "votes", [Column("n")]) as add:
        add(["x"])

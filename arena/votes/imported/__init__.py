"""Reads files of votes that spreadsheets and other programs saved."""

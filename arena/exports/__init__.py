"""Exports of votes: exact, for spreadsheets, and in the formats of other programs."""

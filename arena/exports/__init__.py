"""Votes to take away: exact, for spreadsheets, and in the forms that other programs read."""

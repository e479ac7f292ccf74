"""Judging: which battles raters are shown, and how their votes are taken."""

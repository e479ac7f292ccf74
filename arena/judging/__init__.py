"""Battles put before raters, and what they say of them. Knows no page, and of raters only what may be stored."""

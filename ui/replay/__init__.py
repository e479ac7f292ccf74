"""One battle as it was judged: its texts, what made them, and the same asked again."""

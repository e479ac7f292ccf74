"""A report on two models from answers and votes, in Chinese or English, as Markdown, HTML or Word."""

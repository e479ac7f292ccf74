"""One module a part of the report: facts in, blocks out."""

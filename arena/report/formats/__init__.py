"""One module a format: blocks in, a file's contents out."""

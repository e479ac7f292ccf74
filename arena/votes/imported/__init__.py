"""Files of votes that people bring, as they are or saved again by another program."""

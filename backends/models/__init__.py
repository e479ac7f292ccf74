"""The models that can be named: the catalogue, checkpoint folders and files, and how a name becomes a ModelSpec."""

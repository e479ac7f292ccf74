"""Other engines measured on the same machine and shapes, each in a process of its own."""

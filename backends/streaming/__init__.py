"""What every runtime needs to stream answers: loading, queueing, context limits, decoding and usage."""

"""What every runtime needs to stream answers: decoding, context limits, a queue for slots, background loading."""

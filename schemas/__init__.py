"""The messages that chirp-worker reads and writes: models, topics, and what is generated from them."""

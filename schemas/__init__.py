"""The messages that chirp-worker reads and writes: models, topics, headers, and the schemas generated from them."""

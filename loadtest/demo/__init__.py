"""The demo: a script spoken on a local stack, from Kafka job to playable file."""

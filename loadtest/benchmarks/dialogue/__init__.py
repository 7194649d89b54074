"""How long a game server waits: a dialogue job's latency alone, beside a batch backlog, and where its time goes."""

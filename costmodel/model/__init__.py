"""One mapping to its cost: tiles, traffic, latency, energy; and the walk that checks it."""

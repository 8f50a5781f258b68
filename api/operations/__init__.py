"""What operators and their machines look at: metrics, health, and where a node spends its time. Not for clients."""

"""The benchmark harness: load at a rate, latency from the intended start, cost per request; targets and reports."""

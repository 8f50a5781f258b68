"""Who is in the cluster: one port, an adapter for each engine that knows."""

"""The Grafana dashboards, written down: what is shown and what it should look like. Their JSON is generated from it."""

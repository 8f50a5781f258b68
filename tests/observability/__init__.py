"""Dashboards and alert rules, held against what nodes really export and what Prometheus really makes of it."""

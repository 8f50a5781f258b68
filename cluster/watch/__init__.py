"""The fan-out of the change feed: each commit is read once and shared by all who follow its tenant."""

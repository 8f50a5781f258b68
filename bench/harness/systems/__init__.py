"""Systems that can be measured, each behind the same ports: how it is started, loaded and asked."""

"""The Helm chart (``ringward/``) and what is generated into it."""

"""Reports of a run: JSON for machines, Markdown for reviews, and a page with plots."""

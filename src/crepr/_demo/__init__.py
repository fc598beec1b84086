"""The demonstration: a script in Markdown, run block by block into a report."""

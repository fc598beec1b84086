"""Pixels and molecules on disk: sources, windows, batched reads."""

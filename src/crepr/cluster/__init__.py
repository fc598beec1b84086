"""Graphs of cells and their communities, on sparse matrices."""

"""Tests, scores and distances on arrays and tensors."""

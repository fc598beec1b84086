"""Batches on the device, training, trained models on disk."""

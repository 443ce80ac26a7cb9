"""Traces: from a published figure back to readings and batches, and forward again."""

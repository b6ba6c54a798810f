"""Peers ask whether their instances are safe here; the answer is read from index and disk."""

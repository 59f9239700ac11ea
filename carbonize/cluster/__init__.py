"""Batch systems: runs as jobs that go on by themselves."""

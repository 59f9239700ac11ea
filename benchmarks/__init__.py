"""Measurements that docs/benchmarks.md reports; not part of the package."""

"""Shortest-path rings, and the curvature that follows from them."""

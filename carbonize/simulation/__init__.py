"""Compiled molecular dynamics: state in, state out. Touches no file."""

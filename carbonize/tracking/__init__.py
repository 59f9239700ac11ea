"""Pores through time: which pore of one frame is which pore of the next, and what became of it."""

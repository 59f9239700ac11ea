"""Start structures: random packing, and bringing files into standard form."""

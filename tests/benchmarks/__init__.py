"""How fast it is, beside the bare driver and beside others, in one run: `make bench`."""

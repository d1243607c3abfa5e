"""Values in, decision out: no clock, no randomness, no input or output."""

"""One module for each technology, named after it."""

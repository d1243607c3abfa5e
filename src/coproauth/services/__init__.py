"""The use cases: load, decide, commit, then return or raise."""

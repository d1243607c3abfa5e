"""One module per web framework, the same verbs in each; none is imported from here."""

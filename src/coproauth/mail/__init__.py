"""How messages read: a message and its locale in, subject, text and HTML out."""

"""What the command ``coproauth`` can do: one module a subcommand, each with the four members of ``cli.Command``.

A module here is imported whenever the command runs, so that ``--help`` can list it; what costs time or belongs to an
extra (SQLAlchemy, Redis, uvicorn) is imported in the functions that need it.
"""

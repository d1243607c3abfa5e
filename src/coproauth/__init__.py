"""Activation, login, password reset and account switching for the co-owners of condominiums.

The public names are those of ``coproauth.public``. They are imported when the first of them is asked for, so that a
module of the package, the help of a command or the version comes without all the others.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from coproauth.public import *  # noqa: F403 - all of them
    from coproauth.public import __all__ as __all__
else:

    def __getattr__(name: str) -> object:
        return getattr(import_module("coproauth.public"), name)

"""``python -m coproauth`` is the command ``coproauth``."""

import sys

from coproauth.cli import main

if __name__ == "__main__":
    sys.exit(main())

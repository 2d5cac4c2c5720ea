"""`python -m cytotrial`: the same as the command `cytotrial`."""

import sys

from cytotrial.cli.app import main

if __name__ == "__main__":
    sys.exit(main())

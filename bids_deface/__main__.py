"""``python -m bids_deface``."""

import sys

from bids_deface.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

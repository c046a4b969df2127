"""``python -m natstui``."""

from __future__ import annotations

import sys

from natstui.cli import main

if __name__ == "__main__":
    sys.exit(main())

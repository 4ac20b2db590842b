"""``python -m serotone`` is the same as ``serotone``."""

import sys

from serotone.cli import main

sys.exit(main())

"""``python -m freqai_ext.guardian.sandbox``: the process behind :class:`freqai_ext.guardian.sandbox.Sandbox`."""

import sys

from freqai_ext.guardian.sandbox.process import main

if __name__ == "__main__":
    sys.exit(main())

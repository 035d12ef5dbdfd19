"""``python -m freqai_ext.replay``: the process behind :class:`freqai_ext.replay.ReplayExchange`."""

import sys

from freqai_ext.replay.process import main

if __name__ == "__main__":
    sys.exit(main())

"""``python -m freqai_ext.news.standins``: the process behind :class:`freqai_ext.news.standins.NewsStandIns`."""

import sys

from freqai_ext.news.standins.process import main

if __name__ == "__main__":
    sys.exit(main())

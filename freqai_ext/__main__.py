"""``python -m freqai_ext`` is ``freqai-ext``."""

from freqai_ext.cli.app import main

if __name__ == "__main__":
    main()

"""Guardian's features, now or recorded; a thin entry to freqai_ext.guardian.

As a program it polls and records them until it is interrupted, with the configuration of the sidecar, e.g. before
the bot is there: ``python user_data/freqai/data_providers/bybitbot_features.py -c config.json``. While the bot runs
it records by itself. FreqAI gets the recorded history through ``GuardianSidecarStrategy`` and ``GuardianMixin``.
"""

import sys

from freqai_ext.guardian.recorder import current_features as current_features
from freqai_ext.guardian.recorder import recorded_features as recorded_features

if __name__ == "__main__":
    from freqai_ext.cli.app import main

    sys.argv[1:1] = ["guardian", "record"]
    main()

"""``python -m freqai_ext.scaffold [ROOT]`` brings the generated files of the repository up to date."""

import sys
from pathlib import Path

from freqai_ext.scaffold.repository import write_repository

if __name__ == "__main__":
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path.cwd()
    if not (root / "freqai_ext").is_dir():
        sys.exit(f"{root}: not the root of the repository; run this there, or name it")
    for path in write_repository(root):
        sys.stdout.write(f"{path}\n")

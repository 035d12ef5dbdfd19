"""Project URLs and README of the distribution, as a package index shows them.

A build hook of hatchling, named in ``pyproject.toml``. A package index shows the README away from the repository, where
relative links lead nowhere. A release names the repository's address in ``FREQAI_EXT_REPOSITORY``, e.g.
``https://example.org/owner/freqai-ext``; then every link is absolute and the project's URLs are listed. Without it, as
in an installation from a clone, the README stays as it is.
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

VARIABLE = "FREQAI_EXT_REPOSITORY"
_LINK = re.compile(r"(\]\()(?!https?://|#|mailto:)([^)\s]+)(\))")


class IndexPageHook(MetadataHookInterface):
    """Fills in ``readme`` and ``urls``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Complete the metadata.

        Raises
        ------
        ValueError
            Where the address is not one of a web page.
        """
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        address = os.environ.get(VARIABLE, "").rstrip("/")
        if address:
            if not re.fullmatch(r"https://[^\s/]+/\S+", address):
                raise ValueError(f"{VARIABLE}: {address!r} is not valid; write it like https://example.org/owner/name")
            metadata["urls"] = {
                "Repository": address,
                "Documentation": f"{address}/tree/main/docs",
                "Issues": f"{address}/issues",
                "Changelog": f"{address}/commits/main",
            }
            text = absolute_links(text, f"{address}/blob/main/")
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def absolute_links(text: str, base: str) -> str:
    """Return Markdown whose relative links begin with ``base``."""
    return _LINK.sub(lambda match: f"{match[1]}{base}{match[2]}{match[3]}", text)

"""The FreqAI models that a configuration can name."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from freqai_ext.errors import SettingsError
from freqai_ext.evaluation.contender import Contender

_CLASS: Final = re.compile(r"^class (\w+)\(", re.MULTILINE)


def stock_models() -> frozenset[str]:
    """Return the names of the models that come with Freqtrade."""
    from freqtrade.resolvers.freqaimodel_resolver import FreqaiModelResolver

    return frozenset(path.stem for path in _python_files(FreqaiModelResolver.initial_search_path))


def known_models(config: dict[str, Any]) -> frozenset[str]:
    """Return the names of all models that Freqtrade finds with ``config``: its own and those of the user directory.

    The files are read, not imported, so that one that cannot be imported hides no other.
    """
    from freqtrade.resolvers.freqaimodel_resolver import FreqaiModelResolver

    folders = FreqaiModelResolver.build_search_paths(config, FreqaiModelResolver.user_subdir)
    texts = [path.read_text(encoding="utf-8") for folder in folders for path in _python_files(folder)]
    return frozenset(name for text in texts for name in _CLASS.findall(text) if not name.startswith("_"))


def refuse_unknown(contenders: Iterable[Contender], config: dict[str, Any]) -> None:
    """Raise a :class:`SettingsError` that lists the known models where a contender names none of them."""
    known = known_models(config)
    unknown = sorted({contender.freqaimodel for contender in contenders} - known)
    if unknown:
        raise SettingsError(
            f"--models: {', '.join(unknown)} not found; known are {', '.join(sorted(known))}. Put your own into "
            f"{config['user_data_dir']}/freqaimodels; freqai-ext init puts those of freqai_ext there"
        )


def _python_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.py") if not path.stem.startswith("_"))

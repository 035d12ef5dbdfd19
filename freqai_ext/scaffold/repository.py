"""The generated files of the project's repository: what ``init`` writes, and the settings reference."""

from pathlib import Path

from freqai_ext._files import write_atomically
from freqai_ext.scaffold.reference import settings_reference
from freqai_ext.scaffold.starting_config import (
    TradingMode,
    hybrid_config,
    hyper_config,
    render_json,
    sidecar_config,
    starting_config,
)
from freqai_ext.scaffold.userdir import class_files

_TRADING_MODES: tuple[TradingMode, ...] = ("spot", "futures")


def repository_files() -> dict[str, str]:
    """Return path below the repository root -> content, of every generated file."""
    return {
        **{f"user_data/{path}": source for path, source in class_files().items()},
        **{f"configs/freqai_ext_{mode}.json": render_json(starting_config(mode)) + "\n" for mode in _TRADING_MODES},
        **{f"configs/freqai_hyper_{mode}.json": render_json(hyper_config(mode)) + "\n" for mode in _TRADING_MODES},
        "configs/guardian_sidecar/config.json": render_json(sidecar_config()) + "\n",
        "configs/graphiti_hybrid.json": render_json(hybrid_config()) + "\n",
        "docs/configuration.md": settings_reference(),
    }


def write_repository(root: Path) -> tuple[Path, ...]:
    """Write the generated files below ``root`` and return those that changed."""
    changed = []
    for relative, text in repository_files().items():
        path = root / relative
        if not path.exists() or path.read_bytes() != text.encode():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text)
            changed.append(path)
    return tuple(changed)

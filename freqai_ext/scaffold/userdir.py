"""Fills a Freqtrade user directory with the package's classes and configurations to start from."""

from dataclasses import dataclass
from pathlib import Path

from freqai_ext._files import write_atomically
from freqai_ext.errors import ScaffoldError
from freqai_ext.scaffold.data_provider import DATA_PROVIDER_PATH, DATA_PROVIDER_SOURCE
from freqai_ext.scaffold.files import back_up
from freqai_ext.scaffold.starting_config import (
    TradingMode,
    hybrid_config,
    hyper_config,
    render_json,
    sidecar_config,
    starting_config,
)
from freqai_ext.scaffold.thin_class import CLASS_PACKAGES, discover_classes

_CONFIG_NAMES: dict[TradingMode, str] = {
    "spot": "config_freqai_ext.json",
    "futures": "config_freqai_ext_futures.json",
}
_HYPER_CONFIG_NAMES: dict[TradingMode, str] = {
    "spot": "config_freqai_hyper.json",
    "futures": "config_freqai_hyper_futures.json",
}
SIDECAR_CONFIG_NAME = "config_guardian_sidecar.json"
HYBRID_CONFIG_NAME = "config_graphiti_hybrid.json"


@dataclass(frozen=True)
class ScaffoldReport:
    """What :func:`init_userdir` did, file by file.

    Parameters
    ----------
    userdir
        The user directory.
    config
        The starting configuration in it.
    written
        Files that were new, or replaced under ``force``.
    unchanged
        Files that already had the wanted content.
    refused
        Files with other content, left as they were.
    backups
        Copies of the files replaced under ``force``.
    """

    userdir: Path
    config: Path
    written: tuple[Path, ...]
    unchanged: tuple[Path, ...]
    refused: tuple[Path, ...]
    backups: tuple[Path, ...]


def class_files() -> dict[str, str]:
    """Return path below a user directory -> source, of every thin class and the entry to Guardian's features."""
    return {
        **{
            f"{folder}/{thin.file_name}": thin.source
            for folder, package in CLASS_PACKAGES.items()
            for thin in discover_classes(package)
        },
        DATA_PROVIDER_PATH: DATA_PROVIDER_SOURCE,
    }


def init_userdir(userdir: Path, *, trading_mode: TradingMode = "spot", force: bool = False) -> ScaffoldReport:
    """Write the thin classes and starting configurations into ``userdir``.

    Parameters
    ----------
    userdir
        A Freqtrade user directory; created, with the folders Freqtrade expects, where it does not exist.
    trading_mode
        ``"spot"`` writes ``config_freqai_ext.json``, for models that give odds ``config_freqai_hyper.json``, for the
        Guardian sidecar ``config_guardian_sidecar.json`` and for news ``config_graphiti_hybrid.json``; ``"futures"``
        writes the first two, with ``_futures`` in their names.
    force
        Replace files that have other content, each after a copy to ``<name>.bak``. Otherwise they are left alone.

    Raises
    ------
    ScaffoldError
        A file or folder cannot be written, or stands where the other should.
    """
    config_name = _CONFIG_NAMES[trading_mode]
    contents = {
        **class_files(),
        config_name: render_json(starting_config(trading_mode)) + "\n",
        _HYPER_CONFIG_NAMES[trading_mode]: render_json(hyper_config(trading_mode)) + "\n",
    }
    if trading_mode == "spot":
        contents[SIDECAR_CONFIG_NAME] = render_json(sidecar_config()) + "\n"
        contents[HYBRID_CONFIG_NAME] = render_json(hybrid_config()) + "\n"
    written, unchanged, refused, backups = [], [], [], []
    _create_folders(userdir)
    for relative, text in contents.items():
        path = userdir / relative
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                write_atomically(path, text)
                written.append(path)
            elif path.read_bytes() == text.encode():
                unchanged.append(path)
            elif force:
                backups.append(back_up(path))
                write_atomically(path, text)
                written.append(path)
            else:
                refused.append(path)
        except OSError as error:
            raise ScaffoldError(f"{path}: cannot be written ({error.strerror}); make room for this file") from error
    return ScaffoldReport(
        userdir, userdir / config_name, tuple(written), tuple(unchanged), tuple(refused), tuple(backups)
    )


def _create_folders(userdir: Path) -> None:
    from freqtrade.configuration.directory_operations import create_userdata_dir
    from freqtrade.exceptions import OperationalException

    try:
        create_userdata_dir(str(userdir), create_dir=True)
    except OperationalException as error:
        raise ScaffoldError(str(error)) from error
    except OSError as error:
        raise ScaffoldError(
            f"{userdir}: cannot be used as a user directory ({error.strerror}); name a folder that you may write to"
        ) from error

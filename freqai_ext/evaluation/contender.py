"""Who is compared: a FreqAI model under a label, with the settings in which it differs."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from freqai_ext._settings import Settings, parse_settings
from freqai_ext.errors import SettingsError

_LABEL: Final = re.compile(r"[A-Za-z0-9][\w .()+-]*")
_SECTIONS: Final = ("freqai", "freqai_ext")


@dataclass(frozen=True)
class Contender:
    """A FreqAI model that is evaluated.

    Attributes
    ----------
    label
        What it is called in tables and charts.
    freqaimodel
        Class name of the model, as ``--freqaimodel`` takes it.
    strategy
        Class name of its strategy, where it has one of its own.
    config
        Settings in which it differs: sections ``freqai`` and ``freqai_ext``, merged over the user's. Its
        ``model_training_parameters`` take the place of the user's, since they are those of one library.
    """

    label: str
    freqaimodel: str
    strategy: str | None = None
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        """The label as it stands in file names."""
        return re.sub(r"[^\w.-]+", "-", self.label).strip("-")


class ContenderSettings(Settings):
    """One entry of a file of contenders.

    Attributes
    ----------
    freqaimodel
        Class name of the model.
    strategy
        Class name of its strategy, where it differs from ``--strategy``.
    config
        Sections ``freqai`` and ``freqai_ext``, merged over the user's configuration.
    """

    freqaimodel: str
    strategy: str | None = None
    config: dict[str, Any] = Field(default_factory=dict)


def parse_contenders(models: Iterable[str], file: Path | None = None) -> tuple[Contender, ...]:
    """Return the contenders of ``--models`` and those of a file, in this order.

    Parameters
    ----------
    models
        Items ``Model`` or ``Label=Model``; an item may hold several, separated by commas.
    file
        JSON, in which comments are allowed: ``{"label": {"freqaimodel": "…", "config": {…}}, …}``.

    Raises
    ------
    SettingsError
        Where there is none, an entry is not valid, or two have the same label.
    """
    items = [item.strip() for text in models for item in text.split(",") if item.strip()]
    contenders = [_named(item) for item in items] + (_read(file) if file else [])
    if not contenders:
        raise SettingsError("--models: none named; write --models LightGBMRegressor,CatboostRegressor")
    known: dict[str, str] = {}
    for contender in contenders:
        if (other := known.setdefault(contender.slug.lower(), contender.label)) is not contender.label:
            raise SettingsError(
                f"--models: '{other}' and '{contender.label}' would share their files; give each a label of its own, "
                "Label=Model"
            )
    return tuple(contenders)


def _named(item: str) -> Contender:
    label, _, model = item.rpartition("=")
    if not model.strip() or (not label and "=" in item):
        raise SettingsError(f"--models: '{item}' is not valid; write Model or Label=Model")
    return Contender(_checked((label or model).strip(), "--models"), model.strip())


def _read(file: Path) -> list[Contender]:
    from freqtrade.configuration.load_config import load_config_file
    from freqtrade.exceptions import FreqtradeException

    if not file.is_file():
        raise SettingsError(f"--contenders: {file} does not exist; name a JSON file")
    try:
        content = load_config_file(str(file))
    except FreqtradeException as error:
        raise SettingsError(f"--contenders: {file} is no JSON; {error}") from error
    if not isinstance(content, dict):
        raise SettingsError(f'--contenders: {file} is no object; write {{"label": {{"freqaimodel": "…"}}}}')
    return [_entry(str(label), raw) for label, raw in content.items()]


def _entry(label: str, raw: object) -> Contender:
    path = f"contenders.{label}"
    entry = parse_settings(ContenderSettings, raw, path)
    for section, value in entry.config.items():
        if section not in _SECTIONS:
            raise SettingsError(
                f"{path}.config.{section}: not valid; a contender may differ in {' and '.join(_SECTIONS)}, so that all "
                "are scored on the same candles"
            )
        if not isinstance(value, dict):
            raise SettingsError(f"{path}.config.{section}: not an object; write {{...}}")
    if "identifier" in entry.config.get("freqai", {}):
        raise SettingsError(
            f"{path}.config.freqai.identifier: not valid; it is derived from the configuration's and the label, "
            "so leave it out"
        )
    return Contender(_checked(label, "contenders"), entry.freqaimodel, entry.strategy, entry.config)


def _checked(label: str, path: str) -> str:
    if not _LABEL.fullmatch(label):
        raise SettingsError(
            f"{path}: the label {label!r} is not valid; use letters, digits, spaces and any of _ . ( ) + -, "
            "a letter or digit first"
        )
    return label

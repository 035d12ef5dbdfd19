"""Fitted objects that can be saved as JSON and are checked when they come back."""

from collections.abc import Mapping
from typing import Any, Self

from freqai_ext._settings import Settings, parse_settings
from freqai_ext.errors import SettingsError


class Saved(Settings):
    """Base of fitted objects: immutable numbers, and no pickle."""

    def state(self) -> dict[str, Any]:
        """Return everything needed to restore the object, as JSON has it."""
        return {"kind": type(self).__name__, **self.model_dump(mode="json")}

    @classmethod
    def from_state(cls, state: object) -> Self:
        """Return the object that :meth:`state` describes.

        Raises
        ------
        SettingsError
            If the state is of another kind, or a value is missing or impossible.
        """
        name = cls.__name__
        kind = state.get("kind") if isinstance(state, Mapping) else None
        if not isinstance(state, Mapping) or kind != name:
            raise SettingsError(f"{name}.kind: {kind!r} is not valid; give a state of {name}")
        values = {key: value for key, value in state.items() if key != "kind"}
        # Here the defaults, which stand for what is not fitted, must not fill a gap.
        if absent := sorted(cls.model_fields.keys() - values.keys()):
            raise SettingsError(f"{name}.{absent[0]}: missing; the state is not complete, so save it again")
        return parse_settings(cls, values, name)

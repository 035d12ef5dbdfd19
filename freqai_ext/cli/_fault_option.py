"""The option ``--fault`` of the commands that run stand-ins."""

from freqai_ext.errors import SettingsError


def fault_settings(text: str, now_s: float) -> dict[str, object]:
    """Return the settings of the fault that a command line names: its kind, and others behind a colon.

    ``after_s`` and ``for_s`` are seconds from ``now_s`` (UTC seconds) to its begin, and from there to its end.

    Raises
    ------
    SettingsError
        If a setting has no value, or a time is no number.
    """
    kind, _, rest = text.partition(":")
    given: dict[str, str] = {"kind": kind.strip()}
    for part in filter(None, rest.split(",")):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise SettingsError(f"--fault: {part!r} is not valid; write a setting and its value, such as seconds=3")
        given[name] = value
    after, lasts = given.pop("after_s", ""), given.pop("for_s", "")
    window: dict[str, float] = {}
    if after or lasts:
        window["start_s"] = now_s + _seconds("after_s", after or "0")
    if lasts:
        window["end_s"] = window["start_s"] + _seconds("for_s", lasts)
    return {**given, **window}


def _seconds(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingsError(f"--fault: {name} {text!r} is not valid; write seconds, such as {name}=60") from None

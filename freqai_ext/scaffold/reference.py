"""The settings reference of the documentation, written from the settings classes themselves."""

import inspect
import json
import re
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from freqai_ext._settings import Settings
from freqai_ext.config import SECTION, ExtSettings
from freqai_ext.scaffold.starting_config import render_json, starting_config

_INTRODUCTION = """\
# Configuration

freqai_ext reads one section of the Freqtrade configuration, `freqai_ext`, which stands beside `freqai`. Every
setting has a default, so the section may be left out. An unknown key is an error that names the closest known one;
a wrong value is an error that names the path, the value and the rule. Environment variables work as for every other
key of Freqtrade: `FREQTRADE__FREQAI_EXT__STRATEGY__LEVERAGE=2`. [Secrets](secrets.md) have variables and files of
their own, which Freqtrade neither prints nor stores.

`freqai-ext init` writes a complete configuration, in which the section reads:

```json
{example}
```

`freqai-ext doctor -c config.json` checks a configuration, this section included.

The tables below are generated from the settings classes: `python -m freqai_ext.scaffold` writes this page.
"""


def settings_reference() -> str:
    """Return the page ``docs/configuration.md`` (Markdown): path, type, default and meaning of every setting."""
    section = {SECTION: starting_config("spot")[SECTION]}
    parts = [_INTRODUCTION.replace("{example}", render_json(section))]
    for path, settings in _sections(ExtSettings, SECTION):
        rows = list(_rows(settings, path))
        if rows:
            summary = _as_markdown((inspect.getdoc(settings) or "").splitlines()[0])
            header = ["| Setting | Type | Default | Meaning |", "| --- | --- | --- | --- |"]
            parts.append("\n".join([f"## `{path}`", "", summary, "", *header, *rows, ""]))
    return "\n".join(parts)


def meanings(settings: type[Settings]) -> dict[str, str]:
    """Return what each setting means: the ``Attributes`` of the class's NumPy-style docstring, as Markdown."""
    _, _, attributes = (inspect.getdoc(settings) or "").partition("Attributes\n----------\n")
    found: dict[str, list[str]] = {}
    for line in attributes.splitlines():
        if line.startswith(" ") and found:
            found[list(found)[-1]].append(line.strip())
        elif line:
            found[line.strip()] = []
    return {name: _as_markdown(" ".join(lines)) for name, lines in found.items()}


def _as_markdown(text: str) -> str:
    return re.sub(r"(?::\w+:)?`+~?([^`]+)`+", r"`\1`", text).replace("`None`", "`null`")


def _sections(settings: type[Settings], path: str) -> Iterator[tuple[str, type[Settings]]]:
    yield path, settings
    for name, field in settings.model_fields.items():
        if inner := _section_class(field):
            yield from _sections(inner, f"{path}.{name}")
        elif element := _element_class(field):
            yield from _sections(element, f"{path}.{name}[]")


def _rows(settings: type[Settings], path: str) -> Iterator[str]:
    meaning = meanings(settings)
    for name, field in settings.model_fields.items():
        if not _section_class(field):
            cells = (f"`{path}.{name}`", _type(field), _default(field), meaning.get(name, ""))
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _section_class(field: FieldInfo) -> type[Settings] | None:
    annotation = field.annotation
    return annotation if _is_section(annotation) else None


def _element_class(field: FieldInfo) -> type[Settings] | None:
    """Return the section that each element of a list is."""
    arguments = get_args(field.annotation) if get_origin(field.annotation) is tuple else ()
    return arguments[0] if arguments and _is_section(arguments[0]) else None


def _is_section(annotation: Any) -> TypeGuard[type[Settings]]:
    return isinstance(annotation, type) and issubclass(annotation, Settings)


def _type(field: FieldInfo) -> str:
    return ", ".join(filter(None, [_type_name(field.annotation), _bounds(field.metadata)]))


def _type_name(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        constraints = arguments[1].metadata if isinstance(arguments[1], FieldInfo) else arguments[1:]
        return " ".join(filter(None, [_type_name(arguments[0]), _bounds(constraints)]))
    if origin is Literal:
        *most, last = (f"`{json.dumps(choice)}`" for choice in arguments)
        return f"{', '.join(most)} or {last}" if most else last
    if origin in (Union, types.UnionType):
        return " or ".join(_type_name(argument) for argument in arguments)
    if origin is tuple:
        return f"list of {'objects' if _is_section(arguments[0]) else _type_name(arguments[0])}"
    if origin is dict:
        return "object"
    if _is_section(annotation):
        return "object"
    names = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
    names |= {SecretStr: "secret", Path: "path"}
    return names[annotation]


def _bounds(constraints: Iterable[Any]) -> str:
    signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
    return " and ".join(
        f"{sign} {getattr(constraint, name):g}"
        for constraint in constraints
        for name, sign in signs.items()
        if hasattr(constraint, name)
    )


def _default(field: FieldInfo) -> str:
    return "required" if field.is_required() else f"`{json.dumps(field.get_default(call_default_factory=True))}`"

"""The thin classes that make the package's models and strategies visible to Freqtrade.

Freqtrade finds classes by reading the files of a folder: a file counts when its text contains ``class NAME(`` and
the class is *defined* in it. So each of our classes needs a file that derives from it under the same name.
"""

import ast
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

CLASS_PACKAGES: Final = {"strategies": "freqai_ext.strategies", "freqaimodels": "freqai_ext.models"}
"""Folder of a user directory: package whose classes it receives."""

_CLASS_FILE: Final = re.compile(r"([A-Z][A-Za-z0-9]*)\.py")


@dataclass(frozen=True)
class ThinClass:
    """A class of the package as Freqtrade wants to find it.

    Parameters
    ----------
    name
        Name of the class, and of the module that defines it.
    package
        Package of that module, e.g. ``"freqai_ext.models"``.
    summary
        First line of the class's docstring.
    """

    name: str
    package: str
    summary: str

    @property
    def file_name(self) -> str:
        """Name of the file that holds :attr:`source`."""
        return f"{self.name}.py"

    @property
    def source(self) -> str:
        """Python source of the thin class."""
        module = f"{self.package}.{self.name}"
        return (
            f'"""``{self.name}`` of freqai_ext, at the place where Freqtrade looks for it."""\n\n'
            f"from {module} import {self.name} as _Base\n\n\n"
            f"class {self.name}(_Base):\n"
            f'    """{self.summary}"""\n'
        )


def discover_classes(package: str) -> tuple[ThinClass, ...]:
    """Return the classes that ``package`` offers to Freqtrade, by name.

    A module offers a class when both have the same CamelCase name. The modules are read, not imported: model
    modules import their machine-learning libraries.
    """
    found = []
    for module in files(package).iterdir():
        if match := _CLASS_FILE.fullmatch(module.name):
            summary = _class_summary(module.read_text(encoding="utf-8"), match[1])
            if summary is not None:
                found.append(ThinClass(match[1], package, summary))
    return tuple(sorted(found, key=lambda thin: thin.name))


def _class_summary(source: str, name: str) -> str | None:
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return (ast.get_docstring(node) or f"{name} of freqai_ext.").splitlines()[0]
    return None

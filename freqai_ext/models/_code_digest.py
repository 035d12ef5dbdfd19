"""A digest of the code that makes features and targets.

Two versions of a strategy may give columns of the same names and other contents. The digest covers what FreqAI's hooks
reach: their instructions, the functions, constants, attributes and hyperopt parameters that they name, in the
strategy's file, its base classes and the modules beside it. It leaves out comments, docstrings, and what only decides
on trades: an exit rule or the parameters of the buy space do not change it, unless a feature depends on them. Installed
libraries count by name.
"""

import dis
import functools
import hashlib
import importlib.util
import inspect
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

from freqtrade.strategy.parameters import BaseParameter

if TYPE_CHECKING:
    from freqtrade.strategy import IStrategy

_HOOKS = (
    "feature_engineering_expand_all",
    "feature_engineering_expand_basic",
    "feature_engineering_standard",
    "set_freqai_targets",
)
# Objects of Freqtrade's on each strategy. Settings are compared by themselves.
_NOT_CODE = frozenset(("config", "dp", "ext_settings", "freqai", "freqai_info", "wallets"))
_NOT_SETTINGS = frozenset(("datadir", "db_url", "runmode", "strategy", "timerange", "user_data_dir"))
_OWN_CODE = ("freqai_ext.features", "freqai_ext.labels", "freqai_ext.strategies")
_CLASS_FRAME = frozenset(
    ("__annotations__", "__dict__", "__doc__", "__file__", "__firstlineno__", "__module__", "__source__", "__weakref__")
)
_STDLIB = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib"))


def strategy_digest(strategy: "IStrategy") -> str:
    """Return the digest of what makes the features and targets of a loaded strategy."""
    walk = _Walk(strategy)
    for hook in _HOOKS:
        walk.add_attribute(hook)
    for informative, function in getattr(strategy, "_ft_informative", ()):
        walk.add((informative.asset, informative.timeframe, function))
    # What stands before ``self.freqai.start`` may add columns that features and targets are made of.
    first = next(_attribute_names(type(strategy).populate_indicators), "freqai")
    if first != "freqai":
        walk.add_attribute("populate_indicators")
    return walk.digest()


def class_digest(model_class: type) -> str:
    """Return the digest of a class without its instance, as far as it is no part of an installed library."""
    walk = _Walk(None)
    for cls in model_class.__mro__:
        walk.add(cls)
    return walk.digest()


class _Walk:
    """Goes through values in a fixed order, each once."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._mro = type(owner).__mro__ if owner is not None else ()
        self._hash = hashlib.sha256()
        self._seen: dict[int, Any] = {}

    def digest(self) -> str:
        """Return the digest of what was added."""
        return self._hash.hexdigest()[:16]

    def add_attribute(self, name: str) -> None:
        """Add what the strategy has under a name, in its instance and each class: ``super()`` may be called."""
        if name in _NOT_CODE or name.startswith("__"):
            return
        if name in getattr(self._owner, "__dict__", {}):
            self._note(name)
            self._add_own_value(name, self._owner.__dict__[name])
        for cls in self._mro:
            if name in cls.__dict__ and not _is_library_class(cls):
                self._note(cls.__name__, name)
                self.add(cls.__dict__[name])

    def _add_own_value(self, name: str, value: Any) -> None:
        if _is_plain(value):
            self.add(value)
            return
        # What a bot has collected differs with each start; what fills it does not.
        for cls in self._mro:
            for method in vars(cls).values() if not _is_library_class(cls) else ():
                if isinstance(method, FunctionType) and name in _written(method.__code__):
                    self.add(method)

    def add(self, value: Any) -> None:
        """Add a value and what it refers to."""
        if value is None or isinstance(value, str | bytes | int | float | complex):
            self._note(repr(value))
        elif isinstance(value, ModuleType):
            self._note("module", value.__name__)
        elif isinstance(value, tuple | frozenset):
            # Python shares equal constants or not, depending on whether it has compiled the file or read it compiled.
            self._add_new(value)
        elif id(value) in self._seen:
            self._note("again")
        else:
            # Kept alive, so that no other object gets its id.
            self._seen[id(value)] = value
            self._add_new(value)

    def _add_new(self, value: Any) -> None:
        if isinstance(value, FunctionType):
            self._add_function(value)
        elif isinstance(value, type):
            self._add_class(value)
        elif isinstance(value, Mapping):
            for key, each in value.items():
                self.add(key)
                self.add(each)
        elif isinstance(value, list | tuple):
            self._note("sequence", str(len(value)))
            for each in value:
                self.add(each)
        elif isinstance(value, set | frozenset):
            self._note(*sorted(map(repr, value)))
        elif isinstance(value, BaseParameter):
            self._note("parameter")
            self.add(value.value)
        elif isinstance(value, property):
            self.add((value.fget, value.fset))
        elif isinstance(value, functools.partial):
            self.add((value.func, value.args, value.keywords))
        elif isinstance(value, MethodType | classmethod | staticmethod):
            self.add(value.__func__)
        elif isinstance(value, BuiltinFunctionType):
            self._note(str(value.__module__), value.__qualname__)
        else:
            self._add_object(value)

    def _add_object(self, value: Any) -> None:
        self._note(type(value).__module__, type(value).__qualname__)
        for wrapped in ("__wrapped__", "py_func", "func"):
            if isinstance(inner := getattr(value, wrapped, None), FunctionType):
                self.add(inner)
        if type(value).__module__.partition(".")[0] in ("numpy", "pandas"):
            from joblib import hash as content_hash

            self._note(str(content_hash(value)))
        elif not _is_library_class(type(value)):
            self.add(type(value))
            self.add({name: each for name, each in vars(value).items() if name not in _NOT_CODE})

    def _add_class(self, cls: type) -> None:
        self._note(cls.__qualname__)
        if cls in self._mro or _is_library_class(cls):
            return
        for base in cls.__bases__:
            self.add(base)
        for name, value in sorted(vars(cls).items()):
            if name not in _CLASS_FRAME:
                self._note(name)
                self.add(value)

    def _add_function(self, function: FunctionType) -> None:
        self._note(function.__qualname__)
        if _is_library_file(_file_of(function)):
            self._note(str(function.__module__))
            return
        self.add((function.__defaults__, function.__kwdefaults__ or {}))
        for cell in function.__closure__ or ():
            # A cell is empty until the name that it holds is set.
            if (content := _content(cell)) is not None:
                self.add(content)
        self._add_code(function.__code__, function.__globals__)

    def _add_code(self, code: CodeType, names: dict[str, Any]) -> None:
        modules: list[ModuleType] = []
        attributes: list[str] = []
        texts: list[str] = []
        for instruction in dis.get_instructions(code):
            kind, argument = instruction.opname, instruction.argval
            self._note(kind)
            if isinstance(argument, CodeType):
                self._add_code(argument, names)
                continue
            self.add(argument)
            if kind in ("LOAD_GLOBAL", "LOAD_NAME") and argument in names:
                modules += [names[argument]] if isinstance(names[argument], ModuleType) else []
                self.add(names[argument])
            elif kind == "IMPORT_NAME":
                modules += _imported(str(argument), names)
            elif kind in ("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM", "LOAD_SUPER_ATTR"):
                attributes.append(str(argument))
            elif kind == "LOAD_CONST" and isinstance(argument, str):
                texts.append(argument)
        # What a function writes itself is a cache or a counter.
        written = _written(code)
        for name in dict.fromkeys(attributes):
            if name not in written:
                self.add_attribute(name)
            for module in modules:
                if hasattr(module, name) and not _is_library_file(getattr(module, "__file__", None)):
                    self.add(getattr(module, name))
        if "config" in attributes:
            self._add_settings(texts)

    def _add_settings(self, keys: list[str]) -> None:
        config = getattr(self._owner, "config", {})
        for key in keys:
            if key in config and key not in _NOT_SETTINGS and isinstance(config[key], int | float | str | list):
                self._note(key)
                self.add(config[key])

    def _note(self, *words: str) -> None:
        for word in words:
            self._hash.update(word.encode("utf-8", "surrogatepass") + b"\0")


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _written(code: CodeType) -> set[str]:
    return {str(step.argval) for step in dis.get_instructions(code) if step.opname == "STORE_ATTR"}


def _attribute_names(function: Any) -> Iterator[str]:
    """Yield what a method does before and with the attributes that it reads, until the first of them."""
    for instruction in dis.get_instructions(function):
        if instruction.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            yield str(instruction.argval)
        elif not instruction.opname.startswith(("RESUME", "LOAD_FAST", "NOP", "COPY_FREE_VARS", "MAKE_CELL")):
            yield instruction.opname


def _imported(name: str, names: dict[str, Any]) -> list[ModuleType]:
    module = sys.modules.get(name) or sys.modules.get(f"{names.get('__package__') or ''}.{name}")
    if module is None:
        try:
            spec = importlib.util.find_spec(name)
            if spec is not None and not _is_library_file(spec.origin):
                module = importlib.import_module(name)
        except (ImportError, ValueError):
            return []
    return [module] if module is not None else []


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _file_of(function: FunctionType) -> str | None:
    name = function.__code__.co_filename
    return function.__globals__.get("__file__") if name.startswith("<") else name


def _is_library_class(cls: type) -> bool:
    if cls.__module__ in ("builtins", "abc", "typing"):
        return True
    functions = [each for each in map(inspect.unwrap, vars(cls).values()) if isinstance(each, FunctionType)]
    if functions:
        return _is_library_file(_file_of(functions[0]))
    module = sys.modules.get(cls.__module__)
    return module is not None and _is_library_file(getattr(module, "__file__", None))


@functools.cache
def _is_library_file(name: str | None) -> bool:
    """Return whether a file belongs to an installed library; of this package, what makes no features and targets."""
    if name is None:
        return True
    path = Path(name)
    if any(each in path.parts for each in ("site-packages", "dist-packages")) or name.startswith(_STDLIB):
        return not _is_own_code(path)
    for package in ("freqtrade", "freqai_ext"):
        found = sys.modules.get(package)
        if found is not None and found.__file__ and path.is_relative_to(Path(found.__file__).parent):
            return not _is_own_code(path)
    return False


def _is_own_code(path: Path) -> bool:
    package = sys.modules.get("freqai_ext")
    if package is None or package.__file__ is None:
        return False
    root = Path(package.__file__).parent
    return any(path.is_relative_to(root.joinpath(*each.split(".")[1:])) for each in _OWN_CODE)

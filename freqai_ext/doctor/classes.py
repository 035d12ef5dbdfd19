"""Checks that Freqtrade finds strategy and model; where it does not, the true reason."""

import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any

from freqai_ext._services.scratch import scratch_folder
from freqai_ext._settings import suggest
from freqai_ext.config import SECTION
from freqai_ext.doctor.context import Context, freqai_is_on, is_ours
from freqai_ext.doctor.finding import CheckSkippedError, Finding, failure, ok, warning
from freqai_ext.doctor.tracebacks import causes, traceback_of
from freqai_ext.doctor.versions import known_issues
from freqai_ext.errors import FreqaiExtError, SettingsError

_CLASS_DEFINITION = re.compile(r"^class (\w+)\(", re.MULTILINE)


def check_strategy(context: Context) -> Iterator[Finding]:
    """Freqtrade's resolver loads the strategy."""
    from freqtrade.resolvers import StrategyResolver

    config = context.config
    name = config.get("strategy")
    if not name:
        raise CheckSkippedError("no strategy given; name it with --strategy or in the configuration")
    folders = _existing(StrategyResolver.build_search_paths(config, user_subdir="strategies"))
    with_strategy = deepcopy(config)
    strategy, error = _attempt(lambda: StrategyResolver.load_strategy(with_strategy))
    if error:
        _skip_known_fault(context, error)
        yield explain_failed_resolution(name, folders, StrategyResolver.object_type, error)
        return
    context.loaded_strategy, context.loaded_config = strategy, with_strategy
    yield ok(f"{name} from {strategy.__file__}")
    yield from _shadowed(name, folders)


def check_model(context: Context) -> Iterator[Finding]:
    """Freqtrade's resolver loads the model, and no installed version is known to break it."""
    from freqtrade.resolvers.freqaimodel_resolver import FreqaiModelResolver

    config = context.config
    name = config.get("freqaimodel")
    if not name and not freqai_is_on(config):
        raise CheckSkippedError("FreqAI is off in this configuration")
    if not name:
        raise CheckSkippedError("no model given; name it with --freqaimodel or in the configuration")
    folders = _existing(FreqaiModelResolver.build_search_paths(config, user_subdir="freqaimodels"))
    _ = context.freqai
    model, error = _attempt(lambda: _load_model(name, config))
    if error:
        _skip_known_fault(context, error)
        yield explain_failed_resolution(name, folders, FreqaiModelResolver.object_type, error)
        return
    context.loaded_model = model
    yield ok(f"{name} from {type(model).__file__}")
    yield from _shadowed(name, folders)
    if not is_ours(type(model)):
        yield from known_issues(foreign_model=True)


def explain_failed_resolution(name: str, folders: list[Path], base: type, error: Exception) -> Finding:
    """Return why the class ``name``, which must derive from ``base``, was not loaded from ``folders``.

    Freqtrade swallows the exceptions of the files it imports and says only that the class does not exist or
    contains errors; this imports the file again and shows what was raised.
    """
    defining = _defining_files(name, folders)
    if not defining:
        known = {found for folder in folders for file in _sources(folder) for found in _classes_in(file)}
        searched = ", ".join(map(str, folders)) or "no folder that exists"
        return failure(f"no file defines 'class {name}('; searched: {searched}", suggest(name, known))
    file = defining[0]
    found, import_error = _attempt(lambda: getattr(_import_file(file), name))
    if import_error:
        return _raised(f"{file} cannot be imported", import_error)
    if not issubclass(found, base):
        return failure(f"{file}: {name} does not derive from {base.__name__}", f"write class {name}({base.__name__})")
    return _raised(f"{name} of {file} cannot be created", error)


def _load_model(name: str, config: dict[str, Any]) -> Any:
    # A model writes into its folder when it is created, over the record of the run that filled it. So it is created
    # in a user directory of its own; the real one is searched first, as Freqtrade does.
    from freqtrade.resolvers.freqaimodel_resolver import FreqaiModelResolver

    with scratch_folder() as scratch:
        apart = {**deepcopy(config), "user_data_dir": scratch}
        extra_folder = config["user_data_dir"] / "freqaimodels"
        return FreqaiModelResolver.load_object(name, apart, kwargs={"config": apart}, extra_dir=str(extra_folder))


def _attempt(load: Callable[[], Any]) -> tuple[Any, Exception | None]:
    # The error is handled outside of its except block, so that what is raised next is not chained to it.
    try:
        return load(), None
    except Exception as error:
        return None, error


def _shadowed(name: str, folders: list[Path]) -> Iterator[Finding]:
    taken, *others = map(str, _defining_files(name, folders))
    if others:
        yield warning(
            f"{name} is defined more than once; Freqtrade takes {taken} and ignores {', '.join(others)}",
            "rename or remove the ones you do not mean",
        )


def _raised(what: str, error: Exception) -> Finding:
    if any(isinstance(each, FreqaiExtError) for each in causes(error)):
        # Its text names the setting and the remedy; where it was raised is of no use to who set it.
        return failure(f"{what}: {'; '.join(str(error).splitlines())}")
    first_line = (str(error).strip() or "no message").splitlines()[0]
    remedy = "install what it imports" if isinstance(error, ModuleNotFoundError) else "correct it"
    return failure(f"{what}: {type(error).__name__}: {first_line}", remedy, traceback_of(error))


def _skip_known_fault(context: Context, error: Exception) -> None:
    """Raise :class:`CheckSkippedError` where the error is a fault of our section, which is reported already."""
    if not context.section_is_valid and any(isinstance(each, SettingsError) for each in causes(error)):
        raise CheckSkippedError(f"needs a valid section '{SECTION}'")


def _existing(folders: list[Path]) -> list[Path]:
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]


def _defining_files(name: str, folders: list[Path]) -> list[Path]:
    return [file for folder in folders for file in _sources(folder) if f"class {name}(" in _text(file)]


def _sources(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix == ".py" and file.is_file())


def _classes_in(file: Path) -> list[str]:
    return _CLASS_DEFINITION.findall(_text(file))


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def _import_file(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    with _importable(file.parent):
        spec.loader.exec_module(module)
    return module


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    # Freqtrade lets the files of a folder import each other by name.
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))

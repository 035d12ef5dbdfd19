"""Checks of the Python installation."""

import importlib
import platform
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from freqai_ext.doctor.context import Context
from freqai_ext.doctor.finding import Finding, failure, ok, warning
from freqai_ext.doctor.known_issues import KNOWN_ISSUES

_SHOWN = ("freqtrade", "freqai-ext", "pandas", "numpy", "lightgbm", "catboost", "scikit-learn")
# Wheels that need a shared library of the system (TA-Lib's C library, OpenMP) fail at import, not at installation.
_NATIVE_MODULES = {"talib": "ta-lib", "lightgbm": "lightgbm", "catboost": "catboost"}
_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")


def check_versions(_context: Context) -> Iterator[Finding]:
    """Requirements are met, no version is known to be broken, and native libraries load."""
    problems = [
        *unmet_requirements("freqai-ext"),
        *unmet_requirements("freqtrade", extras=("freqai", "hyperopt")),
        *known_issues(foreign_model=False),
        *_native_modules_that_fail(),
        *_needless_cuda(),
    ]
    versions = ", ".join(f"{name} {version}" for name in _SHOWN if (version := installed_version(name)))
    yield ok(f"Python {platform.python_version()}, {versions}")
    yield from problems


def installed_version(package: str) -> Version | None:
    """Return the installed version of a distribution, ``None`` where it is not installed."""
    try:
        return Version(metadata.version(package))
    except metadata.PackageNotFoundError:
        return None


def known_issues(*, foreign_model: bool) -> Iterator[Finding]:
    """Yield the known issues of the installed versions: those of foreign models, or those of every model."""
    for issue in KNOWN_ISSUES:
        version = installed_version(issue.package)
        affected = version is not None and SpecifierSet(issue.versions).contains(version, prereleases=True)
        if affected and issue.foreign_models_only == foreign_model:
            yield warning(f"{issue.package} {version}: {issue.effect}", issue.remedy)


def unmet_requirements(package: str, extras: Iterable[str] = ()) -> Iterator[Finding]:
    """Yield a failure for each requirement of an installed distribution that the installation does not meet."""
    if installed_version(package) is None:
        yield failure(f"{package} is not installed", _source_of(package))
        return
    for line in metadata.requires(package) or ():
        requirement = Requirement(line)
        if requirement.marker and not any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            continue
        version = installed_version(requirement.name)
        remedy = f"pip install '{requirement.name}{requirement.specifier}'"
        if version is None:
            yield failure(f"{requirement.name} is not installed; {package} needs it", remedy)
        elif not requirement.specifier.contains(version, prereleases=True):
            wanted = f"{requirement.name}{requirement.specifier}"
            yield failure(f"{requirement.name} {version} is installed; {package} needs {wanted}", remedy)


def _source_of(package: str) -> str:
    return "run 'pip install .' in a clone of freqai-ext" if package == "freqai-ext" else f"pip install {package}"


def _native_modules_that_fail() -> Iterator[Finding]:
    for module, package in _NATIVE_MODULES.items():
        if installed_version(package) is None:
            continue
        try:
            importlib.import_module(module)
        except Exception as error:
            yield failure(
                f"{package} is installed but cannot be imported: {type(error).__name__}: {error}",
                f"install the system library that the message names, or: pip install --force-reinstall {package}",
            )


def _needless_cuda() -> Iterator[Finding]:
    torch = installed_version("torch")
    if torch is None or _NVIDIA_DRIVER.exists():
        return
    is_cuda_build = str(torch.local or "").startswith("cu") or any(
        name.startswith("nvidia-cublas") for name in _distribution_names()
    )
    if is_cuda_build:
        yield warning(
            f"torch {torch} is a CUDA build, and this machine has no NVIDIA driver: several gigabytes without use",
            "replace it by the CPU build: uv pip install --reinstall --torch-backend cpu torch",
        )


def _distribution_names() -> Iterator[str]:
    for distribution in metadata.distributions():
        yield str(distribution.metadata["Name"] or "").lower()

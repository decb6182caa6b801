"""Find a runner, strategy or provider by name, and import it only when it is asked for.

Ours and theirs come in by the same door: a file in the built-in folder, an entry point of an
installed distribution, or a file given by path. Listing names imports nothing.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from alphastock_cli.errors import ConfigError, UnknownName

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T", bound=type)

_PACKAGE = "alphastock_cli"
_NOT_PLUGINS = frozenset({"__init__", "base", "manager"})


class Registry:
    """Names of one kind of plug-in, and the classes behind them.

    Parameters
    ----------
    kind : str
        Singular word for messages: ``runner``, ``strategy``, ``provider``.
    folder : str
        Sub-package that holds the built-in ones; also the suffix of the entry-point group.
    """

    def __init__(self, kind: str, folder: str) -> None:
        self.kind = kind
        self.folder = folder
        self.group = f"alphastock.{folder}"
        self._classes: dict[str, type] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers a class under `name` and gives it back unchanged.

        Raises
        ------
        ConfigError
            Another class already holds the name; both are named.
        """

        def decorate(cls: T) -> T:
            held = self._classes.get(name)
            if held is not None and _path(held) != _path(cls):
                raise ConfigError(
                    f"two classes want to be {self.kind} {name!r}: {_path(held)} and {_path(cls)}",
                    hint="Rename one of them, or drop one plug-in.",
                )
            self._classes[name] = cls
            return cls

        return decorate

    def names(self) -> list[str]:
        """Return every known name, sorted; names are read from disk, nothing is imported."""
        found = set(self._classes) | set(self._builtin()) | set(self._entry_points())
        return sorted(found)

    def get(self, name: str) -> type:
        """Return the class of `name`, importing exactly the one module that holds it.

        Raises
        ------
        UnknownName
            Nobody registered the name; the nearest ones are listed.
        ConfigError
            The module was imported and did not register the name it stands for.
        """
        if name not in self._classes:
            self._load(name)
        return self._classes[name]

    def _load(self, name: str) -> None:
        """Import the module behind `name`; its own import error is shown, not hidden."""
        if name in self._builtin():
            module = f"{_PACKAGE}.{self.folder}.{name}"
            importlib.import_module(module)
        elif name in self._entry_points():
            point = self._entry_points()[name]
            module = point.value
            loaded = point.load()
            if name not in self._classes and isinstance(loaded, type):
                self._classes[name] = loaded
        else:
            raise UnknownName.of(self.kind, name, self.names(), hint=self._listing())
        if name not in self._classes:
            raise ConfigError(f"{module} does not register a {self.kind} named {name!r}")

    def _listing(self) -> str:
        return f"Known: {', '.join(self.names()) or 'none yet'}."

    def _builtin(self) -> list[str]:
        """List the module names in the built-in folder: files and packages, without helpers."""
        folder = Path(__file__).parent / self.folder
        files = [path.stem for path in folder.glob("*.py")]
        packages = [path.parent.name for path in folder.glob("*/__init__.py")]
        return [n for n in files + packages if n not in _NOT_PLUGINS and not n.startswith("_")]

    def _entry_points(self) -> dict[str, EntryPoint]:
        from importlib.metadata import entry_points  # slow, and built-in names need it not

        return {point.name: point for point in entry_points(group=self.group)}


def load_plugin(path: Path) -> None:
    """Import the file at `path` so that its decorators register what it offers.

    Raises
    ------
    ConfigError
        The file does not exist, is not a Python file, or fails while being imported.
    """
    resolved = path.expanduser().resolve()
    if resolved.suffix != ".py" or not resolved.is_file():
        raise ConfigError(
            f"--plugin {path}: no such Python file", hint="Give the path of a .py file."
        )
    name = f"alphastock_plugin_{resolved.stem}"
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) == str(resolved):
        return
    spec = importlib.util.spec_from_file_location(name, resolved)
    if spec is None or spec.loader is None:
        raise ConfigError(f"--plugin {path}: cannot be imported as a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(
            f"--plugin {path}: {type(error).__name__}: {error}", hint="Mend the plug-in file."
        ) from error


def _path(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


RUNNERS = Registry("runner", "runners")
STRATEGIES = Registry("strategy", "strategies")
PROVIDERS = Registry("provider", "providers")

"""The api key and secret of a Kite app: from the environment, a private file, or the keyring.

They are no settings: nothing shows them, writes them elsewhere or takes them as an argument. Files
others could read are refused, not mended.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alphastock_cli.errors import AuthError, ConfigError, StorageError
from alphastock_cli.safety import conceal
from alphastock_cli.store.atomic import storage_error, write_bytes
from alphastock_cli.store.files import make_private

KEY_VARIABLE, SECRET_VARIABLE = "ALPHASTOCK_KITE_API_KEY", "ALPHASTOCK_KITE_API_SECRET"
FILE = "credentials.toml"
SERVICE = "alphastock-kite"
_NAMES = ("api_key", "api_secret")
_MOST = 64 << 10


@dataclass(frozen=True, slots=True)
class Credentials:
    """An app's key and secret, and where they came from; neither is shown by `repr`."""

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    source: str

    def __post_init__(self) -> None:
        """Keep both out of every text of this process."""
        conceal(self.api_key, self.api_secret)


def find(folder: Path, *, env: Mapping[str, str], store: str = "file") -> Credentials:
    """Return the credentials: of the environment, else of the one store the settings name.

    Raises
    ------
    AuthError
        There are none; the message says where to put them.
    ConfigError
        The file is open to others, of another owner, a link, or no TOML of two texts.
    """
    variables = zip(_NAMES, (KEY_VARIABLE, SECRET_VARIABLE), strict=True)
    given = {name: env.get(variable, "").strip() for name, variable in variables}
    if all(given.values()):
        return Credentials(given["api_key"], given["api_secret"], "environment")
    if any(given.values()):
        missing = SECRET_VARIABLE if given["api_key"] else KEY_VARIABLE
        raise ConfigError(f"{missing} is not set", hint="Set both, or neither.")
    if store == "keyring":
        return _of_keyring()
    path = folder / FILE
    if not os.path.lexists(path):
        raise AuthError(
            "no api key of Kite Connect is known: login needed",
            hint=f"Run `alphastock login`, or set {KEY_VARIABLE} and {SECRET_VARIABLE}.",
        )
    return _of_file(path)


def keep(folder: Path, credentials: Credentials, *, store: str = "file") -> str:
    """Store credentials a person typed; return where, in words."""
    if store == "keyring":
        ring = _keyring()
        for name in _NAMES:
            ring.set_password(SERVICE, name, getattr(credentials, name))
        return "the keyring"
    text = "".join(f'{name} = "{getattr(credentials, name)}"\n' for name in _NAMES)
    write_private(folder / FILE, text.encode())
    return str(folder / FILE)


def read_private(path: Path, *, also_open: bool = False) -> bytes:
    """Return a file's bytes, or refuse one that others could have read or written.

    Parameters
    ----------
    also_open : bool
        Take a file of ours that is open to others as well: to end what it holds, not to use it.

    Raises
    ------
    FileNotFoundError
        There is none.
    ConfigError
        It is a link, of another owner, or open to group or others.
    StorageError
        The disk says no.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, flags)
    except FileNotFoundError:
        raise
    except OSError as error:
        if path.is_symlink():
            raise ConfigError(f"{path} is a link, not a file", hint="Put the file itself there."
                              ) from None  # fmt: skip
        raise StorageError(f"{path} cannot be read: {error.strerror}",
                           hint="Check its owner and mode.") from None  # fmt: skip
    with contextlib.closing(os.fdopen(handle, "rb")) as file:
        facts = os.fstat(handle)
        _refuse_foreign(path, facts)
        if not also_open:
            _refuse_open(path, facts)
        return file.read(_MOST)


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all, whatever the umask."""
    make_private(path.parent)
    if path.is_symlink():
        raise ConfigError(f"{path} is a link, not a file", hint="Remove it.")
    write_bytes(path, data, mode=0o600)


def shred(path: Path) -> bool:
    """Overwrite and remove a private file; tell whether there was one."""
    try:
        if not path.is_symlink():
            with path.open("r+b") as file:
                size = os.fstat(file.fileno()).st_size
                file.write(b"\0" * size)
                file.flush()
                os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise storage_error(path, error, safe="") from error
    return True


def _refuse_foreign(path: Path, facts: os.stat_result) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise ConfigError(f"{path} is no file", hint="Put a file there.")
    if hasattr(os, "getuid") and facts.st_uid != os.getuid():
        raise ConfigError(f"{path} belongs to another user", hint="Use a file of your own.")


def _refuse_open(path: Path, facts: os.stat_result) -> None:
    mode = stat.S_IMODE(facts.st_mode)
    if mode & 0o077:
        raise ConfigError(
            f"{path} is open to others (mode {mode:04o}): it is not used",
            safe="Nothing was read from it.",
            hint=f"chmod 600 {path}; if others use this machine, make a new secret too.",
        )


def _of_file(path: Path) -> Credentials:
    hint = 'It holds two lines: api_key = "..." and api_secret = "...".'
    try:
        values: dict[str, Any] = tomllib.loads(read_private(path).decode())
    except (ValueError, RecursionError):
        raise ConfigError(f"{path} is no TOML", hint=hint) from None
    pair = [values.get(name) for name in _NAMES]
    texts = [each.strip() for each in pair if isinstance(each, str) and each.strip()]
    if len(texts) != len(_NAMES) or set(values) != set(_NAMES):
        raise ConfigError(f"{path} does not hold an api_key and an api_secret alone", hint=hint)
    return Credentials(texts[0], texts[1], "file")


def _of_keyring() -> Credentials:
    ring = _keyring()
    pair = [ring.get_password(SERVICE, name) for name in _NAMES]
    if not all(pair):
        raise AuthError(
            "the keyring holds no api key of Kite Connect: login needed",
            hint="Run `alphastock login` and type them, or set kite.secrets to file.",
        )
    return Credentials(str(pair[0]), str(pair[1]), "keyring")


def _keyring() -> Any:  # noqa: ANN401 - an optional package without types
    """Return the keyring, or say why there is none; there is no fallback to a file."""
    try:
        import keyring
        from keyring.errors import KeyringError, NoKeyringError
    except ImportError:
        raise ConfigError(
            'kite.secrets is "keyring" and the package is not installed',
            hint="pip install 'alphastock[keyring]', or set kite.secrets to file.",
        ) from None
    try:
        keyring.get_password(SERVICE, _NAMES[0])
    except (NoKeyringError, KeyringError) as error:
        raise ConfigError(
            f"the keyring of this machine does not answer: {type(error).__name__}",
            hint="Unlock it, or set kite.secrets to file.",
        ) from None
    return keyring

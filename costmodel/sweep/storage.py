"""Where several processes share a study: Optuna's own storages, a journal file or a database."""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from costmodel.spec.problems import Problem, SpecError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
"""What databases are reached by, where an address does not say."""
SUCH_AS = "such as postgresql://USER@HOST/NAME"
PAUSES_S = (0.2, 1.0, 3.0)
"""Between attempts to make the tables: several processes may begin at once."""
JOURNAL_HEAD = b'{"op_code"'
"""How every line of a journal of Optuna begins."""


def without_passwords(text: str) -> str:
    """A text in which no address of a database holds its password.

    >>> without_passwords("--storage=postgresql://costmodel:secret@host/db?sslpassword=x&application_name=y")
    '--storage=postgresql://costmodel:***@host/db?sslpassword=***&application_name=y'
    """
    text = re.sub(r"(://[^/:@\s]*):\S*@", r"\1:***@", text)
    return re.sub(r"([?&][^=&\s]*pass[^=&\s]*)=[^&\s]*", r"\1=***", text, flags=re.IGNORECASE)


def opened(where: str) -> BaseStorage:
    """A file that is a journal, made where there is none, or the database of an address. Raises SpecError, OSError."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with reached(where):
        return _database(where) if "://" in where else _journal(Path(where))


@contextmanager
def reached(where: str) -> Iterator[None]:
    """Say of every error of a storage where it is, and nothing that is secret. Raises SpecError or OSError."""
    try:
        yield
    except _database_errors() as error:
        cause = getattr(error, "orig", None) or getattr(error.__cause__, "orig", None) or error
        said = without_passwords(str(cause).strip().split("\n", 1)[0])
        for secret in filter(None, _secrets(where)):
            said = said.replace(secret, "***")
        raise ConnectionError(errno.EIO, said, without_passwords(where)) from None
    except OSError as error:  # Optuna's writes do not know what they write to
        if error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror or str(error), without_passwords(where)) from error
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        if "://" in where:
            raise
        raise _no_journal(where, str(error)) from error


def _no_journal(where: str, why: str) -> SpecError:
    hint = "name another file: points that are in a run folder are not done again"
    return SpecError([Problem(f"is no journal of Optuna, or damaged: {why}", file=where, hint=hint)])


def _journal(path: Path) -> BaseStorage:
    """Raises SpecError for a file of another kind, before Optuna writes to its end."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError), path.open("rb") as file:
        if (head := file.read(len(JOURNAL_HEAD))) and head != JOURNAL_HEAD:
            raise _no_journal(str(path), f"it begins with {head.decode(errors='replace')!r}")
    return JournalStorage(JournalFileBackend(str(path)))


def _database(where: str) -> BaseStorage:
    shown = without_passwords(where)
    try:
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, ProgrammingError
    except ModuleNotFoundError:
        raise SpecError([_missing(shown, "sqlalchemy")]) from None
    from optuna.storages import RDBStorage

    try:
        url = make_url(where)
    except ArgumentError:
        raise SpecError([Problem("is no address of a database", file=shown, hint=SUCH_AS)]) from None
    url = url.set(drivername=DRIVERS.get(url.drivername, url.drivername))
    options: dict[str, Any] = {"pool_pre_ping": True} if url.get_backend_name() != "sqlite" else {}
    for pause_s in (*PAUSES_S, None):
        try:
            return RDBStorage(url.render_as_string(hide_password=False), engine_kwargs=options)
        except ImportError as error:
            raise SpecError([_missing(shown, str(error.__cause__ or error))]) from None
        except NoSuchModuleError:
            message = f"no database is called {url.drivername!r}"
            raise SpecError([Problem(message, file=shown, hint=SUCH_AS)]) from None
        except (IntegrityError, ProgrammingError):
            if pause_s is None:
                raise
            time.sleep(pause_s)
    raise AssertionError


def _missing(shown: str, package: str) -> Problem:
    hint = "pip install 'costmodel[storage]' reaches PostgreSQL and SQLite; other databases need a driver of their own"
    return Problem(f"a package is missing: {package}", file=shown, hint=hint)


def _database_errors() -> tuple[type[Exception], ...]:
    from optuna.exceptions import StorageInternalError

    try:
        from sqlalchemy.exc import SQLAlchemyError
    except ModuleNotFoundError:
        return (StorageInternalError,)
    return StorageInternalError, SQLAlchemyError


def _secrets(where: str) -> list[str]:
    return re.findall(r"://[^/:@\s]*:(\S*)@", where)

"""PostgreSQL: the server of this guide, and the kind of its contracts."""

from contextlib import ExitStack
from itertools import count
from pathlib import Path
from subprocess import PIPE
from tempfile import mkdtemp
from typing import Self

import psycopg
from psycopg.sql import SQL, Identifier

from livesteps.plugin import Account, Kind, Problem, Purpose, Seen, Server
from livesteps.run.process import Process

BIN = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)  # Debian's
SCRIPT = """
exec 3>&1 > log 2>&1
[ "$(id -u)" = 0 ] && chown postgres . && as="runuser -u postgres --" # never as root
$as initdb -D data -U postgres -A trust -E UTF8 --locale=C --no-sync &&
  $as pg_ctl start -D data -o "-k $PWD -c listen_addresses= -c lock_timeout=5s" 3>&-
echo $? >&3; read -r _
$as pg_ctl stop -D data -m immediate
"""
NUMBERS = count(1)


class PostgreSQL(Server):
    """A server of our own, on a socket in a temporary folder."""

    name = "postgresql"
    title = "PostgreSQL"
    ready = False

    @classmethod
    def supported(cls) -> str:
        return "" if BIN else "PostgreSQL is not installed"

    def __enter__(self) -> Self:
        # The path of a socket has at most 107 bytes.
        self.folder = Path(mkdtemp(prefix="livesteps-pg-", dir="/tmp"))
        words, path = ["sh", "-c", SCRIPT], {"PATH": f"{BIN}:/usr/sbin:/usr/bin:/bin"}
        with ExitStack() as stack:
            self.process = stack.enter_context(
                Process(words, self.folder, environment=path, stdin=PIPE, stdout=PIPE)
            )
            self.process.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        with self._stack:
            self.process.write(b"\n")
            self.process.line(60)  # none comes: it ends

    def wait(self) -> None:
        if not self.ready and self.process.line(60) != b"0\n":
            raise Problem("PostgreSQL did not start", (self.folder / "log").read_text())
        self.ready = True

    def account(self, purpose: Purpose) -> Account:
        self.wait()
        return Database(str(self.folder), f"reader_{next(NUMBERS)}")


class Database(Account):
    """A fresh database, with a user of its own."""

    def __init__(self, host: str, name: str) -> None:
        at = f"host={host} port=5432 dbname={{0}} user={{0}}"
        with psycopg.connect(at.format("postgres"), autocommit=True) as db:
            db.execute(SQL("CREATE USER {}").format(Identifier(name)))
            db.execute(SQL("CREATE DATABASE {0} OWNER {0}").format(Identifier(name)))
            major, minor = divmod(db.info.server_version, 10_000)
        self.conninfo = at.format(name)
        self.environment = {"PGHOST": host, "PGDATABASE": name, "PGUSER": name}
        self.known, self.secrets = {host: "host", name: "database"}, {}
        self.versions = {"PostgreSQL": f"{major}.{minor}"}


class Rows(Kind):
    """Every table, and its rows as the server writes and sorts them: `(Bern,10)`."""

    key = "rows"
    type = dict[str, list[str]]

    def check(self, value: dict[str, list[str]], seen: Seen) -> list[str]:
        with psycopg.connect(seen.account.conninfo) as db:  # sees what is committed
            tables = db.execute("SELECT relname FROM pg_stat_user_tables").fetchall()
            every = SQL("SELECT ROW(it.*)::text FROM {} AS it ORDER BY 1")
            found = {
                name: [row for (row,) in db.execute(every.format(Identifier(name)))]
                for (name,) in tables
            }
        return [
            f"expected {name} to hold {value.get(name)}, found {found.get(name)}"
            for name in sorted(value.keys() | found.keys())
            if value.get(name) != found.get(name)
        ]

"""Postgres for the audit ledger: Debian's, as a component of the embedded cluster.

Postgres refuses to run as root, and the user it runs as may not enter the state directory. So it runs in a mount
namespace of its own, in which its folder is mounted at ``HOME``: it sees that folder wherever the state lies, and
nothing else of it. Who connects over the network has TLS, a password and an address of the cluster; administration
goes through the socket, which root alone reaches.

Roles and passwords are made here, tables are not: they are the ledger's, and ``tradeplane ledger migrate`` makes them.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import socket
import ssl
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from tradeplane_stacks.local.certificates import CLUSTER, Certificates, Leaf, write_private
from tradeplane_stacks.local.component import Component
from tradeplane_stacks.local.errors import ComponentError
from tradeplane_stacks.local.execution import execute, find_program

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_stacks.local.component import Placement
    from tradeplane_stacks.local.layout import Layout
    from tradeplane_stacks.local.settings import Settings

NAME = "postgres"
"""Of the component, of its certificate, and of the user that Debian's package makes."""
DATABASE = "audit"
OWNER, APPENDER, READER = "ledger_owner", "tradeplane", "auditors"
ROLES = (OWNER, APPENDER, READER)
"""Who owns the ledger, who appends to it, who reads it."""
HOME = Path("/mnt")
"""Where the server sees its folder."""
PROGRAMS = Path("/usr/lib/postgresql")
"""Where Debian has the programs, a folder a major version."""
_LIMIT_SECONDS = 3.0
_PROTOCOL, _TLS_REQUEST = 0x30000, 80_877_103
_IN_SIGHT_OF_HOME = f"""\
mount --bind "$0" {HOME} && cd / || exit 70
tries=200
while [ $tries -gt 0 ] && read -r pid 2>/dev/null <{HOME}/cluster/postmaster.pid &&
    grep -qs '^State:.Z' "/proc/$pid/status"; do
    sleep 0.05
    tries=$((tries - 1))
done
exec "$@"
"""
"""Shows a program its folder, waits until a server that was killed is buried, and becomes the program.

A server that is dead and not yet waited for by its parent still has its process id, and Postgres would take it for one
that runs. It waits ten seconds, and lets Postgres say then what is in its way.
"""


def newest_programs(root: Path = PROGRAMS) -> Path | None:
    """Return where the programs of the newest Postgres on this machine are; None where there is none."""
    found = [path.parent for path in root.glob("*/bin/initdb") if path.parts[-3].isdigit()]
    return max(found, key=lambda path: int(path.parent.name), default=None)


def is_installed() -> bool:
    """Whether this machine has Postgres, and a user for it."""
    try:
        pwd.getpwnam(NAME)
    except KeyError:
        return False
    return newest_programs() is not None


@dataclass(frozen=True)
class PostgresProbe:
    """A server that would let a role in by its password, by TLS of the cluster's authority."""

    address: str
    port: int
    authority: Path

    def ask(self) -> str | None:
        """Connect once, up to where the password is asked for."""
        try:
            with contextlib.closing(socket.create_connection((self.address, self.port), _LIMIT_SECONDS)) as plain:
                plain.sendall(struct.pack("!ii", 8, _TLS_REQUEST))
                if plain.recv(1) != b"S":
                    return "it does not offer TLS"
                context = ssl.create_default_context(cafile=str(self.authority))
                with context.wrap_socket(plain, server_hostname=self.address) as connection:
                    connection.sendall(startup(READER, DATABASE))
                    answer = connection.recv(1024)
                    with contextlib.suppress(OSError):
                        connection.unwrap()  # it would log who hangs up without a word
                    return refusal(answer)
        except OSError as error:
            return f"{self.address}:{self.port}: {error.strerror or error}"


def startup(user: str, database: str) -> bytes:
    """Return the message that opens a connection (protocol 3.0)."""
    words = b"".join(word.encode() + b"\0" for word in ("user", user, "database", database)) + b"\0"
    return struct.pack("!ii", 8 + len(words), _PROTOCOL) + words


def refusal(answer: bytes) -> str | None:
    """Return what the server said in place of asking for a password; None where it asks."""
    if answer[:1] == b"R":
        return None
    fields = answer[5:].split(b"\0") if answer[:1] == b"E" else []
    said = [field[1:].decode(errors="replace") for field in fields if field[:1] == b"M"]
    return said[0] if said else "it hung up before it asked who connects"


@dataclass(frozen=True)
class Postgres:
    """The server of one cluster: its files, its command line, its roles."""

    settings: Settings
    layout: Layout
    certificates: Certificates
    place: Callable[[str], Placement]

    @property
    def folder(self) -> Path:
        """All that the server sees."""
        return self.layout.data / NAME

    def url_file(self, role: str) -> Path:
        """Return the file with a role's URL, password included, that its owner alone reads."""
        return self.layout.ledger / f"{role}.url"

    def url(self, role: str, authority: str | Path | None = None) -> str:
        """Return a role's URL; ``authority`` is the file of the cluster's authority where it is used."""
        place = f"{self.settings.address}:{self.settings.postgres_port}/{DATABASE}"
        trusted = quote(str(authority or self.certificates.certificate(CLUSTER)), safe="/")
        return f"postgresql://{role}:{self._password(role)}@{place}?sslmode=verify-full&sslrootcert={trusted}"

    def leaf(self) -> Leaf:
        """Return what the server's certificate says."""
        return Leaf(NAME, CLUSTER, NAME, (), (), (self.settings.address,), server=True)

    def component(self) -> Component:
        """Return the server."""
        options = {
            "listen_addresses": self.settings.address,
            "port": self.settings.postgres_port,
            "unix_socket_directories": HOME / "socket",
            "hba_file": HOME / "hba.conf",
            "ident_file": HOME / "ident.conf",
            "ssl": "on",
            "ssl_cert_file": HOME / "server.crt",
            "ssl_key_file": HOME / "server.key",
            "ssl_min_protocol_version": "TLSv1.2",
            "password_encryption": "scram-sha-256",
            "synchronous_commit": "on",
            "log_timezone": "UTC",
        }
        arguments = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return Component(
            name=NAME,
            argv=self._as_user("postgres", "-D", str(HOME / "cluster"), *arguments),
            probe=PostgresProbe(
                str(self.settings.address), self.settings.postgres_port, self.certificates.certificate(CLUSTER)
            ),
            inputs=(*(self.folder / name for name in self._files()), self.certificates.certificate(CLUSTER)),
            placement=self.place(NAME),
            stop_signal="SIGINT",  # a fast shutdown: SIGTERM waits until every client has gone
        )

    def prepare(self) -> None:
        """Make the folder, its files and the data, each where it is not there; what was half made is made anew."""
        user = _user()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)
        socket_folder = self.folder / "socket"
        socket_folder.mkdir(exist_ok=True, mode=0o700)
        os.chown(socket_folder, user.pw_uid, user.pw_gid)
        for name, content in self._files().items():
            write_private(self.folder / name, content)
            os.chown(self.folder / name, user.pw_uid, user.pw_gid)
        self.layout.ledger.mkdir(exist_ok=True, mode=0o700)
        for role in ROLES:
            write_private(self.url_file(role), f"{self.url(role)}\n".encode())
        if not (self.folder / "cluster").exists():
            self._initialise(user)

    def provide(self) -> None:
        """Make the roles and the database where they are not there, and give the roles their passwords."""
        psql = self._program("psql")
        where = ("--host", str(self.folder / "socket"), "--port", str(self.settings.postgres_port), "--username", NAME)
        quiet = ("--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", "postgres", "--file", "-")
        execute(psql, *where, *quiet, content=provision({role: self._password(role) for role in ROLES}))

    def _files(self) -> dict[str, bytes]:
        return {
            "hba.conf": access(self.settings).encode(),
            "ident.conf": f"administrator root {NAME}\n".encode(),
            "server.crt": _bytes(self.certificates.certificate(NAME)),
            "server.key": _bytes(self.certificates.key(NAME)),
        }

    def _initialise(self, user: pwd.struct_passwd) -> None:
        """Make the data in a folder of a name of its own, which becomes theirs once they are whole."""
        for left in self.folder.glob("cluster.*"):
            shutil.rmtree(left)
        fresh = Path(tempfile.mkdtemp(prefix="cluster.", dir=self.folder))
        os.chown(fresh, user.pw_uid, user.pw_gid)
        options = ("--auth=reject", f"--username={NAME}", "--encoding=UTF8", "--locale=C")
        execute(*self._as_user("initdb", "-D", str(HOME / fresh.name), *options))
        fresh.rename(self.folder / "cluster")

    def _as_user(self, program: str, *arguments: str) -> tuple[str, ...]:
        """Return the command line that runs a program of Postgres as its user, in sight of its folder alone."""
        user = _user()
        unshare, setpriv = (find_program(name) or f"/usr/bin/{name}" for name in ("unshare", "setpriv"))
        becomes = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--no-new-privs")
        shown = ("--mount", "--propagation", "private", "--", "/bin/sh", "-c", _IN_SIGHT_OF_HOME, str(self.folder))
        return (unshare, *shown, setpriv, *becomes, "--", self._program(program), *arguments)

    def _program(self, name: str) -> str:
        """Return the path of a program, of the version that the data are of. Raises ComponentError."""
        newest = newest_programs()
        try:
            version = (self.folder / "cluster" / "PG_VERSION").read_text(encoding="ascii").strip()
        except FileNotFoundError:
            version = "" if newest is None else newest.parent.name
        path = PROGRAMS / version / "bin" / name
        if not version or not path.exists():
            raise ComponentError(
                f"The ledger's data are of Postgres {version or '(none)'}, and {path} is not there: install Debian's "
                f"package postgresql-{version or '<version>'}, or leave the database out with TRADEPLANE_POSTGRES=0."
            )
        return str(path)

    def _password(self, role: str) -> str:
        """Return a role's password, which is made when it is first asked for."""
        path = self.layout.ledger / f"{role}.password"
        if not path.exists():
            self.layout.ledger.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(path, secrets.token_urlsafe(24).encode())
        return path.read_text(encoding="ascii")


def access(settings: Settings) -> str:
    """Return who may connect (pg_hba.conf): root through the socket, the roles by TLS from the cluster's addresses."""
    networks = (settings.node_subnet, settings.pod_subnet)
    lines = [f"hostssl {DATABASE} {','.join(ROLES)} {network} scram-sha-256" for network in networks]
    return "\n".join((f"local all {NAME} peer map=administrator", *lines, ""))


def provision(passwords: dict[str, str]) -> str:
    """Return what psql is told to make of roles and database, whatever of it is there already.

    A statement with a password is logged nowhere, not even where it fails.
    """
    lines = ["SET log_min_error_statement = panic;", "SET log_statement = none;"]
    for role, password in passwords.items():
        lines.append(_unless(f"CREATE ROLE {role}", f"FROM pg_roles WHERE rolname = '{role}'"))
        rights = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
        lines.append(f"ALTER ROLE {role} {rights} PASSWORD '{password}';")
    wanted = f"CREATE DATABASE {DATABASE} OWNER {OWNER} TEMPLATE template0 ENCODING UTF8"
    lines.append(_unless(wanted, f"FROM pg_database WHERE datname = '{DATABASE}'"))
    lines += [f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;"]
    lines += [f"GRANT CONNECT ON DATABASE {DATABASE} TO {role};" for role in passwords]
    return "\n".join((*lines, ""))


def _unless(statement: str, there: str) -> str:
    """Return what has psql execute a statement unless a row is there."""
    return f"SELECT '{statement}' WHERE NOT EXISTS (SELECT {there}) \\gexec"


def _user() -> pwd.struct_passwd:
    """Return whom the server runs as. Raises ComponentError."""
    try:
        return pwd.getpwnam(NAME)
    except KeyError as error:
        raise ComponentError(
            f"There is no user {NAME}, and Postgres does not run as root: install Debian's package postgresql, "
            "or leave the database out with TRADEPLANE_POSTGRES=0."
        ) from error


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""

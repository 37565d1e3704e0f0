"""A Postgres server of one's own, for device tests: in a folder that goes with it, on a socket and no port."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

USER = "postgres"


def _programs() -> Path | None:
    """Folder of the newest server installed; Debian keeps them out of the path."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return versions[-1].parent if versions else None


def why_no_postgres() -> str:
    """Why there can be none here; empty where there can."""
    if _programs() is None:
        return "no Postgres server is installed (Debian: apt install postgresql)"
    if os.geteuid() == 0:  # initdb refuses to be run by root
        try:
            pwd.getpwnam(USER)
        except KeyError:
            return f"root cannot run a Postgres server, and there is no user {USER}"
    return ""


class Postgres:
    """A running server; `stop` ends it and deletes its folder."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        if os.geteuid() == 0:
            shutil.chown(self._folder, USER)
        data = str(self._folder / "data")
        self._call("initdb", "-D", data, "-U", USER, "-A", "trust", "--no-sync")
        settings = f"-k {self._folder} -c listen_addresses= -c fsync=off"
        self._call("pg_ctl", "-D", data, "-l", str(self._folder / "log"), "-o", settings, "-w", "start")

    @property
    def url(self) -> str:
        """Of a database that is not made yet."""
        return f"postgresql://{USER}@/music?host={quote(str(self._folder))}"

    def create(self) -> None:
        """Make the database, with nothing in it."""
        import psycopg  # noqa: PLC0415 (of the jobs extra, which not everybody has)

        with psycopg.connect(self.url.replace("/music", "/postgres"), autocommit=True) as session:
            session.execute("CREATE DATABASE music")

    def stop(self) -> None:
        """End it, where it still runs."""
        if not self._folder.exists():
            return
        self._call("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._folder)

    def _call(self, program: str, *arguments: str) -> None:
        folder = _programs()
        assert folder is not None
        command = [str(folder / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", USER, "--", *command]
        subprocess.run(command, check=True, cwd=self._folder, stdout=subprocess.DEVNULL)

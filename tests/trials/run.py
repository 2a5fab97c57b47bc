#!/usr/bin/python3
"""run.py - servers that Debian ships, under load, with and without dlwatch

Not a part of `make check`: it takes minutes, and what is not installed is
skipped, by name. Nothing may be found, all must end as it ends natively, and
nothing may be left behind. The throughput of each way is printed as a ratio to
the native one: a figure to look at, not a test. As root it has a /dev/shm of its
own. Of a whole log `dlwatch analyze` is asked, too, and how many findings it has
is printed: predictions are to be looked at by hand.

    redis       io threads and a background save under redis-benchmark
    mariadb     mariadb-slap, eight connections
    postgresql  pgbench, eight connections: process-shared semaphores
    nginx       two workers with a thread pool under ab
    apache      two processes of mpm_event under ab
"""
import argparse
import contextlib
import glob
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

import harness  # noqa: E402
from harness import (DLWATCH, Running, Skip, check, environment, equal, execute,  # noqa: E402
                     load_json_lines, preloaded, report_findings)

PATIENCE = 60


def need(name, *places):
    path = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *places]))
    if not path:
        raise Skip(f"{name} is not installed")
    return path


def call(command, directory, user=None):
    """A client, unwatched. Return: what it said."""
    result = subprocess.run(command, env=environment(HOME=directory), cwd=directory,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=PATIENCE * 3, check=False,
                            preexec_fn=become(user))
    check(result.returncode == 0, f"{command[0]}: {result.stdout[-800:]!r}")
    return result.stdout.decode(errors="replace")


def become(user):
    """Some servers refuse to be root."""
    if not user or os.geteuid():
        return None
    entry = pwd.getpwnam(user)

    def change():
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    return change


def answers(command, directory, running, user=None):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        check(running.process.poll() is None, "it ended at once: " + running.said())
        running.read(0.05)
        with contextlib.suppress(AssertionError):
            call(command, directory, user)
            return
    raise AssertionError("it never answered: " + running.said())


class Server:
    """One server in a directory of its own; those below say the rest."""
    user = None

    def __init__(self, directory):
        self.directory = directory

    def place(self, name):
        return os.path.join(self.directory, name)

    def prepare(self):
        pass

    def stop(self, running):
        running.process.send_signal(signal.SIGTERM)


class Redis(Server):
    def prepare(self):
        self.server, self.client = need("redis-server"), need("redis-cli")
        self.benchmark = need("redis-benchmark")

    def command(self):
        return [self.server, "--port", "0", "--unixsocket", self.place("socket"), "--save", "",
                "--dir", self.directory, "--io-threads", "2", "--io-threads-do-reads", "yes"]

    def ask(self, *words):
        return [self.client, "-s", self.place("socket"), *words]

    def ready(self):
        return self.ask("ping")

    def load(self):
        call(self.ask("bgsave"), self.directory)
        said = call([self.benchmark, "-s", self.place("socket"), "-t", "set,get,lpush", "-n",
                     "30000", "-c", "20", "-q", "--csv"], self.directory)
        call(self.ask("bgsave"), self.directory)
        rates = re.findall(r'^"(?:SET|GET|LPUSH)","([\d.]+)"', said, re.M)
        equal(len(rates), 3, "rates of redis-benchmark")
        return 3 / sum(1 / float(rate) for rate in rates)


class MariaDB(Server):
    def prepare(self):
        self.server = need("mariadbd", "/usr/sbin")
        self.slap, self.admin = need("mariadb-slap"), need("mariadb-admin")
        call([need("mariadb-install-db"), "--no-defaults", "--user=root", f"--datadir="
              f"{self.place('base')}", "--auth-root-authentication-method=normal",
              "--skip-test-db"], self.directory)

    def command(self):
        return [self.server, "--no-defaults", "--user=root", f"--datadir={self.place('base')}",
                f"--socket={self.place('socket')}", "--skip-networking",
                f"--pid-file={self.place('pid')}", f"--log-error={self.place('log')}"]

    def ask(self, program, *words):
        return [program, "--no-defaults", f"--socket={self.place('socket')}", "-uroot", *words]

    def ready(self):
        return self.ask(self.admin, "ping")

    def load(self):
        began = time.monotonic()
        call(self.ask(self.slap, "--concurrency=8", "--iterations=1", "--auto-generate-sql",
                      "--auto-generate-sql-load-type=mixed", "--number-of-queries=8000"),
             self.directory)
        return 8000 / (time.monotonic() - began)


class PostgreSQL(Server):
    user = "postgres"

    def prepare(self):
        places = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        self.server = need("postgres", *places)
        self.ready_program, self.bench = need("pg_isready", *places), need("pgbench", *places)
        call([need("initdb", *places), "-D", self.place("base"), "-A", "trust", "-N"],
             self.directory, self.user)

    def command(self):
        return [self.server, "-D", self.place("base"), "-k", self.directory,
                "-c", "listen_addresses=", "-c", "fsync=off"]

    def ready(self):
        return [self.ready_program, "-h", self.directory]

    def load(self):
        call([self.bench, "-h", self.directory, "-i", "-s", "5", "-q", "postgres"],
             self.directory, self.user)
        said = call([self.bench, "-h", self.directory, "-c", "8", "-j", "2", "-T", "6",
                     "postgres"], self.directory, self.user)
        return float(re.search(r"tps = ([\d.]+)", said).group(1))

    def stop(self, running):
        with open(self.place("base/postmaster.pid"), encoding="ascii") as file:
            os.kill(int(file.readline()), signal.SIGINT)  # fast shutdown


class Web(Server):
    """What answers at self.port with the file `page`."""
    load_options = "-k", "-n", "60000"

    def prepare(self):
        self.client = need("ab")
        with open(self.place("page"), "wb") as file:
            file.write(b"x" * 4096)
        self.port = 20000 + os.getpid() % 10000

    def page(self, *options):
        return [self.client, *options, f"http://127.0.0.1:{self.port}/page"]

    def ready(self):
        return self.page("-n", "1")

    def load(self):
        said = call(self.page("-q", "-c", "16", *self.load_options), self.directory)
        equal(re.findall(r"Failed requests: +(\d+)", said), ["0"], "failed requests")
        return float(re.search(r"Requests per second: +([\d.]+)", said).group(1))


class Nginx(Web):
    def prepare(self):
        super().prepare()
        self.server = need("nginx", "/usr/sbin")
        with open(self.place("conf"), "w", encoding="ascii") as file:
            file.write(f"""
                daemon off; worker_processes 2; pid {self.place('pid')};
                error_log {self.place('log')}; {'user root;' if not os.geteuid() else ''}
                events {{ worker_connections 256; }}
                http {{ access_log off; aio threads; server {{ listen 127.0.0.1:{self.port};
                        root {self.directory}; }} }}""")

    def command(self):
        return [self.server, "-p", self.directory, "-c", self.place("conf"),
                "-e", self.place("log")]

    def stop(self, running):
        with open(self.place("pid"), encoding="ascii") as file:
            os.kill(int(file.readline()), signal.SIGQUIT)


class Apache(Web):
    load_options = "-n", "20000"  # it ends kept connections as it likes, which ab calls failed
    MODULES = "/usr/lib/apache2/modules"

    def prepare(self):
        super().prepare()
        self.server = need("apache2", "/usr/sbin")
        os.chmod(self.directory, 0o755)
        with open(self.place("conf"), "w", encoding="ascii") as file:
            file.write(f"""
                LoadModule mpm_event_module {self.MODULES}/mod_mpm_event.so
                LoadModule authz_core_module {self.MODULES}/mod_authz_core.so
                ServerRoot {self.directory}
                ServerName localhost
                Listen 127.0.0.1:{self.port}
                PidFile {self.place('pid')}
                ErrorLog {self.place('log')}
                DocumentRoot {self.directory}
                {'User www-data' if not os.geteuid() else ''}
                {'Group www-data' if not os.geteuid() else ''}
                MaxKeepAliveRequests 0
                StartServers 2
                ThreadsPerChild 16""")

    def command(self):
        return [self.server, "-f", self.place("conf"), "-DFOREGROUND"]


# ---- one server, one way -------------------------------------------------------------


def left_behind(since):
    """Session directories newer than @since whose makers are gone; others may be at work."""
    def dead(name):
        pid = re.match(r"dlwatch-\d+-(\d+)\.", name)
        return pid and not os.path.exists(f"/proc/{pid.group(1)}")

    deadline = time.monotonic() + 3
    while True:
        left = {name for name in os.listdir("/dev/shm") if dead(name)} - since
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


WAYS = {
    "preload": {},
    "run": None,
    "full": {"log": "log", "log_mode": "full"},
    "ring": {"log": "log", "log_mode": "ring"},
    "stacks": {"stacks": "full"},
}


class Way:
    """How to start a server: one of WAYS, or not watched at all."""

    def __init__(self, name, directory):
        self.name = name
        self.json = os.path.join(directory, "found-%p.jsonl")
        self.report = os.path.join(directory, "report.json")
        self.log = os.path.join(directory, "recorded")
        self.options = WAYS.get(name)

    def start(self, server):
        env, prefix = environment(HOME=server.directory), []
        if self.options is not None:
            options = {key: self.log if key == "log" else value
                       for key, value in self.options.items()}
            env = preloaded(json=self.json, extra={"HOME": server.directory}, **options)
        elif self.name == "run":
            prefix = [DLWATCH, "run", f"--json={self.report}", "--"]
        return Running(prefix + server.command(), env, cwd=server.directory,
                       prepare=become(server.user))

    def findings(self):
        if self.name == "run":
            return report_findings(self.report)
        return [finding for path in glob.glob(self.json.replace("%p", "*"))
                for finding in load_json_lines(path)]

    def analysed(self):
        """How many findings `analyze` has; nothing observed is among them."""
        report = self.report + ".analysed"
        result = execute([DLWATCH, "analyze", f"--json={report}", self.log], patience=PATIENCE * 5)
        check(result.status in (0, 1), f"analyze: status {result.status}, {result.err!r}")
        found = report_findings(report)
        equal([finding["verdict"] for finding in found if finding["kind"] != "inversion"], [],
              "analyze: what is no prediction")
        return len(found)


def serve(kind, way_name):
    """Return: throughput, exit status, and findings of the log's analysis"""
    directory = tempfile.mkdtemp(prefix="trial-")
    server = kind(directory)
    try:
        if kind.user and not os.geteuid():
            shutil.chown(directory, kind.user)
        server.prepare()
        way = Way(way_name, directory)
        running = way.start(server)
        try:
            answers(server.ready(), directory, running, kind.user)
            rate = server.load()
            server.stop(running)
        except AssertionError as error:
            running.end()
            raise AssertionError(f"{way_name}: {error}") from None
        except BaseException:
            running.end()
            raise
        result = running.wait(PATIENCE)
        check(b"dlwatch: " not in result.err, f"{way_name}: said {result.err[-1500:]!r}")
        found = [(finding["kind"], finding["verdict"], finding["program"]["exe"])
                 for finding in way.findings()]
        equal(found, [], f"{way_name}: findings")
        return rate, result.status, way.analysed() if os.path.exists(way.log) else 0
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def trial(kind):
    def test(context):
        before = set(os.listdir("/dev/shm"))
        native, expected, _ = serve(kind, "native")
        ratios = []
        for way in WAYS:
            rate, status, predicted = serve(kind, way)
            equal(status, expected, f"{way}: exit status")
            ratios.append(f"{way} {rate / native:.2f}" +
                          (f" ({predicted} predicted)" if predicted else ""))
        equal(left_behind(before), set(), "left in /dev/shm")
        print(f"  {kind.__name__}: {native:.0f} a second, of that {', '.join(ratios)}",
              flush=True)
    return kind.__name__, test


def with_own_shm():
    """What others leave in /dev/shm is not ours to find; only root can have another one."""
    mount = ["mount", "-t", "tmpfs", "tmpfs", "/dev/shm"]
    if os.geteuid() or "--own-shm" in sys.argv or \
            subprocess.run(["unshare", "-m", *mount], check=False, capture_output=True).returncode:
        return
    os.execvp("unshare", ["unshare", "-m", "sh", "-c", " ".join(mount) + ' && exec "$0" "$@"',
                          sys.executable, *sys.argv, "--own-shm"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    harness.add_options(parser)
    parser.set_defaults(jobs=1)
    parser.add_argument("--own-shm", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    with_own_shm()
    servers = Redis, MariaDB, PostgreSQL, Nginx, Apache
    return harness.main([trial(kind) for kind in servers], arguments)


if __name__ == "__main__":
    sys.exit(main())

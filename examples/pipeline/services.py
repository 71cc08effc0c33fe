"""What a cluster consists of, each started on this machine and ended with its block."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from memory import peak

PYSPARK, NOBODY = "pyspark>=4.1,<5", 65534
HERE, BRIDGE = "127.0.0.1", "10.77.0.1"
POSTGRESQL = [Path("/usr/lib/postgresql"), Path("/usr/local"), Path("/opt/homebrew/opt")]
EXECUTOR = re.compile(rb"CoarseGrainedExecutorBackend.*--executor-id\0(\d+).*--app-id\0app-", re.DOTALL)

KNOWN = {
    "executor": EXECUTOR,
    "driver": re.compile(rb"java.*SparkConnectServer", re.DOTALL),
    "Sail": re.compile(rb"pysail"),
    "S3": re.compile(rb"moto\.server"),
}


class Log:
    """What a service prints: kept in a file, and waited for."""

    def __init__(self, process: subprocess.Popen[str], file: Path) -> None:
        self._changed, self._text, self._ended = threading.Condition(), "", False
        self._process, self._file = process, file
        threading.Thread(target=self._read, daemon=True).start()

    def find(self, pattern: str, times: int = 1, seconds: float = 120) -> str:
        """Wait until the pattern was printed so often; its group the last time."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or len(re.findall(pattern, self._text)) >= times, seconds)
            found = re.findall(pattern, self._text)
        if len(found) < times:
            sys.exit(f"{self._process.args[0]} has not started: see {self._file}")  # type: ignore[index]
        return str(found[-1])

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._file.open("w", encoding="utf-8") as file:
            for text in self._process.stdout:
                file.write(text)
                file.flush()
                with self._changed:
                    self._text += text
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


@contextmanager
def service(name: str, command: Sequence[str], logs: Path, end: int = signal.SIGTERM, **env: str) -> Iterator[Log]:
    """A process, which is ended with the block."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, **env},
        cwd=logs,
        start_new_session=True,
    ) as process:
        try:
            yield Log(process, logs / f"{name}.log")
        finally:
            process.send_signal(end)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def dying(end: str, *options: str) -> list[str]:
    """What to put before a command, so that it gets a signal if this process ends in whatever way."""
    return ["setpriv", "--pdeathsig", end, *options] if shutil.which("setpriv") else []


@contextmanager
def postgresql(logs: Path, host: str = HERE) -> Iterator[str]:
    """PostgreSQL with an empty database; its URI. It refuses root, so root gives up its rights."""
    initdb = shutil.which("initdb") or next((str(p) for d in POSTGRESQL for p in sorted(d.glob("*/bin/initdb"))), None)
    if initdb is None:
        sys.exit("PostgreSQL is not installed. On Debian: apt-get install postgresql")
    options = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
    as_user, password = dying("INT", *options), os.urandom(16).hex()
    # Not in the cluster's directory, which may lie where that user may not go.
    with tempfile.TemporaryDirectory(prefix="floe-postgresql-") as place:
        data, secret = Path(place) / "data", Path(place) / "password"
        secret.touch(mode=0o600)
        secret.write_text(password, encoding="utf-8")
        if options:
            for each in (Path(place), secret):
                os.chown(each, NOBODY, NOBODY)
        given = ["-D", str(data), "-A", "scram-sha-256", "-U", "floe", f"--pwfile={secret}", "-E", "UTF8", "-N"]
        subprocess.run([*as_user, initdb, *given], check=True, stdout=subprocess.DEVNULL, cwd="/")
        secret.unlink()
        port, program = free_port(), Path(initdb).resolve().with_name("postgres")
        command = [*as_user, str(program), "-D", str(data), "-h", host, "-p", str(port), "-k", str(data)]
        with service("postgresql", command, logs, end=signal.SIGINT) as log:
            log.find("ready to accept connections")
            yield f"postgresql://floe:{password}@{host}:{port}/postgres"


@contextmanager
def s3(logs: Path, bucket: str) -> Iterator[dict[str, str]]:
    """An S3 service with a bucket, and the environment in which its clients find it."""
    import boto3

    port = free_port()
    with service("s3", [*dying("KILL"), sys.executable, "-m", "moto.server", "-H", HERE, "-p", str(port)], logs) as log:
        log.find("Running on")
        keys = {"AWS_ACCESS_KEY_ID": "daylight", "AWS_SECRET_ACCESS_KEY": os.urandom(16).hex()}
        address = {"AWS_ENDPOINT_URL": f"http://{HERE}:{port}", "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true"}
        client = boto3.client(
            "s3", "us-east-1", endpoint_url=address["AWS_ENDPOINT_URL"],
            aws_access_key_id="daylight", aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip
        client.create_bucket(Bucket=bucket)
        yield {**keys, **address}


@contextmanager
def sail(logs: Path, **env: str) -> Iterator[str]:
    """A Spark Connect server of one process, which needs no Java."""
    command = [*dying("KILL"), sys.executable, "-m", "pysail", "spark", "server", "--port", "0"]
    with service("sail", command, logs, **env) as log:
        yield f"sc://{log.find(rf'({HERE}:[1-9][0-9]+)')}"


@contextmanager
def spark(logs: Path, spark_home: Path, hosts: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Apache Spark: a master, two workers and a Connect server; the last one's address, and that of its figures.

    Each worker runs on a host of its own if there are any, else here.
    """
    address = BRIDGE if hosts else HERE
    run = [*dying("KILL"), str(spark_home / "bin" / "spark-class")]
    deploy, env = "org.apache.spark.deploy", {"SPARK_HOME": str(spark_home), "SPARK_LOCAL_IP": address}
    with contextlib.ExitStack() as stack:
        master = [*run, f"{deploy}.master.Master", "--host", address, "--port", "0", "--webui-port", "0"]
        log = stack.enter_context(service("spark-master", master, logs, **env))
        url = log.find(r"Starting Spark master at (spark://\S+)")
        for number in (1, 2):
            place = ["ip", "netns", "exec", hosts[number - 1]] if hosts else []
            own = host_address(number) if hosts else HERE
            limits = ["--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", str(logs / f"work-{number}")]
            worker = [*place, *run, f"{deploy}.worker.Worker", "--host", own, *limits, url]
            name = f"spark-worker-{number}"
            stack.enter_context(service(name, worker, logs, **env | {"SPARK_LOCAL_IP": own}))
        log.find("Registering worker", times=2)
        port, figures = free_port(), free_port()
        conf = {
            "spark.connect.grpc.binding.address": address,
            "spark.connect.grpc.binding.port": port,
            "spark.driver.host": address,
            "spark.driver.memory": "1g",
            "spark.executor.memory": "768m",
            "spark.ui.port": figures,
            "spark.sql.session.timeZone": "UTC",
        }
        connect = [
            *run, f"{deploy}.SparkSubmit", "--master", url, *(f"--conf={key}={value}" for key, value in conf.items()),
            "--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal",
        ]  # fmt: skip
        log = stack.enter_context(service("spark-connect", connect, logs, **env))
        log.find("Spark Connect server started at")
        log.find(r"Granted executor ID", times=2)
        yield f"sc://{address}:{port}", f"http://{address}:{figures}/api/v1/applications"


@contextmanager
def network() -> Iterator[tuple[Sequence[str], Callable[[int, str], None]]]:
    """Two hosts as network namespaces, and what sets the line to one of them ``up`` or ``down``.

    For a process that has a network of its own.
    """
    hosts = ["host1", "host2"]

    def ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True)

    ip("link", "set", "lo", "up")
    ip("link", "add", "hosts", "type", "bridge")
    ip("addr", "add", f"{BRIDGE}/24", "dev", "hosts")
    ip("link", "set", "hosts", "up")
    try:
        for number, host in enumerate(hosts, 1):
            ip("netns", "add", host)
            ip("link", "add", f"line{number}", "type", "veth", "peer", "name", "eth0", "netns", host)
            ip("link", "set", f"line{number}", "master", "hosts", "up")
            ip("-n", host, "addr", "add", f"{host_address(number)}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                ip("-n", host, "link", "set", device, "up")
        yield hosts, lambda number, state: ip("link", "set", f"line{number}", state)
    finally:
        for host in hosts:
            subprocess.run(["ip", "netns", "del", host], check=False, stderr=subprocess.DEVNULL)


def host_address(number: int) -> str:
    """The address of a host of ``network``."""
    return f"10.77.0.{10 + number}"


def kill_executor(number: str) -> None:
    """End a process of Spark's workers as a crash does; of all on this machine, one below this process."""
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found = EXECUTOR.search((place / "cmdline").read_bytes())
            if found and found[1].decode() == number and os.getpid() in ancestors(int(place.name)):
                os.kill(int(place.name), signal.SIGKILL)


def peaks() -> Iterator[tuple[str, int]]:
    """The memory at its peak of each process below this one that is known, in megabytes."""
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (place / "cmdline").read_bytes()
            found = [name for name, mark in KNOWN.items() if mark.search(command)]
            size = peak(place)
            if found and isinstance(size, int) and os.getpid() in ancestors(int(place.name)):
                yield found[0], size


def ancestors(process: int) -> Iterator[int]:
    """The parents of a process."""
    while process > 1:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
        process = int(status.partition("PPid:")[2].split()[0])
        yield process


def spark_home() -> Path:
    """Where Apache Spark is, with its jars: what SPARK_HOME says, or the package that uv installs once."""
    if "SPARK_HOME" in os.environ:
        return Path(os.environ["SPARK_HOME"])
    code = "import pyspark; print(pyspark.__path__[0])"
    command = ["uv", "run", "-q", "--no-project", "--python", sys.executable, "--with", PYSPARK, "python", "-c", code]
    return Path(subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout.strip())


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.create_server((HERE, 0)) as free:
        return int(free.getsockname()[1])

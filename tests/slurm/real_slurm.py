"""A Slurm of one node on the loopback interface, in a folder of its own, for root."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue")

_CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# a job that was requeued waits until its old credential has expired
AuthInfo=socket={root}/munge.socket,cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
# four processors are claimed whatever the machine has
SlurmdParameters=config_overrides
MpiDefault=none
ReturnToService=2
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={root}/ctld
SlurmdSpoolDir={root}/d
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/slurmd.log
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
GresTypes=gpu
KillWait=20
MinJobAge=600
SchedulerParameters=sched_interval=2,batch_sched_delay=1
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=8000 Gres=gpu:2 State=UNKNOWN
PartitionName=debug Nodes={host} Default=YES MaxTime=60 State=UP OverSubscribe=NO
"""

# two devices that every machine has stand for two cards
_GRES = "AutoDetect=off\nName=gpu File=/dev/null\nName=gpu File=/dev/zero\n"


def missing() -> str | None:
    """Why there can be no Slurm here; None if there can."""
    absent = [name for name in PROGRAMS if _which(name) is None]
    if absent:
        return f"no {', '.join(absent)} here (Debian: slurm-wlm, munge)"
    return None if os.getuid() == 0 else "starting a Slurm needs root"


class RealSlurm:
    """A running Slurm; ``environment`` lets its commands find it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {"SLURM_CONF": str(root / "slurm.conf")}
        self._processes: list[subprocess.Popen[bytes]] = []
        for name in ("ctld", "d"):
            (root / name).mkdir()
        host = socket.gethostname().split(".")[0]
        (root / "slurm.conf").write_text(_CONF.format(host=host, root=root, ports=_free_ports(2)))
        (root / "gres.conf").write_text(_GRES)
        key = root / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)

    def start(self) -> None:
        """Start the daemons and wait until the node can take jobs."""
        paths = {
            "socket": "socket",
            "pid-file": "pid",
            "log-file": "log",
            "seed-file": "seed",
            "key-file": "key",
        }
        munge = [f"--{option}={self.root}/munge.{name}" for option, name in paths.items()]
        self._spawn("munged", "--foreground", "--force", *munge)
        _wait(lambda: (self.root / "munge.socket").exists(), "munged")
        self._spawn("slurmctld", "-D")
        self._spawn("slurmd", "-D")
        _wait(lambda: self.command("sinfo", "-h", "-o", "%T").strip() == "idle", "the node")

    def stop(self) -> None:
        """End all jobs and daemons."""
        for job in {name.partition("_")[0] for name in self.states()}:
            self.command("scancel", "--full", "--signal=KILL", job)
            self.command("scancel", job)
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self._processes):
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        # a step whose daemon is gone waits for it for ever
        for pid in self._offspring():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _offspring(self) -> list[int]:
        """Processes that belong to this Slurm: its configuration is in their environment."""
        mark = f"SLURM_CONF={self.root / 'slurm.conf'}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mark in path.read_bytes().split(b"\0") and int(path.parent.name) != os.getpid():
                    found.append(int(path.parent.name))
        return found

    def command(self, *words: str, check: bool = False) -> str:
        """Output of one of Slurm's commands."""
        done = subprocess.run(
            words,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=check,
            timeout=60,
        )
        return done.stdout + done.stderr

    def states(self) -> dict[str, str]:
        """State of every job and array task that the controller remembers."""
        lines = self.command("squeue", "--noheader", "--array", "--states=all", "--format=%i|%T").splitlines()
        return dict(line.split("|", 1) for line in lines if "|" in line)

    def _spawn(self, name: str, *options: str) -> None:
        program = _which(name)
        assert program is not None
        log = open(self.root / f"{name}.out", "wb")  # noqa: SIM115 - the daemon keeps it
        with log:
            self._processes.append(
                subprocess.Popen(
                    [program, *options],
                    env={**os.environ, **self.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            )


def _which(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def _wait(done: object, what: str, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not done():  # type: ignore[operator]
        if time.monotonic() > until:
            raise TimeoutError(f"{what} did not come up")
        time.sleep(0.1)

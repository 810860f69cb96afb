"""A real Slurm on one machine: virtual nodes, fake GPUs, a controller, all of it in one temporary folder.

Debian's Slurm runs several slurmd on one host. Processors and memory of a node are what the configuration claims, its
GPUs are device files without a driver. Memory is walled off by cgroups (version 1) where they can be written, else
slurmd itself watches it. The daemons are children of this process and end with it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

PROGRAMS = ("slurmctld", "slurmd", "munged", "srun", "sbatch", "squeue", "scontrol", "scancel", "setpriv")
COMMANDS = ("srun", "sbatch", "squeue", "scontrol", "scancel", "sinfo", "sacct", "sacctmgr", "sshare")
CGROUPS = [Path("/sys/fs/cgroup", name) for name in ("devices", "memory", "freezer", "cpuacct")]

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# a requeued job waits as long as the credential of its first start is valid
AuthInfo=socket={folder}/munge.socket,cred_expire=15
StateSaveLocation={folder}/controller
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=5,bf_interval=5,batch_sched_delay=0
PriorityType=priority/basic
GresTypes=gpu
EnforcePartLimits=ALL
# nodes may claim more than the machine has
SlurmdParameters=config_overrides
ReturnToService=2
CompleteWait=0
# seconds from TERM to KILL
KillWait=5
JobAcctGatherFrequency=task=1
AccountingStorageType=accounting_storage/none
# finished jobs stay in squeue
MinJobAge=3600
NodeName=DEFAULT Sockets=1 CoresPerSocket=1 ThreadsPerCore=1 RealMemory=16000
PartitionName=DEFAULT DefaultTime=10 MaxTime=1-0 State=UP
"""
WALLS = """\
ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
JobAcctGatherType=jobacct_gather/cgroup
"""
WATCHED = """\
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherParams=OverMemoryKill
"""
CGROUP = """\
CgroupPlugin=cgroup/v1
CgroupMountpoint=/sys/fs/cgroup
CgroupAutomount=no
ConstrainDevices=yes
ConstrainRAMSpace=yes
"""


def lacking() -> str | None:
    """Why there can be no cluster here, or None."""
    if os.getuid():
        return "a test cluster needs root"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"no {', '.join(missing)} here: apt-get install slurm-wlm munge" if missing else None


class Cluster:
    """``nodes``: the name of each, and its GPUs. Those with some make the partition ``gpu``, the others ``cpu``.

    ``walls`` says whether cgroups hold jobs to their memory. Use it as a context manager.
    """

    def __init__(self, nodes: Mapping[str, int]) -> None:
        self.nodes = dict(nodes)
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))
        self.folder.chmod(0o755)
        self.walls = all(_writable(folder) for folder in CGROUPS)
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._configuration = self.folder / "slurm.conf"

    def __enter__(self) -> Cluster:
        try:
            self._configure()
            self._start("munged", "--foreground", "--force", *self._munge())
            self._wait("munged", (self.folder / "munge.socket").exists)
            self._start("slurmctld", "-D")
            self._wait("slurmctld", lambda: "UP" in self.ask("scontrol", "ping", ok=False))
            for node in self.nodes:
                self._start("slurmd", "-D", "-N", node, name=node)
            self._wait("idle nodes", lambda: self.states() == dict.fromkeys(self.nodes, "idle"))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End jobs and daemons, the last started first; leave nothing behind."""
        if "slurmctld" in self._daemons:
            self.ask("scancel", "--user=root", ok=False)
            end = time.monotonic() + 60
            while self.ask("squeue", "-h", "-t", "running,completing", ok=False) and time.monotonic() < end:
                time.sleep(0.1)
        self._end()

    def environment(self, without: Collection[str] = ()) -> dict[str, str]:
        """In which Slurm's commands find this cluster; those of ``without`` are not found at all."""
        path = f"{self.folder}/bin:{os.environ['PATH']}"
        if without:
            links = Path(tempfile.mkdtemp(dir=self.folder, prefix="programs-"))
            for folder in reversed(path.split(":")):
                for program in Path(folder).glob("*"):
                    (links / program.name).unlink(missing_ok=True)
                    if program.name not in without:
                        (links / program.name).symlink_to(program)
            path = str(links)
        return os.environ | {"PATH": path}

    def reconfigure(self, old: str, new: str) -> None:
        """Replace text of the configuration while the cluster runs."""
        text = self._configuration.read_text(encoding="utf-8")
        assert old in text
        self._configuration.write_text(text.replace(old, new), encoding="utf-8")
        self.ask("scontrol", "reconfigure")

    def ask(self, *command: str, ok: bool = True) -> str:
        """What a command of Slurm prints."""
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 or not ok, f"{command}: {done.stderr}"
        return done.stdout.strip()

    def states(self) -> dict[str, str]:
        """Of the nodes: idle, allocated, down ..."""
        return dict(line.split() for line in self.ask("sinfo", "-hN", "-o", "%N %T", ok=False).splitlines())

    def jobs(self) -> list[dict[str, str]]:
        """Each job that ever was, as ``scontrol show job`` tells it."""
        shown = self.ask("scontrol", "--oneliner", "show", "job", ok=False)
        lines = [line for line in shown.splitlines() if line.startswith("JobId=")]
        return [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]

    def _munge(self) -> list[str]:
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        places = {"socket": "socket", "log-file": "log", "pid-file": "pid", "seed-file": "seed"}
        return [f"--key-file={key}", *(f"--{option}={self.folder}/munge.{name}" for option, name in places.items())]

    def _configure(self) -> None:
        ports = _free_ports(1 + len(self.nodes))
        host = socket.gethostname().split(".")[0]
        nodes, devices = "", "AutoDetect=off\n"
        for number, ((node, gpus), port) in enumerate(zip(self.nodes.items(), ports[1:], strict=True)):
            nodes += f"NodeName={node} NodeHostName={host} NodeAddr=127.0.0.1 Port={port}"
            nodes += f" Gres=gpu:fake:{gpus}" * bool(gpus) + "\n"
            for gpu in range(gpus):
                device = self._device(f"{node}.gpu{gpu}", 16 * number + gpu)
                devices += f"NodeName={node} Name=gpu Type=fake File={device} Flags=nvidia_gpu_env\n"
        for partition, chosen in (("cpu Default=YES", 0), ("gpu", 1)):
            members = [node for node, gpus in self.nodes.items() if bool(gpus) == chosen]
            nodes += f"PartitionName={partition} Nodes={','.join(members)}\n" * bool(members)
        text = CONFIGURATION.format(host=host, port=ports[0], folder=self.folder)
        self._configuration.write_text(text + (WALLS if self.walls else WATCHED) + nodes)
        (self.folder / "gres.conf").write_text(devices)
        if self.walls:
            (self.folder / "cgroup.conf").write_text(CGROUP)
        (self.folder / "controller").mkdir()
        (self.folder / "bin").mkdir()
        for command in COMMANDS:  # the plugin drops each SLURM_ variable on its way into a job: wrappers keep this one
            wrapper = self.folder / "bin" / command
            wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={self._configuration} exec {shutil.which(command)} "$@"\n')
            wrapper.chmod(0o755)

    def _device(self, name: str, minor: int) -> Path:
        """A device file without a driver behind it; where such files are forbidden a link, and then no walls."""
        path = self.folder / name
        try:
            os.mknod(path, 0o666 | 0o020000, os.makedev(240, minor))
        except OSError:
            path.symlink_to("/dev/null")
            self.walls = False
        return path

    def _start(self, program: str, *arguments: str, name: str | None = None) -> None:
        with open(self.folder / f"{name or program}.log", "wb") as log:
            self._daemons[name or program] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", str(shutil.which(program)), *arguments],
                env=os.environ | {"SLURM_CONF": str(self._configuration)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C ends the test, which ends them in order
            )

    def _wait(self, what: str, there: Callable[[], Any]) -> None:
        """Until ``there()``. Raises RuntimeError, with what the daemons said, where it takes a minute or one ends."""
        end = time.monotonic() + 60
        while not there():
            ended = [name for name, daemon in self._daemons.items() if daemon.poll() is not None]
            if ended or time.monotonic() > end:
                said = "".join(f"{name}: {(self.folder / f'{name}.log').read_text()[-2000:]}" for name in self._daemons)
                raise RuntimeError(f"no {what}; ended: {ended}\n{said}")
            time.sleep(0.1)

    def _end(self) -> None:
        for daemon in reversed(self._daemons.values()):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for node in self.nodes if self.walls else ():
            for left in Path("/sys/fs/cgroup").glob(f"*/slurm_{node}"):
                for folder in sorted(left.rglob("*/"), reverse=True):
                    folder.rmdir()
                left.rmdir()
        shutil.rmtree(self.folder)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _writable(cgroup: Path) -> bool:
    """Whether groups of this controller can be made."""
    probe = cgroup / f"probe-{os.getpid()}"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError:
        return False
    return (cgroup / "tasks").exists()

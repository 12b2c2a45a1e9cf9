#!/usr/bin/python3
"""The unit for real: systemd as process 1 of namespaces of its own starts tacetd and its tor, looks at how
they are shut in, ends one that stands still, and stops it.

The root is an overlay: all that is written goes to memory and vanishes with the namespaces, as do the
mounts; nothing of the machine but its files, to be read, and the kernel is in there. It needs root, systemd,
and cgroups as systemd calls hybrid (a "systemd" and a "unified" hierarchy); else it is skipped.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from lib import BUILD, say, wait_until

DEPLOY = pathlib.Path(__file__).resolve().parent.parent.parent / "deploy"
CGROUPS = [pathlib.Path("/sys/fs/cgroup") / name for name in ("systemd", "unified")]
# In place of the unit's minute.
WATCHDOG_S = 4
# Of the unit: 1 GiB for tacetd and its tors, and no swap.
MEMORY_MAX = 1 << 30

PREPARE = """set -eu
mount -t tmpfs -o size=700m tmpfs "$TOP"; mkdir "$TOP/up" "$TOP/work" "$TOP/root"; N=$TOP/root
mount -t overlay -o "lowerdir=/,upperdir=$TOP/up,workdir=$TOP/work" overlay "$N"
mount -t proc proc "$N/proc"; mount -t sysfs -o ro sysfs "$N/sys"
mount -t tmpfs -o mode=755 tmpfs "$N/sys/fs/cgroup"; mkdir "$N/sys/fs/cgroup/systemd" "$N/sys/fs/cgroup/unified"
mount -t cgroup -o none,name=systemd cgroup "$N/sys/fs/cgroup/systemd"
mount -t cgroup2 cgroup2 "$N/sys/fs/cgroup/unified"
mount -t tmpfs -o mode=755 tmpfs "$N/dev"; mkdir "$N/dev/pts" "$N/dev/shm"; ln -s pts/ptmx "$N/dev/ptmx"
for device in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
	set -- $device; mknod -m 666 "$N/dev/$1" c "$2" "$3"
done
mount -t devpts -o newinstance,ptmxmode=666 devpts "$N/dev/pts"
mount -t tmpfs -o mode=755 tmpfs "$N/run"; mount -t tmpfs -o mode=1777 tmpfs "$N/tmp"
# Nothing of the machine's own is started.
rm -rf "$N"/etc/systemd/system/*.wants "$N/etc/tacet" "$N/var/lib/tacet"
cp -a "$FILES/." "$N/"
ip link set lo up
cd "$N"; mkdir oldroot; pivot_root . oldroot; umount -l /oldroot; rmdir /oldroot
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=try.target \\
	--log-target=null --show-status=no
"""

TRY = """
show() { systemctl show --value -p "$1" tacetd; }
wait_for() { for n in $(seq 300); do [ "$(show "$1")" = "$2" ] && break; sleep 0.1; done; }
echo "active: $(systemctl is-active tacetd)"
P=$(show MainPID)
[ "$P" != 0 ] || { systemctl status --no-pager tacetd; echo "end"; exit; }
grep -E "^(CapPrm|CapBnd|NoNewPrivs|Seccomp):" "/proc/$P/status"
echo "memory: $(show MemoryMax) $(show MemorySwapMax)"
echo "user: $(stat -c %U "/proc/$P")"
echo "state: $(stat -c '%U %a' /var/lib/tacet)"
nsenter -t "$P" -m sh -c 'for d in /etc /usr /home /root /var /dev; do touch $d/x 2>/dev/null && echo "writable: $d"; done
	touch /var/lib/tacet/x && echo "state is writable"; ls -A /root /home | grep -v : | grep . && echo "homes are seen"'
for n in $(seq 100); do grep -q tor "/proc/$P/task/$P/children" 2>/dev/null; C=$(cat "/proc/$P/task/$P/children"); [ -n "$C" ] && break
	sleep 0.1; done
for c in $C; do echo "child: $(cat /proc/$c/comm) $(stat -c %U /proc/$c) $(grep Seccomp: /proc/$c/status | tr -d '\\t')"; done
echo secret | runuser -u tacet -- tacetctl account add ann --password-file - && echo "account: made"
systemctl reload tacetd && echo "reload: $(systemctl is-active tacetd)"
kill -STOP "$P"; wait_for NRestarts 1; wait_for ActiveState active
echo "watchdog: restarts $(show NRestarts), another process: $([ "$P" != "$(show MainPID)" ] && echo yes)"
runuser -u tacet -- tacetctl id ann >/dev/null && echo "account: kept"
systemctl stop tacetd
echo "stopped: $(show Result) $(show ExecMainStatus) $(show ActiveState)"
journalctl -u tacetd -o cat --no-pager -p notice | sed 's/^/journal: /'
echo "end"
sleep 60
"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def fill(files):
    """What is new in the root."""
    unit = (BUILD / "deploy/systemd/tacetd.service").read_text()
    program = re.search("^ExecStart=(/\\S+)", unit, flags=re.M)[1]
    for source, to in ((BUILD / "tacetd", program), (BUILD / "tacetctl", "/usr/bin/tacetctl"),
                       (DEPLOY / "systemd/sysusers.d/tacet.conf", "/usr/lib/sysusers.d/tacet.conf"),
                       (DEPLOY / "systemd/tmpfiles.d/tacet.conf", "/usr/lib/tmpfiles.d/tacet.conf")):
        (files / to[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, files / to[1:])
    units = files / "etc/systemd/system"
    write(units / "tacetd.service", unit)
    # The sanitizer, where the build has it, needs ptrace to look for leaks.
    write(units / "tacetd.service.d/test.conf",
          f"[Service]\nWatchdogSec={WATCHDOG_S}\nRestartSec=1\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n")
    write(units / "try.service", "[Unit]\nAfter=tacetd.service\n[Service]\nType=oneshot\nStandardOutput=file:/result\n"
          "StandardError=file:/result\nEnvironment=ASAN_OPTIONS=detect_leaks=0\nExecStart=/bin/bash /try.sh\n")
    write(units / "try.target", "[Unit]\nWants=tacetd.service try.service systemd-journald.service\n"
          "Requires=basic.target\n")
    write(files / "try.sh", TRY)
    write(files / "etc/machine-id", "0123456789abcdef0123456789abcdef\n")


class Machine:
    def __init__(self):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="tacet-systemd-"))
        self.files = pathlib.Path(tempfile.mkdtemp(prefix="tacet-files-"))
        # It becomes the root's.
        self.files.chmod(0o755)
        fill(self.files)
        self.cgroups = [path / self.top.name for path in CGROUPS]
        for path in self.cgroups:
            path.mkdir()

    def enter(self):
        for path in self.cgroups:
            (path / "cgroup.procs").write_text(str(os.getpid()))

    def start(self):
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--uts", "--ipc", "--net",
             "--cgroup", "--kill-child", "bash", "-c", PREPARE], preexec_fn=self.enter, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=os.environ | {"TOP": self.top, "FILES": self.files})
        return self

    def result(self):
        assert self.process.poll() is None, self.process.stdout.read().decode()
        for child in pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            path = pathlib.Path(f"/proc/{child}/root/result")
            if path.exists():
                return path.read_text(errors="replace")
        return ""

    def end(self):
        self.process.kill()
        self.process.wait()
        # The mounts were in its namespace: here these are plain, and the first is empty.
        self.top.rmdir()
        shutil.rmtree(self.files)
        wait_until("its cgroups are gone", lambda: all(self.gone(path) for path in self.cgroups), 20)

    @staticmethod
    def gone(cgroup):
        """Its processes may take a moment to die."""
        for path in [*sorted((p for p in cgroup.rglob("*") if p.is_dir()), reverse=True), cgroup]:
            try:
                path.rmdir()
            except OSError:
                return not path.exists()
        return True


def can_be_tried():
    return os.geteuid() == 0 and pathlib.Path("/lib/systemd/systemd").exists() \
        and all((path / "cgroup.procs").exists() for path in CGROUPS) \
        and subprocess.run(["unshare", "--mount", "--pid", "--net", "--cgroup", "--fork", "true"]).returncode == 0


def main():
    machine = Machine()
    try:
        machine.start()
        try:
            wait_until("all was tried", lambda: machine.result().endswith("end\n"), 100)
        finally:
            print(machine.result())
        result = machine.result()
        for line in ("active: active", "CapPrm:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1",
                     "Seccomp:\t2", f"memory: {MEMORY_MAX} 0", "user: tacet", "state: tacet 700", "state is writable", "child: tor tacet Seccomp:2",
                     "account: made", "reload: active", "watchdog: restarts 1, another process: yes", "account: kept",
                     "stopped: success 0 inactive"):
            assert line in result.splitlines(), line
        assert "writable: /" not in result and "homes are seen" not in result
        assert re.search("^journal: tacetd .* is ready", result, flags=re.M)
        say("done")
    finally:
        machine.end()


if __name__ == "__main__":
    if not can_be_tried():
        print("this needs root, systemd and hybrid cgroups")
        sys.exit(77)
    main()

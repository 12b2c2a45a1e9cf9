#!/usr/bin/python3
"""confine.py UNIT PROGRAM [ARG ...]: run a program with the system calls, address families and memory
that a systemd unit leaves it, where systemd is not process 1.

It does what systemd does for SystemCallFilter (allow list, groups, ~ takes away), RestrictAddressFamilies
and MemoryDenyWriteExecute, with libseccomp; all else in the unit is left out. Children inherit it.
"""

import ctypes
import errno
import os
import pathlib
import socket
import subprocess
import sys

SECCOMP = ctypes.CDLL("libseccomp.so.2", use_errno=True)
SECCOMP.seccomp_init.restype = ctypes.c_void_p
SECCOMP.seccomp_init.argtypes = [ctypes.c_uint32]
SECCOMP.seccomp_load.argtypes = [ctypes.c_void_p]
SECCOMP.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint,
                                           ctypes.c_void_p]
# <seccomp.h>, <sys/mman.h>
ALLOW, ERRNO = 0x7fff0000, 0x00050000
EQUAL, MASKED_EQUAL = 4, 7
PROT_WRITE, PROT_EXEC = 2, 4


class Compare(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def settings(unit):
    """{key: [values in order]} of the unit."""
    found = {}
    for line in pathlib.Path(unit).read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key.strip(), []).append(value.strip())
    return found


def members(word):
    """The system calls of a group (groups hold groups), or the one that is named."""
    if not word.startswith("@"):
        return {word}
    text = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter", word], capture_output=True, text=True,
                          check=True).stdout
    names = [line.strip() for line in text.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
    return set().union(*(members(name) for name in names))


def allowed(found):
    # systemd always leaves these.
    names = members("@default")
    for value in found["SystemCallFilter"]:
        for word in value.removeprefix("~").split():
            names = names - members(word) if value.startswith("~") else names | members(word)
    return names


def load(found):
    context = SECCOMP.seccomp_init(ERRNO | errno.EPERM)

    def rule(name, *compare):
        number = SECCOMP.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            array = (Compare * len(compare))(*compare)
            assert SECCOMP.seccomp_rule_add_array(context, ALLOW, number, len(compare), array) == 0, name

    for name in allowed(found) - {"socket", "mmap", "mprotect", "pkey_mprotect"}:
        rule(name)
    for family in found["RestrictAddressFamilies"][0].split():
        rule("socket", Compare(0, EQUAL, getattr(socket, family), 0))
    assert found["MemoryDenyWriteExecute"] == ["yes"]
    rule("mprotect", Compare(2, MASKED_EQUAL, PROT_EXEC, 0))
    rule("mmap", Compare(2, MASKED_EQUAL, PROT_EXEC, 0))
    rule("mmap", Compare(2, MASKED_EQUAL, PROT_WRITE, 0))
    assert SECCOMP.seccomp_load(context) == 0


if __name__ == "__main__":
    load(settings(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])

#!/usr/bin/python3
"""`tacetctl trust` with the system's own update-ca-certificates, in a mount namespace in which the
certificate store is a copy: before it the system's programs refuse the server's certificate, then they
take it, for localhost only, and after --remove they refuse it again. Needs root, else it is skipped."""

import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(os.environ.get("TACET_BUILD") or os.environ.get("top_builddir", "build"))
ANCHORS, STORE = "/usr/local/share/ca-certificates", "/etc/ssl/certs"
STRANGER = 65534


def in_namespace():
    """Run this program again where the store may be changed."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:
        print("needs root and mount namespaces")
        sys.exit(0)
    if not os.access("/usr/sbin/update-ca-certificates", os.X_OK):
        print("no update-ca-certificates")
        sys.exit(0)
    done = subprocess.run(["unshare", "-m", "--propagation", "private", __file__, "inside"], check=False)
    sys.exit(done.returncode)


def cover(path, directory, copy):
    """A copy of path, or an empty directory, in its place."""
    private = os.path.join(directory, path.strip("/").replace("/", "-"))
    if copy:
        shutil.copytree(path, private, symlinks=True)
    else:
        os.mkdir(private)
    subprocess.run(["mount", "--bind", private, path], check=True)


def trust(*arguments, config, user=None, answer=None):
    """What tacetctl trust says, and its exit code."""
    done = subprocess.run([BUILD / "tacetctl", "-c", config, "trust", *arguments], input=answer, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, user=user, timeout=60, check=False)
    return done.returncode, done.stdout


def accepted(port, name):
    """Does a program that has only the system's store take the server for name?"""
    context = ssl.create_default_context()
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as raw:
            with context.wrap_socket(raw, server_hostname=name):
                return True
    except ssl.SSLCertVerificationError:
        return False


def others_accept(port):
    """The same with GnuTLS, if it is here."""
    if not shutil.which("gnutls-cli"):
        return None
    done = subprocess.run(["gnutls-cli", "--port", str(port), "localhost"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, check=False)
    return b"The certificate is trusted" in done.stdout


def check(port, directory):
    config = os.path.join(directory, "tacetd.conf")
    state = os.path.join(directory, "state")
    authority = os.path.join(state, "tls", "ca.crt")
    target = f"{ANCHORS}/tacet-0.crt"
    pathlib.Path(config).write_text(f"state-dir = {state}\n", encoding="utf-8")

    assert not accepted(port, "localhost")
    code, said = trust("--yes", config=config)
    assert code == 1 and "it is made at its first start" in said, said
    os.makedirs(os.path.dirname(authority))
    shutil.copy(os.path.join(directory, "ca.crt"), authority)

    code, said = trust(config=config, answer="")
    assert code == 1 and "use --yes" in said and target in said and not os.path.exists(target), said
    assert "vouches for  localhost, 127.0.0.1, ::1; for nothing else" in said, said
    code, said = trust("--yes", authority, config=config, user=STRANGER)
    assert code == 1 and f"needs root: sudo tacetctl -c {config} trust {authority}" in said, said
    code, said = trust("--yes", "/etc/ssl/certs/ca-certificates.crt", config=config)
    assert code == 1 and not os.listdir(ANCHORS), said
    code, said = trust("--remove", "--yes", config=config)
    assert code == 1 and "nothing to undo" in said, said

    os.umask(0o077)
    code, said = trust("--yes", config=config)
    assert code == 0, said
    assert os.stat(target).st_mode & 0o777 == 0o644
    assert os.listdir(ANCHORS) == ["tacet-0.crt"]
    assert accepted(port, "localhost") and accepted(port, "127.0.0.1")
    assert not accepted(port, "example.org")
    assert others_accept(port) is not False
    links = [name for name in os.listdir(STORE) if os.path.islink(f"{STORE}/{name}")
             and os.path.realpath(f"{STORE}/{name}") == target]
    assert len(links) == 2, links
    print("ok trusted")

    code, said = trust("--remove", "--yes", config=config)
    assert code == 0, said
    assert not [name for name in links if os.path.lexists(f"{STORE}/{name}")]
    assert not os.listdir(ANCHORS) and not accepted(port, "localhost")
    assert not others_accept(port)
    print("ok no longer trusted")


def main():
    directory = tempfile.mkdtemp(prefix="tacet-trust-", dir="/tmp")
    os.chmod(directory, 0o755)
    os.makedirs(ANCHORS, exist_ok=True)
    cover(ANCHORS, directory, copy=False)
    cover(STORE, directory, copy=True)
    server = subprocess.Popen([BUILD / "tests/xmpp/serve", directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True)
    try:
        check(int(server.stdout.readline().split()[3]), directory)
    finally:
        server.stdin.close()
        assert server.wait(10) == 0
        for path in (ANCHORS, STORE):
            subprocess.run(["umount", path], check=False)
        shutil.rmtree(directory, ignore_errors=True)


if sys.argv[1:] == ["inside"]:
    main()
else:
    in_namespace()

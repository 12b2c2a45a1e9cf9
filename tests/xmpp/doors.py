#!/usr/bin/python3
"""How others come in, at the server with a made-up world (tests/xmpp/serve): TLS from the first byte
(XEP-0368) with OpenSSL and with GnuTLS, both checking the certificate against the CA; the Unix
socket, which another user's program is refused even when its mode would let it in; and the wrong
passwords of another user's program, which lock out nobody else."""

import base64
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile

SERVE = pathlib.Path(os.environ.get("top_builddir", "build")) / "tests/xmpp/serve"
HEADER = b"<stream:stream to='localhost' version='1.0' xmlns='jabber:client' " \
         b"xmlns:stream='http://etherx.jabber.org/streams'>"
FEATURES_END = b"</stream:features>"
STRANGER = 65534
PATIENCE_S = 20


def features(connection):
    """What the server says to a client's header, up to its features; b"" if it hangs up."""
    connection.settimeout(PATIENCE_S)
    got = b""
    try:
        connection.sendall(HEADER)
        while FEATURES_END not in got and (chunk := connection.recv(4096)):
            got += chunk
    except (BrokenPipeError, ConnectionResetError):
        return b""
    return got


def openssl(port, ca, address, name):
    context = ssl.create_default_context(cafile=ca)
    context.set_alpn_protocols(["xmpp-client"])
    raw = socket.create_connection((address, port), PATIENCE_S)
    with context.wrap_socket(raw, server_hostname=name) as connection:
        assert connection.selected_alpn_protocol() == "xmpp-client"
        got = features(connection)
    assert FEATURES_END in got and b"<starttls" not in got, got


def gnutls(port, ca, name):
    """True: GnuTLS trusts the server as name."""
    program = shutil.which("gnutls-cli")
    if not program:
        print("no gnutls-cli: not tried")
        return None
    done = subprocess.run([program, "--x509cafile", ca, "--alpn", "xmpp-client", "--port", str(port),
                           "--sni-hostname", name, "--verify-hostname", name, "127.0.0.1"],
                          input=HEADER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE_S,
                          check=False)
    return b"The certificate is trusted" in done.stdout and done.returncode == 0


def over_socket(path):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        return features(connection)


def as_stranger(path):
    """over_socket by a process of another user."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        try:
            os.setuid(STRANGER)
            os.write(writer, b"got " + over_socket(path))
        except OSError as error:
            os.write(writer, type(error).__name__.encode())
        os._exit(0)
    os.close(writer)
    os.wait()
    with os.fdopen(reader, "rb") as pipe:
        return pipe.read()


def socket_is_private(directory):
    path = os.path.join(directory, "xmpp")
    assert os.stat(path).st_mode & 0o777 == 0o600, oct(os.stat(path).st_mode)
    assert FEATURES_END in over_socket(path)
    if os.geteuid() != 0:
        print("not root: no stranger at the socket")
        return
    os.chmod(directory, 0o755)
    assert as_stranger(path) == b"PermissionError", as_stranger(path)
    os.chmod(path, 0o666)
    assert as_stranger(path) == b"got ", as_stranger(path)


def plain(port, password):
    """The server's answer to one password for alice."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        features(connection)
        secret = base64.b64encode(b"\0alice\0" + password).decode()
        connection.sendall(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>".encode())
        got = b""
        while not any(word in got for word in (b"<success", b"</failure>")) and (chunk := connection.recv(4096)):
            got += chunk
    return got


def guesses_of_a_stranger(port):
    if os.geteuid() != 0:
        print("not root: no stranger guesses")
        return
    child = os.fork()
    if child == 0:
        os.setuid(STRANGER)
        answers = [plain(port, b"wrong") for _ in range(10)]
        good = all(b"<not-authorized/>" in answer for answer in answers) and \
            b"<temporary-auth-failure/>" in plain(port, b"secret")
        os._exit(0 if good else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert b"<success" in plain(port, b"secret")


def main():
    directory = tempfile.mkdtemp(prefix="tacet-doors-", dir="/tmp")
    server = subprocess.Popen([str(SERVE), directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        words = server.stdout.readline().split()
        clear_port, port = int(words[1]), int(words[3])
        ca = os.path.join(directory, "ca.crt")
        openssl(port, ca, "127.0.0.1", "localhost")
        openssl(port, ca, "127.0.0.1", "127.0.0.1")
        print("ok OpenSSL")
        assert gnutls(port, ca, "localhost") is not False
        assert not gnutls(port, ca, "example.org")
        print("ok GnuTLS")
        socket_is_private(directory)
        print("ok socket")
        guesses_of_a_stranger(clear_port)
        print("ok guesses")
    finally:
        server.stdin.close()
        assert server.wait(10) == 0
        shutil.rmtree(directory, ignore_errors=True)


sys.exit(main())

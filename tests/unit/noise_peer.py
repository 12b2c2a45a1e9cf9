#!/usr/bin/python3
"""Does core/noise understand another implementation of Noise, and the other way round?

Runs noise_interop (see there for what is spoken) once for each pattern and role, and is its peer
by means of dissononce, from Debian's python3-dissononce. Without that the test is skipped.
"""
import os
import signal
import struct
import subprocess
import sys

try:
    from dissononce.cipher.chachapoly import ChaChaPolyCipher
    from dissononce.dh.private import PrivateKey
    from dissononce.dh.x25519.x25519 import X25519DH
    from dissononce.hash.sha256 import SHA256Hash
    from dissononce.processing.handshakepatterns.interactive.KK import KKHandshakePattern
    from dissononce.processing.handshakepatterns.interactive.XK import XKHandshakePattern
    from dissononce.processing.handshakepatterns.interactive.XX import XXHandshakePattern
    from dissononce.processing.handshakepatterns.oneway.K import KHandshakePattern
    from dissononce.processing.impl.cipherstate import CipherState
    from dissononce.processing.impl.handshakestate import HandshakeState
    from dissononce.processing.impl.symmetricstate import SymmetricState
    from dissononce.processing.modifiers.psk import PSKPatternModifier
except ImportError as e:
    print(f"SKIPPED: {e}; install python3-dissononce", file=sys.stderr)
    sys.exit(77)

ROUNDS = 5
TIME_LIMIT_S = 60
PATTERNS = {
    # name: pattern, has it a psk, does the responder know the initiator
    "Kpsk0": (PSKPatternModifier(0).modify(KHandshakePattern()), True, True),
    "KKpsk0": (PSKPatternModifier(0).modify(KKHandshakePattern()), True, True),
    "XKpsk3": (PSKPatternModifier(3).modify(XKHandshakePattern()), True, False),
    "XX": (XXHandshakePattern(), False, False),
}


class Pipe:
    def __init__(self, arguments):
        program = os.path.join(os.environ.get("top_builddir", "."), "tests/unit/noise_interop")
        self.process = subprocess.Popen([program] + arguments, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def put(self, message):
        self.process.stdin.write(struct.pack(">H", len(message)) + bytes(message))
        self.process.stdin.flush()

    def get(self):
        head = self.process.stdout.read(2)
        assert len(head) == 2, "noise_interop ended early"
        return self.process.stdout.read(struct.unpack(">H", head)[0])


def rekey(cipher):
    """Sections 4.2 and 11.3. dissononce's own rekey() keeps the tag in the key and sets n to 0."""
    n = cipher._nonce
    cipher.initialize_key(cipher.cipher.rekey(cipher._key)[:32])
    cipher.set_nonce(n)


def handshake(pipe, state, messages, initiator):
    ciphers = None
    for n in range(messages):
        payload = f"handshake {n}".encode()
        out = bytearray()
        if (n % 2 == 0) == initiator:
            ciphers = state.write_message(payload, out)
            pipe.put(out)
        else:
            ciphers = state.read_message(pipe.get(), out)
            assert bytes(out) == payload, out
    return ciphers


def transport(pipe, ciphers, initiator, one_way):
    send, receive = ciphers if initiator else reversed(ciphers)
    for n in range(ROUNDS):
        text = f"transport {n}".encode()

        def send_one():
            pipe.put(send.encrypt_with_ad(b"", text))
            rekey(send)

        if initiator:
            send_one()
        if not initiator or not one_way:
            assert receive.decrypt_with_ad(b"", pipe.get()) == text
            rekey(receive)
        if not initiator and not one_way:
            send_one()


def talk(name, initiator):
    """initiator: is dissononce's side the initiator?"""
    pattern, psk, initiator_known = PATTERNS[name]
    dh = X25519DH()
    own, other = dh.generate_keypair(), dh.generate_keypair()
    key = os.urandom(32) if psk else None
    own_known = initiator_known if initiator else name != "XX"
    other_known = name != "XX" if initiator else initiator_known
    pipe = Pipe([name, "responder" if initiator else "initiator", other.private.data.hex(),
                 own.public.data.hex() if own_known else "-", key.hex() if psk else "-"])
    symmetric = SymmetricState(CipherState(ChaChaPolyCipher()), SHA256Hash())
    state = HandshakeState(symmetric, dh)
    state.initialize(pattern, initiator, b"tacet interop", s=own,
                     rs=other.public if other_known else None, psks=(key,) if psk else None)
    assert state.protocol_name == f"Noise_{name}_25519_ChaChaPoly_SHA256", state.protocol_name
    ciphers = handshake(pipe, state, len(pattern.message_patterns), initiator)
    transport(pipe, ciphers, initiator, name == "Kpsk0")
    assert pipe.get() == symmetric.get_handshake_hash()
    pipe.process.stdin.close()
    assert pipe.process.wait() == 0
    print(f"{name}: dissononce is the {'initiator' if initiator else 'responder'}: ok")


def main():
    signal.alarm(TIME_LIMIT_S)
    for name in PATTERNS:
        for initiator in (True, False):
            talk(name, initiator)


main()

"""table.py: what the clients did, as text and as deploy/doc/clients.md."""

from driver import STEPS
from world import TOP

DOCUMENT = TOP / "deploy" / "doc" / "clients.md"
PICTURES = TOP / "deploy" / "doc" / "pictures"
HEAD = """# Jabber clients at tacetd

Written by `tests/clients/run --write-table --pictures`, which has each of these programs log in to a daemon,
talk to a person behind another one, over a private Tor network, and lose its daemon for a moment.
Do not edit it.

Address `NAME@localhost`, server `localhost` or `127.0.0.1`, port 5222. `tacetctl trust` makes programs that use
the system's certificates trust the daemon; it was run here. With `tls = no` in tacetd.conf no client is offered
TLS, for those that refuse a certificate rather than ask.

"""
EXPLAINED = """
- *yes*: it does, seen by both sides; *-*: it cannot, see below.
- *registers*: makes the account itself (XEP-0077); without it: `tacetctl account add NAME`.
- *adds a contact*: by the client's own means, `ID@localhost`.
- *sees presence*: shows that the contact is away. *shows presence*: the contact sees this user's status
  (of Finch and Dino, that they are there).
- *receipts*: says that a message has arrived (XEP-0184).
- *after a restart*: the daemon ended and was started again; messages got through both ways.
- *OMEMO*: two users of the client, at two daemons, encrypt end to end (XEP-0384): keys and messages go through
  both, and the daemons have nothing but ciphertext in their archives. Empty: not tried. Gajim needs the package
  gajim-omemo; in Gajim and Dino the padlock beside the text switches it on.

## What to click, tick or type

"""
SHOWN = (
    ("invitation", "An invitation with its QR code, in Psi+ (by hand: Service Discovery, Execute command, Invite "
     "somebody). Gajim 1.7 has the same commands, but shows the link without the picture; Psi 1.5 closes the window "
     "too early. `tacetctl invite` draws the code in a terminal."),
    ("gajim-registers", "Gajim makes an account."),
    ("gajim-chat", "Gajim: two people talk."),
    ("dino-chat", "Dino: the same; a tick says that the message has arrived."),
    ("gajim-omemo", "Gajim: with OMEMO; the shields say so."),
    ("dino-omemo", "Dino: with OMEMO; the padlocks say so."),
)


def lines(rows, encrypted):
    """encrypted: name of a client -> whether two of its users could."""
    yield ["client", "version"] + [head for _, head in STEPS] + ["OMEMO"]
    for row in rows:
        yield ([row.driver.name, row.driver.version()] + [row.results.get(step, "") for step, _ in STEPS] +
               [{True: "yes", False: "no", None: ""}[encrypted.get(row.driver.name)]])


def text(rows, encrypted):
    table = list(lines(rows, encrypted))
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    shown = ["  ".join(word.ljust(width) for word, width in zip(line, widths)).rstrip() for line in table]
    return "\n".join(shown + [f"{row.driver.name}: {row.failure}" for row in rows if row.failure])


def about(client):
    lacks = dict(client.lacks)
    heads = dict(STEPS)
    reasons = "".join(f" No “{heads[step]}”: {reason}." for step, reason in lacks.items())
    return f"- **{client.name}** ({client.version()}): {client.login}{reasons}\n"


def write(rows, encrypted):
    table = list(lines(rows, encrypted))
    table.insert(1, ["---"] * len(table[0]))
    rows_text = "".join("| " + " | ".join(line) + " |\n" for line in table)
    pictures = "".join(f"\n![{words}](pictures/{name}.png)\n\n{words}\n" for name, words in SHOWN
                       if (PICTURES / f"{name}.png").exists())
    DOCUMENT.write_text(HEAD + rows_text + EXPLAINED + "".join(about(row.driver) for row in rows) +
                        "\n## Pictures\n" + pictures)

"""Invite and link codes, the section "Codes": one line with everything that a newcomer needs."""

from base64 import urlsafe_b64decode
from dataclasses import dataclass

from cbor import Malformed, decode
from entries import digest
from forms import fields, fixed, number_of, text_to, uint

PREFIX = "bowline1-"

INVITE, LINK = 0, 1

RELAY_MAX = 512

CHECKSUM = 4

FORM = fields(
    text_to(RELAY_MAX),
    fixed(32),
    number_of("code", {INVITE, LINK}),
    fixed(32),
    uint(),
    fixed(32),
    fixed(32),
    fixed(32),
)


@dataclass
class Code:
    """What a code says: where the log is, a point that it passes through, and the ticket's secret."""

    relay: str
    workspace: bytes
    kind: int
    log: bytes
    position: int
    log_hash: bytes
    roster_hash: bytes
    secret: bytes


def read_code(text):
    """The code that a line of text is."""
    text = "".join(text.split())
    if not text.startswith(PREFIX):
        raise Malformed("Code", "it begins otherwise")
    encoded = text[len(PREFIX) :]
    content = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    content, sum_ = content[:-CHECKSUM], content[-CHECKSUM:]
    if digest(b"bowline/code/1", content)[:CHECKSUM] != sum_:
        raise Malformed("Code", "its checksum does not hold")
    return Code(*FORM(decode(content)))

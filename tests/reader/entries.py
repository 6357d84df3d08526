"""Entries and heads: sections 2 and 3."""

from dataclasses import dataclass
from hashlib import sha256

import limits
import signing
from cbor import Malformed, decode, encode
from forms import bytes_to, fields, fixed, null_or, number_of, uint

CONTROL, CONTENT = 0, 1
CHANGES, SNAPSHOT, ADOPTED, RECEIPT, SECRET = 1, 2, 3, 4, 5
ROSTER, ERASE, CONFIRM, CHECKPOINT, WITNESS, ERASED = 16, 17, 18, 19, 20, 21

HEADER_VERSION = 2

SEEN = fields(uint(), fixed(32), fixed(64))

HEADER = fields(
    number_of("header version", {HEADER_VERSION}),
    fixed(32),
    fixed(8),
    number_of("lane", {CONTROL, CONTENT}),
    uint(),
    fixed(32),
    null_or(SEEN),
    uint(),
    fixed(32),
    fixed(16),
    uint(16),
    fixed(16),
    uint(),
    null_or(fields(fixed(32), fixed(32))),
    number_of("weight", range(64)),
    fields(uint(32), uint(32)),
    fixed(16),
    uint(32),
    fixed(32),
)


def digest(*parts):
    """SHA-256 of the concatenation."""
    return sha256(b"".join(parts)).digest()


@dataclass
class Header:
    """What an author says of an entry, by the names of the page."""

    version: int
    device: bytes
    incarnation: bytes
    lane: int
    seq: int
    prev: bytes
    seen: list | None
    held: int
    roster: bytes
    epoch: bytes
    type: int
    doc: bytes
    covers: int
    digests: list | None
    weight: int
    part: list
    salt: bytes
    body_len: int
    body_hash: bytes

    @property
    def chain(self):
        """The chain that the entry is in."""
        return self.device, self.incarnation, self.lane

    @property
    def seen_position(self):
        """The position of the head that was seen; 0 without one."""
        return self.seen[0] if self.seen else 0

    @property
    def is_last_part(self):
        """Whether a payload ends with this entry."""
        return self.part[0] + 1 == self.part[1]

    def broken_rules(self):
        """The names of the rules of section 2 that the header breaks."""
        content = self.lane == CONTENT
        index, count = self.part
        bare = self.covers == 0 and self.digests is None
        unused = {
            CHANGES: bare and any(self.doc),
            ADOPTED: bare and any(self.doc),
            RECEIPT: bare and any(self.doc),
            SECRET: bare and any(self.doc),
            SNAPSHOT: any(self.doc),
            ERASE: self.digests is None and any(self.doc),
            CHECKPOINT: self.digests is None and not any(self.doc),
            ROSTER: bare and not any(self.doc),
            CONFIRM: bare and not any(self.doc),
            WITNESS: bare and not any(self.doc),
            ERASED: bare and not any(self.doc),
        }
        kept = {
            "TypeLane": self.type >= 32 or (self.type < 16) == content,
            "SeqFromOne": self.seq > 0,
            "PrevZeros": (self.seq == 1) == (not any(self.prev)),
            "ContentSeen": not content or self.seen is not None,
            "HeldSeen": self.held <= self.seen_position,
            "EpochLane": content == any(self.epoch),
            "SaltLane": content or not any(self.salt),
            "CoversSeen": self.covers <= self.seen_position,
            "PartIndex": index < count,
            "PartCount": count <= limits.MAX_PARTS,
            "PartSeq": index == 0 or self.seq > index,
            "PartLane": content or self.part == [0, 1],
            "WeightPlace": (self.weight > 0) == (content and self.is_last_part),
            "Limit": self.body_len <= limits.MAX_BODY,
            "UnusedField": unused.get(self.type, self.digests is None),
        }
        return {name for name, holds in kept.items() if not holds}


def read_header(data):
    """The header that these bytes are."""
    header = Header(*HEADER(decode(data)))
    broken = header.broken_rules()
    if broken:
        raise Malformed(", ".join(sorted(broken)))
    return header


@dataclass
class Entry:
    """A verified entry."""

    id: bytes
    header: Header
    header_bytes: bytes
    body: bytes | None

    def additional_data(self):
        """What the body's seal binds: the header's first 16 fields."""
        return encode(decode(self.header_bytes)[:16])


def verify_entry(workspace, header_bytes, signature, body):
    """The entry that these parts make in a workspace, if they do."""
    if len(header_bytes) > limits.MAX_HEADER:
        raise Malformed("Limit", "the header is too long")
    header = read_header(header_bytes)
    signing.verify(header.device, "bowline/entry/2", workspace + header_bytes, signature)
    if body is not None and (len(body) != header.body_len or digest(body) != header.body_hash):
        raise Malformed("Body", "it is not the header's")
    return Entry(digest(workspace, header_bytes), header, header_bytes, body)


ENTRY = fields(bytes_to(limits.MAX_HEADER), fixed(64), null_or(bytes_to(limits.MAX_BODY)))


def entry_parts(value):
    """Header bytes, signature and body of an entry that has been decoded."""
    return ENTRY(value)


def read_entry(workspace, data):
    """The entry that these bytes are in a workspace."""
    return verify_entry(workspace, *entry_parts(decode(data)))


def log_seed(workspace, log):
    """The hash of an empty log."""
    return digest(b"bowline/log/1/new", workspace, log)


def log_hash(before, entry_id, time):
    """The hash of a log with one more entry."""
    return digest(b"bowline/log/1", before, entry_id, time.to_bytes(8, "big"))


def roster_hash(before, entry_id):
    """The hash of a roster with one more applied record."""
    return digest(b"bowline/roster/1", before, entry_id)


def user_of(device):
    """The user that begins with a device."""
    return digest(b"bowline/user/1", device)[:16]


HEAD = fields(fixed(32), uint(), fixed(32), fixed(64))


def verify_head(workspace, log, position, hash_, signature):
    """Refuses unless the log has signed this head."""
    signing.verify(log, "bowline/head/1", encode([workspace, log, position, hash_]), signature)


def read_head(workspace, data):
    """The head that these bytes are in a workspace: log, position, hash."""
    head = HEAD(decode(data))
    verify_head(workspace, *head)
    return head[:3]

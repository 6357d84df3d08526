"""Roster records: the plain bodies of roster entries, section 4."""

from dataclasses import dataclass

import limits
from cbor import Malformed, decode, encode
from entries import CONTENT, CONTROL
from forms import (
    ascending,
    boolean,
    bytes_to,
    fields,
    fixed,
    list_of,
    number_of,
    text_to,
    uint,
)

GENESIS, INVITE, CLOSE_INVITE, LINK, CLOSE_LINK = 1, 2, 3, 4, 5
JOIN, REMOVE_DEVICE, REMOVE_MEMBER, LEAVE, REKEY, COMPLAINT = 6, 7, 8, 9, 10, 11
REWRAP, FILL = 15, 16
MOVE, HAND_OVER, TAKE_OVER, ALLOW, LOST = 12, 17, 18, 19, 20

# An unknown record is an array of at most so many items.
MAX_FIELDS = 16


def suite_of(key):
    """The suite of an HPKE key."""
    return limits.SUITES[len(key)]


def _hpke_key(value):
    if len(bytes_to(max(limits.SUITES))(value)) not in limits.SUITES:
        raise Malformed("Shape", "no suite has keys of this length")
    return value


def _suite(value):
    return number_of("suite", set(limits.SUITES.values()))(uint(16)(value))


WRAP = fields(bytes_to(limits.MAX_WRAP), bytes_to(limits.MAX_WRAP))
TICKET = fields(fixed(32), _hpke_key, uint(), boolean, WRAP)
WRAPS = list_of(WRAP, limits.MAX_RECIPIENTS)
REKEY_FORM = fields(fixed(32), bytes_to(limits.MAX_SEALED_HISTORY), WRAPS)


def _seq(value):
    if uint()(value) == 0:
        raise Malformed("CutSeq", "a chain of which nothing counts")
    return value


_CUT_ITEM = fields(fixed(32), fixed(8), number_of("lane", {CONTROL, CONTENT}), _seq, fixed(32))
CUT = ascending(list_of(_CUT_ITEM, limits.MAX_CUT), lambda cut: tuple(cut[:3]), "CutOrder")


def _ids(length):
    """What is given up, by ids of this length."""
    return ascending(list_of(fixed(length), limits.MAX_GIVEN_UP), lambda id_: id_, "LostOrder")


def _lost(value):
    read = fields(uint(), _ids(16), _ids(32))(value)
    if not read[1] and not read[2]:
        raise Malformed("LostEmpty", "nothing is given up")
    return read


FORMS = {
    GENESIS: fields(uint(), fixed(16), fixed(32), _suite, _hpke_key, fixed(32)),
    INVITE: fields(uint(), TICKET),
    CLOSE_INVITE: fields(uint(), fixed(32)),
    LINK: fields(uint(), TICKET),
    CLOSE_LINK: fields(uint(), fixed(32)),
    JOIN: fields(uint(), fixed(32), _hpke_key, boolean, fixed(64)),
    REMOVE_DEVICE: fields(uint(), fixed(32), CUT, REKEY_FORM),
    REMOVE_MEMBER: fields(uint(), fixed(16), CUT, REKEY_FORM),
    LEAVE: fields(uint(), boolean, CUT),
    REKEY: fields(uint(), REKEY_FORM),
    COMPLAINT: fields(uint(), fixed(16)),
    REWRAP: fields(uint(), fixed(16), WRAPS),
    FILL: fields(uint(), fixed(16), bytes_to(limits.MAX_SEALED_FILL)),
    MOVE: fields(uint(), uint(), text_to(limits.MAX_ADDRESS), fixed(32), fixed(32)),
    HAND_OVER: fields(uint(), fixed(16)),
    TAKE_OVER: fields(uint()),
    ALLOW: fields(uint(), fixed(16)),
    LOST: _lost,
}


@dataclass
class Rekey:
    """A new epoch."""

    commitment: bytes
    history: bytes
    wraps: list

    def to_bytes(self):
        """The one encoding of the rekey."""
        return encode([self.commitment, self.history, self.wraps])


def read_rekey(value):
    """The rekey that a decoded array is."""
    return Rekey(*REKEY_FORM(value))


@dataclass
class Record:
    """A record: its number and its fields, which are not read if the number has no meaning here."""

    number: int
    fields: list

    @property
    def rekey(self):
        """The rekey inside, if there is one."""
        if self.number in (REMOVE_DEVICE, REMOVE_MEMBER, REKEY):
            return Rekey(*self.fields[-1])
        return None


def read_record(body):
    """The record that a roster entry's body is."""
    number = _peek(body)
    if number not in FORMS:
        return Record(number, [])
    return Record(number, FORMS[number](decode(body))[1:])


def _peek(body):
    """The number that a body begins with. Of an unknown record nothing else is looked at, not even how the number is spelt."""
    if len(body) > limits.MAX_BODY:
        raise Malformed("Limit", "the record is too long")
    items, at = _lax_head(body, 0, 4)
    if items > MAX_FIELDS:
        raise Malformed("Limit", "the record has too many fields")
    return _lax_head(body, at, 0)[0]


def _lax_head(data, at, major):
    if at >= len(data) or data[at] >> 5 != major:
        raise Malformed("Shape", "not an array that begins with a number")
    code, at = data[at] & 0x1F, at + 1
    if code < 24:
        return code, at
    length = 1 << code - 24
    if code > 27 or length > len(data) - at:
        raise Malformed("Canonical", "a length that is not given")
    return int.from_bytes(data[at : at + length], "big"), at + length

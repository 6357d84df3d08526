"""Logs of which a rule bounds how many of something may stand there: a vector has the first, and how each differs from the one before."""

import entries
import signing
from cbor import decode, encode

# Where these fields stand in a header.
INCARNATION, SEQ, PREV, ROSTER, BODY_LEN, BODY_HASH = 2, 4, 5, 8, 17, 18


def _incarnation(fields, body, _, number, __):
    """Each is the first of an incarnation that is its number, counted from 1."""
    fields[INCARNATION] = number.to_bytes(8, "big")
    return body


def _ticket(fields, body, before, number, _):
    """Each stands behind the one before it and builds on the roster after that, and the keys in its ticket are its number."""
    fields[SEQ] += 1
    fields[PREV] = before
    fields[ROSTER] = entries.roster_hash(fields[ROSTER], before)
    record, (_, _, expires, recovery, wrapped) = decode(body)
    key = number.to_bytes(32, "big")
    return encode([record, [key, key, expires, recovery, wrapped]])


def _bulk(fields, _, before, __, length):
    """Each stands behind the one before it and is `82 18 63` and as many zeros as make it so long."""
    fields[SEQ] += 1
    fields[PREV] = before
    return bytes.fromhex("821863").ljust(length, b"\0")


EACH = {"incarnation": _incarnation, "ticket": _ticket, "bulk": _bulk}


def read_crowd(workspace, crowd):
    """The entries of a crowd, each with its time."""
    seed, differ = bytes.fromhex(crowd["signing_seed"]), EACH[crowd["each"]]
    entry = entries.read_entry(workspace, bytes.fromhex(crowd["entry"]))
    found = [(crowd["time"], entry)]
    for number in range(2, crowd["count"] + 1):
        fields = decode(entry.header_bytes)
        body = differ(fields, entry.body, entry.id, number, crowd.get("bytes"))
        fields[BODY_LEN] = len(body)
        fields[BODY_HASH] = entries.digest(body)
        header = encode(fields)
        signature = signing.sign(seed, "bowline/entry/2", workspace + header)
        entry = entries.verify_entry(workspace, header, signature, body)
        found.append((crowd["time"], entry))
    return found

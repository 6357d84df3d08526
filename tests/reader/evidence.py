"""Evidence of section 6: what convicts the holder of a log's key."""

import frames
import signing
from cbor import Malformed, encode
from entries import HEAD, digest, read_head
from forms import fields, fixed, list_of, uint

PROOF, WELCOME = 3, 4


class ProvesNothing(Exception):
    """Why evidence proves nothing."""


def verify(items):
    """What evidence proves, as the vectors say it."""
    kind, *rest = items
    workspace, signed, against = {1: _fork, 2: _rollback}[kind](rest)
    return {
        "workspace": workspace.hex(),
        "log": signed[0].hex(),
        "signed": signed[1],
        "against": against[1],
    }


def _head(workspace, items):
    """A head as (log, position, hash), verified."""
    try:
        return read_head(workspace, encode(items))
    except Malformed:
        raise ProvesNothing("Unreadable") from None


def _fork(rest):
    workspace, low, high, passed, steps = fields(
        fixed(32), HEAD, HEAD, fixed(32), list_of(fields(fixed(32), uint()), 1 << 20)
    )(rest)
    low, high = _head(workspace, low), _head(workspace, high)
    if low[0] != high[0]:
        raise ProvesNothing("OtherKey")
    reached = passed
    for entry, time in steps:
        reached = digest(b"bowline/log/1" + reached + entry + time.to_bytes(8, "big"))
    if len(steps) != high[1] - low[1] or reached != high[2] or passed == low[2]:
        raise ProvesNothing("NoContradiction")
    return workspace, low, high


def _rollback(rest):
    said = bytes(32)
    for frame in rest[:3]:
        said = frames.said_after(said, frame)
    try:
        (proof_number, proof), (number, welcome) = (frames.read_frame(it) for it in rest[2:])
    except Malformed:
        raise ProvesNothing("Unreadable") from None
    if (proof_number, number) != (PROOF, WELCOME):
        raise ProvesNothing("Unreadable")
    workspace, _, shown, _, _ = proof
    if shown is None:
        raise ProvesNothing("NoContradiction")
    shown, answered = _head(workspace, shown), _head(workspace, welcome[0])
    try:
        signing.verify(answered[0], "bowline/welcome/1", encode([said, *welcome[:-1]]), welcome[-1])
    except Malformed:
        raise ProvesNothing("Unreadable") from None
    if shown[0] != answered[0]:
        raise ProvesNothing("OtherKey")
    if answered[1] >= shown[1]:
        raise ProvesNothing("NoContradiction")
    return workspace, shown, answered

"""Frames of section 6, checked against the layouts in the page's own table, so that a field added there is known here."""

import re

import limits
from cbor import Malformed, decode
from entries import HEAD, digest, entry_parts
from forms import ascending, boolean, fields, fixed, list_of, null_or, number_of, text_to, uint

VERSION = 1

# Times of a log are below 2^48.
TIME_BITS = 48


def _log_time(value):
    if uint()(value) >= 1 << TIME_BITS:
        raise Malformed("TimeLimit", "a time that no log has")
    return value


def _positions(item, key):
    return ascending(list_of(item, limits.MAX_BODIES_PER_FRAME), key, "PositionOrder")


def _body(value):
    if isinstance(value, bytes) and len(value) > limits.MAX_BODY:
        raise Malformed("Limit", "a body that is too long")
    return value


def _piece(value):
    if not isinstance(value, bytes):
        raise Malformed("Shape", "not bytes")
    if len(value) > limits.MAX_STATE_PIECE:
        raise Malformed("Limit", "a piece of a state that is too long")
    return value


def _check_state(words, items):
    """What two fields say of a state has to go together."""
    said = dict(zip(words, items))
    length = said.get("len")
    if length is None:
        return
    if not 0 < length <= limits.MAX_STATE:
        raise Malformed("StateBounds", "a state of so many bytes")
    if "piece" in said and not 0 < len(said["piece"]) <= length - said["offset"]:
        raise Malformed("StateBounds", "bytes that the state does not have")


_CAPABILITY = text_to(limits.MAX_CAPABILITY)
_LOGGED = fields(_log_time, entry_parts)

# What the words of the layouts stand for.
WORDS = {
    "workspace": fixed(32),
    "party": fields(number_of("party", {0, 1}), fixed(32)),
    "capabilities": ascending(
        list_of(_CAPABILITY, limits.MAX_CAPABILITIES), lambda name: name.encode(), "CapabilityOrder"
    ),
    "nonce": fixed(32),
    "relay": fixed(32),
    "line": null_or(fixed(32)),
    "version": uint(),
    "versions": ascending(list_of(uint(), limits.MAX_VERSIONS), lambda version: version, "VersionOrder"),
    "shown": null_or(HEAD),
    "log_time": _log_time,
    "successors": list_of(fields(fixed(32), uint(), fixed(32), fixed(32), fixed(64), fixed(64)), limits.MAX_SUCCESSORS),
    "time": uint(),
    "signature": fixed(64),
    "create": null_or(fields(text_to(limits.MAX_TOKEN), entry_parts, list_of(HEAD, limits.MAX_SUCCESSORS))),
    "head": HEAD,
    "after": uint(),
    "first": uint(),
    "logged_entries": list_of(_LOGGED, limits.MAX_ENTRIES_PER_FRAME),
    "entries": list_of(entry_parts, limits.MAX_ENTRIES_PER_FRAME),
    "positions": list_of(fields(fixed(32), uint()), limits.MAX_ENTRIES_PER_FRAME),
    "entry_id": fixed(32),
    "reason": uint(16),
    "proof": null_or(entry_parts),
    "text": text_to(limits.MAX_REASON_TEXT),
    "positioned": list_of(fields(uint(), _LOGGED), limits.MAX_ENTRIES_PER_FRAME),
    "more": boolean,
    "holdings": list_of(fields(fixed(32), uint(), fixed(32), uint(), fixed(64)), limits.MAX_HOLDINGS_PER_FRAME),
    "device": fixed(32),
    "found": ascending(list_of(fixed(32), limits.MAX_FOUND), lambda workspace: workspace, "WorkspaceOrder"),
    "digest": fixed(32),
    "offset": uint(),
    "len": uint(),
    "piece": _piece,
    "stood": fields(uint(), fixed(32), uint()),
    "kept": ascending(
        list_of(fields(uint(), _LOGGED), limits.MAX_ENTRIES_PER_FRAME), lambda kept: kept[0], "PositionOrder"
    ),
    "places": _positions(uint(), lambda position: position),
    "bodies": _positions(fields(uint(), _body), lambda supplied: supplied[0]),
}


def _layouts():
    """The words of each frame's fields, by its number."""
    layouts = {}
    for number, _, _, layout in limits.table("Frames"):
        if layout != "reserved":
            layouts[int(number)] = re.sub(r"[\[\]]", "", layout).split(", ")[2:]
    return layouts


LAYOUTS = _layouts()


def read_frame(data):
    """Number and fields of the frame that these bytes are."""
    if len(data) > limits.MAX_FRAME:
        raise Malformed("Limit", "the frame is too long")
    items = decode(data)
    if not isinstance(items, list) or len(items) < 2:
        raise Malformed("Shape", "not a frame")
    number_of("frame version", {VERSION})(items[0])
    words = LAYOUTS[number_of("frame", LAYOUTS)(items[1])]
    # A word that is not known here is a field that the page has got since.
    forms = [WORDS.get(word, lambda value: value) for word in words]
    read = fields(*forms)(items[2:])
    _check_state(words, items[2:])
    return items[1], read


def said_after(said, frame):
    """What was said on a line once this frame was, too."""
    return digest(b"bowline/transcript/1" + said + frame)

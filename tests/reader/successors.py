"""Section 3's successors: how a log goes on under another key after its relay was restored from a backup."""

import signing
from cbor import Malformed, decode, encode
from entries import log_seed
from forms import fields, fixed, uint

_LINK = fields(fixed(32), uint(), fixed(32), fixed(32), fixed(64), fixed(64))


class Refused(Exception):
    """Why successors count for nothing."""


def _signed(key, domain, message, signature):
    try:
        signing.verify(key, domain, message, signature)
    except Malformed:
        return False
    return True


def follow(workspace, relay, said):
    """The links of a chain of successors, each as (old, position, hash, new), verified."""
    links, begins_late, began = [], False, True
    for data in said:
        old, position, hash_, new, by_log, by_relay = _LINK(decode(data))
        message = encode([workspace, old, position, hash_, new])
        is_beginning = not any(by_log) and position == 0 and hash_ == log_seed(workspace, old)
        by_log = not is_beginning and _signed(old, "bowline/successor/1", message, by_log)
        by_relay = _signed(relay, "bowline/successor/relay/1", message, by_relay)
        if not ((by_log or is_beginning) and by_relay):
            raise Refused("NotByRelay" if by_log else "NotByLog" if by_relay else "Unsigned")
        begins_late = begins_late or (is_beginning and not began)
        began = is_beginning
        links.append((old, position, hash_, new))
    if begins_late:
        raise Refused("NotAChain")
    for before, after in zip(links, links[1:]):
        if before[3] != after[0] or before[1] > after[1]:
            raise Refused("NotAChain")
    for at, (_, _, _, new) in enumerate(links):
        if any(earlier[0] == new for earlier in links[: at + 1]):
            raise Refused("NotAChain")
    return links

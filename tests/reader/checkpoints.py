"""Checkpoints, section 5: which one stands, what it frees of the log's sums, and the state that it is a digest of."""

from dataclasses import dataclass, field

import limits
from cbor import Malformed, decode, encode
from entries import digest
from forms import ascending, boolean, fields, fixed, list_of, null_or, uint

_freed = ascending(
    list_of(fields(fixed(16), fixed(16), uint()), limits.MAX_FREED), lambda row: (row[0], row[1]), "Checkpoint"
)


def _sums(value):
    rows = _freed(value)
    if any(row[2] == 0 for row in rows):
        raise Malformed("Checkpoint", "nothing is freed")
    return rows


def read_body(body):
    """The digest and the freed sums of a checkpoint's body."""
    return fields(fixed(32), _sums)(decode(body))


@dataclass
class Opened:
    """The place that may come to stand."""

    at: int
    digest: bytes
    device: bytes
    freed: list
    repeated: bool = False
    words: dict = field(default_factory=dict)


class Checkpoints:
    """What was said of checkpoints so far."""

    def __init__(self):
        # Place, digest, and where it came to stand.
        self.stood = None
        self.open = None

    @property
    def floor(self):
        """Below this place nobody compares the log's hashes."""
        return self.stood[0] if self.stood else 0

    def note(self, device, about, said, place, roster):
        """Takes a word that stands at a place; what it frees if a checkpoint comes to stand by it."""
        digest_, freed = said
        live = {id_: it.user for id_, it in roster.devices.items() if it.active and not it.recovery}
        is_owners = device in live and roster.is_owner(live[device])
        if self.open and self.open.at == about and self.open.device != device:
            self.open.words[device] = digest_
        elif self.open and self.open.at == about and self.open.digest == digest_:
            self.open.repeated = True
        elif is_owners and about > 0 and (self.stood is None or self.stood[2] <= about):
            self.open = Opened(about, digest_, device, freed)
        if self.open is None or not self._has_enough(live, roster):
            return []
        opened, self.open = self.open, None
        self.stood = (opened.at, opened.digest, place)
        return opened.freed

    def _has_enough(self, live, roster):
        opened = self.open
        owner = live.get(opened.device)
        if owner is None or not roster.is_owner(owner):
            return False
        if any(id_ in live and word != opened.digest for id_, word in opened.words.items()):
            return False
        others = [id_ for id_, user in live.items() if user != owner]
        own = [id_ for id_ in live if id_ != opened.device]
        if not own:
            return opened.repeated
        return any(opened.words.get(id_) == opened.digest for id_ in others or own)


_stood = fields(uint(), fixed(32), uint())
_opened = fields(
    uint(), fixed(32), fixed(32), boolean, list_of(fields(fixed(32), fixed(32)), limits.MAX_WORDS), _sums
)
_word = fields(fixed(32), uint(), uint())
_seen = fields(uint(), fixed(32), fixed(64))
_tip = fields(uint(), fixed(32), null_or(_seen), uint(), uint(), uint())
_later_tip = fields(uint(), fixed(32), null_or(_seen), uint(), uint(), uint(), uint())


def _any_tip(value):
    return (_later_tip if isinstance(value, list) and len(value) == 7 else _tip)(value)


def _rows(form, key):
    return ascending(list_of(form, limits.MAX_STATE_ROWS), key, "State")


_parts = _rows(fields(fixed(16), null_or(_word), uint()), lambda row: row[0])
_STATE = fields(
    uint(),
    fixed(32),
    uint(48),
    fixed(32),
    uint(),
    fields(null_or(_stood), null_or(_opened)),
    _rows(fields(fixed(32), fixed(8), uint(8), _any_tip), lambda row: tuple(row[:3])),
    _rows(fields(fixed(16), null_or(uint()), _parts), lambda row: row[0]),
    _sums,
    _rows(fields(uint(), uint()), lambda row: row[0]),
    fixed(32),
    _rows(fields(uint(), fixed(32)), lambda row: row[0]),
)


def read_state(data):
    """The fields of a state."""
    state = _STATE(decode(data))
    at, runs, pins = state[0], state[9], state[11]
    ends = [first + count for first, count in runs]
    if any(first == 0 or count == 0 for first, count in runs) or any(end > at + 1 for end in ends):
        raise Malformed("State", "a run")
    if any(end >= first for end, (first, _) in zip(ends, runs[1:])):
        raise Malformed("State", "runs that touch")
    if pins and pins[-1][0] >= at:
        raise Malformed("State", "a pin that is not below the place")
    return state


def state_digest(workspace, state):
    """What a word about a state has."""
    return digest(b"bowline/checkpoint/1" + workspace + encode(state))

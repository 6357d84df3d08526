"""Acceptance, section 5: whether an entry may stand where it does, and the log as it goes on past what may not."""

from collections import defaultdict
from copy import deepcopy
from dataclasses import dataclass

import checkpoints
import entries
import limits
import records
from cbor import Malformed
from entries import CHECKPOINT, CONTENT, ROSTER
from roster import Outcome, Roster, Void


class Refused(Exception):
    """An entry may not stand here: the refusal, and the rule that it breaks."""

    def __init__(self, refusal, rule=None):
        super().__init__(refusal)
        self.refusal, self.rule = refusal, rule or refusal


class NotALog(Exception):
    """What a relay gives cannot be a log, whoever wrote the entries."""


@dataclass
class Seen:
    """A head that an entry names: which log it is of, and where that log ends, if it was continued before the entry."""

    log: int
    position: int
    hash: bytes
    end: int | None

    @property
    def is_lost(self):
        """Whether it names what was lost when its log was continued."""
        return self.end is not None and self.position > self.end

    def place(self, position):
        """Where a position in the head's log is in the log as it went on."""
        return min(position, self.end) if self.is_lost else position


@dataclass
class Tip:
    """The last accepted entry of a chain."""

    seq: int
    id: bytes
    seen: Seen | None
    held: int
    roster: int
    since: int


class Log:
    """A log up to a position."""

    def __init__(self, workspace, id_, successors=()):
        self.workspace = workspace
        # Each log that was continued, with its end, and the one that signs now.
        self.logs = [(old, end) for old, end, _, _ in successors] + [(id_, None)]
        self.time = 0
        self.hashes = [entries.log_seed(workspace, self.logs[0][0])]
        self.roster = Roster(workspace)
        self.tips = {}
        self.weights = defaultdict(int)
        self.checkpoints = checkpoints.Checkpoints()

    @property
    def id(self):
        """The log that signs now."""
        return self.logs[-1][0]

    @property
    def position(self):
        """How many entries the log has."""
        return len(self.hashes) - 1

    def copy(self):
        """A log that goes its own way from here."""
        return deepcopy(self)

    def follow(self, timed):
        """Takes entries in the order in which they stand, each with its time, and gives the outcome of each.

        What may not stand where it does is passed: the hash runs on, chains and roster stay.
        """
        outcomes, at = [], 0
        while at < len(timed):
            time, entry = timed[at]
            if time < self.time:
                raise NotALog("its time goes back")
            run = [timed[at]]
            try:
                self._check(entry, time)
                taken = [self._append(entry, time)]
            except Refused as refused:
                if refused.refusal == "RunIncomplete":
                    run = self._gather(timed[at:])
                    taken = self._take_run(run)
                else:
                    taken = self._pass_by(run, refused)
            outcomes += taken
            at += len(run)
        return outcomes

    def _gather(self, rest):
        """What stands next of the first entry's chain, one behind the other, as far as its cut goes."""
        chain = rest[0][1].header.chain
        left = self._cut(chain)[0] - rest[0][1].header.seq + 1
        run = []
        for time, entry in rest[:left]:
            if entry.header.chain != chain:
                break
            run.append((time, entry))
        return run

    def _take_run(self, run):
        """Appends a run if it is whole and every entry of it may stand; else passes all of it."""
        before, taken = self.copy(), []
        try:
            for time, entry in run:
                record = self._record(entry)
                if record and record.number in (records.GENESIS, records.JOIN):
                    raise Refused("NotActive")
                self._check_next(entry.header)
                self._check_bound(entry, time, record)
                taken.append(self._append(entry, time))
            last = run[-1][1]
            seq, id_ = before._cut(last.header.chain)
            if last.header.seq < seq:
                raise Refused("RunIncomplete")
            if last.id != id_:
                raise Refused("NotActive")
        except Refused as refused:
            self.__dict__.update(before.__dict__)
            return self._pass_by(run, refused)
        return taken

    def _pass_by(self, run, refused):
        """Goes on behind entries that stand on the log and do not count."""
        for time, entry in run:
            self._pass(entry, time)
        return [Outcome(refused.refusal, refused.rule)] * len(run)

    def _append(self, entry, time):
        header = entry.header
        tip = self.tips.get(header.chain)
        seen = self._seen(header)
        self.tips[header.chain] = Tip(
            header.seq,
            entry.id,
            seen,
            seen.place(header.held) if seen else header.held,
            self.roster.index.get(header.roster, 0),
            tip.since if tip else time,
        )
        if header.weight:
            self.weights[header.doc, self._user(header)] += 1 << header.weight
        self._pass(entry, time)
        if header.type == ROSTER:
            return self.roster.apply(self.position, time, entry)
        if self.roster.covers(entry):
            return Outcome("given up")
        # Behind the place of a log that was continued stands something else than what was covered.
        covers = seen.place(header.covers) if seen else 0
        if header.type == CHECKPOINT and covers == header.covers:
            self._note_checkpoint(entry)
        return Outcome("accepted", covers=covers or None)

    def _note_checkpoint(self, entry):
        try:
            said = checkpoints.read_body(entry.body)
        except Malformed:
            return
        header = entry.header
        freed = self.checkpoints.note(header.device, header.covers, said, self.position, self.roster)
        for doc, user, sum_ in freed:
            self.weights[doc, user] = max(0, self.weights[doc, user] - sum_)

    def _pass(self, entry, time):
        self.time = time
        self.hashes.append(entries.log_hash(self.hashes[-1], entry.id, time))

    def _cut(self, chain):
        """Number and id of the last entry that counts of a removed author's chain, if a cut names the chain."""
        device = self.roster.devices.get(chain[0])
        return None if device is None or device.active else device.cut.get(chain)

    def _user(self, header):
        return self.roster.devices[header.device].user

    def _check(self, entry, time):
        """Refuses unless the entry may stand next: rules 3 to 14."""
        header, record = entry.header, self._record(entry)
        self._check_next(header)
        if record and record.number == records.GENESIS:
            if record.fields[1] != header.device or any(header.roster):
                raise Refused("NotGenesis")
        elif record and record.number == records.JOIN:
            try:
                self.roster.check_join(header, record.fields)
            except Void as void:
                raise Refused("JoinVoid", str(void)) from None
        elif not self.roster.is_active(header.device):
            cut, tip = self._cut(header.chain), self.tips.get(header.chain)
            is_in_run = cut and (tip.seq if tip else 0) < header.seq <= cut[0]
            raise Refused("RunIncomplete" if is_in_run else "NotActive")
        self._check_bound(entry, time, record)

    def _record(self, entry):
        if entry.header.type != ROSTER:
            return None
        if entry.body is None:
            raise Refused("NoRecord")
        try:
            record = records.read_record(entry.body)
        except Malformed:
            raise Refused("BadRecord") from None
        is_genesis = record.number == records.GENESIS
        if is_genesis and (self.position > 0 or entries.digest(entry.body) != self.workspace):
            raise Refused("NotGenesis")
        return record

    def _check_next(self, header):
        tip = self.tips.get(header.chain)
        seq = tip.seq if tip else 0
        if header.seq > seq + 1:
            raise Refused("ChainGap")
        if header.seq <= seq or tip and header.prev != tip.id:
            raise Refused("SeqTaken")

    def _check_bound(self, entry, time, record):
        """Rules 8 to 14: what binds an entry to roster, epoch and log."""
        header, tip = entry.header, self.tips.get(entry.header.chain)
        is_genesis = record and record.number == records.GENESIS
        enters = record is not None and record.number in (records.GENESIS, records.JOIN)
        seen = self._seen(header)
        if header.seen is not None and seen is None and self._known()[0][1] is not None:
            raise Refused("BadSeen")
        if not is_genesis:
            self._check_roster(header, seen, tip)
        if enters != (header.seen is None) or header.seen is not None and seen is None:
            raise Refused("BadSeen")
        if seen is not None:
            self._check_seen(header, seen, tip)
        if tip is None and not self._may_begin(header.chain, time):
            raise Refused("LivesSpent")
        if header.weight:
            self._check_weight(header)
        if record and not self.roster.has_room_for(header, record, time):
            raise Refused("RecordsSpent")

    def _known(self):
        """The logs that were known at the next place, each with its end there: those continued below it, and the one after them."""
        known = []
        for log, end in self.logs:
            is_over = end is not None and end <= self.position
            known.append((log, end if is_over else None))
            if not is_over:
                break
        return known

    def _seen(self, header):
        """The head that an entry names, by the log that signed it; none if it names none, or no known log has signed it."""
        if header.seen is None:
            return None
        position, hash_, signature = header.seen
        for number, (log, end) in enumerate(self._known()):
            try:
                entries.verify_head(self.workspace, log, position, hash_, signature)
            except Malformed:
                continue
            return Seen(number, position, hash_, end)
        return None

    def _check_roster(self, header, seen, tip):
        index = self.roster.index.get(header.roster)
        if index is None:
            raise Refused("RosterUnknown")
        known = seen.place(seen.position) if seen else header.seen_position
        if index + 1 < self.roster.applied_by(known) or tip and index < tip.roster:
            raise Refused("RosterStale")
        if header.lane == CONTENT:
            point = self.roster.points[index]
            if point.rekey_due:
                raise Refused("RekeyDue")
            if point.epoch != header.epoch:
                raise Refused("WrongEpoch")

    def _check_seen(self, header, seen, tip):
        joined_at = self.roster.devices[header.device].joined_at
        if seen.is_lost:
            is_early = self.roster.points[self.roster.index[header.roster]].position < joined_at
        else:
            is_early = seen.position < joined_at
        before = tip.seen if tip else None
        goes_back = before and (seen.log, seen.position) < (before.log, before.position)
        if is_early or goes_back or tip and seen.place(header.held) < tip.held:
            raise Refused("BadSeen")
        if seen.is_lost or seen.position < self.checkpoints.floor:
            return
        if seen.position > self.position or self.hashes[seen.position] != seen.hash:
            raise Refused("Forked")

    def _may_begin(self, chain, time):
        """Whether an incarnation may begin now, unless it has begun in the other lane."""
        device, incarnation, _ = chain
        began = {}
        for (owner, life, _), tip in self.tips.items():
            if owner == device:
                began[life] = min(tip.since, began.get(life, tip.since))
        if incarnation in began or len(began) < limits.MAX_LIVES:
            return True
        return time - max(began.values()) >= limits.LIFE_INTERVAL

    def _check_weight(self, header):
        user, weight = self._user(header), 1 << header.weight
        own = self.weights[header.doc, user] + weight
        everybody = sum(sum_ for (doc, _), sum_ in self.weights.items() if doc == header.doc) + weight
        most = limits.MAX_DOCUMENT_WEIGHT if self.roster.is_owner(user) else limits.MEMBER_WEIGHT
        if own > most or everybody > limits.MAX_DOCUMENT_WEIGHT:
            raise Refused("DocumentFull")

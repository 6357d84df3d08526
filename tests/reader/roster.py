"""The fold of section 4: who is in a workspace, from its roster records in log order."""

from dataclasses import dataclass, field

import entries
import limits
import records
import signing
from cbor import Malformed, encode

OWNER, MEMBER = "owner", "member"
OPEN, USED, CLOSED = "open", "used", "closed"


class Void(Exception):
    """A record changes nothing, for a reason of the page's table."""


@dataclass
class User:
    role: str
    removed: bool = False


@dataclass
class Device:
    user: bytes
    hpke: bytes
    recovery: bool
    joined_at: int  # the log position of its Genesis or Join
    joined: int  # the log's time there
    active: bool = True
    removed_at: int | None = None  # the log position of what removed it
    cut: dict = field(default_factory=dict)  # of a removed device: chain -> (seq, entry id)


@dataclass
class Ticket:
    user: bytes | None  # whose device a link lets in; None for an invite
    maker: bytes
    hpke: bytes
    over_after: int  # the last time of the log at which it lets somebody in
    recovery: bool
    made_at: int  # how many records had been applied before
    stage: str = OPEN
    used_by: bytes | None = None
    ended_at: int | None = None  # the log position of what used or closed it

    def end(self, stage, position):
        """Uses or closes the ticket."""
        self.stage, self.ended_at = stage, position


@dataclass
class Point:
    """The roster after an applied record, as far as entries refer to it."""

    hash: bytes
    position: int
    time: int
    epoch: bytes
    rekey_due: bool


@dataclass
class Place:
    """A record that is applied, where it stands, and the epoch that it begins if it begins one."""

    position: int
    time: int
    epoch: bytes
    header: object
    record: records.Record


@dataclass
class Outcome:
    """What a record did: applied, void or unknown; and why it, or the rekey inside, is void. Of another entry what became of it, and
    up to where it covers its document."""

    word: str
    why: str | None = None
    covers: int | None = None


class Roster:
    """Who is in a workspace at some position of its log."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.points = []
        self.index = {}
        self.users, self.devices, self.tickets = {}, {}, {}
        self.epochs = []  # (id, commitment) of each
        self.begun_by = None  # the device that began the newest epoch
        self.complained = False  # of the newest epoch
        self.closed_tickets = set()  # users with a ticket that was closed during the newest epoch
        self.by_others = 0  # epochs that others than the Owner have begun
        self.rewrapped, self.filled = set(), set()  # devices that have handed on keys of the newest epoch
        self.answers = {}  # user -> epochs begun because of a complaint
        self.offer = None  # (user, device of the Owner's) of the ownership that is on offer
        self.moves = []  # the log to which each move leads
        self.written, self.allows = {}, {}  # by user: bytes of records written as a Member, and how often more was allowed
        self.given_up = set()  # ids of epochs and of entries whose content counts nowhere
        self.hpke_keys = set()
        self.suite = None
        self.rekey_due = False
        self.unknown = False
        self.time = 0  # of the log, at the last record

    @property
    def hash(self):
        """The hash after the last applied record."""
        return self.points[-1].hash if self.points else bytes(32)

    def is_active(self, device):
        """Whether a device may write."""
        return device in self.devices and self.devices[device].active

    def is_owner(self, user):
        """Whether this is the Owner."""
        return user in self.users and self.users[user].role == OWNER

    def recipients(self):
        """To whom a rekey has to be wrapped."""
        now = self.points[-1].time if self.points else 0
        tickets = self.tickets.values()
        return self.device_keys() | {it.hpke for it in tickets if it.stage == OPEN and now <= it.over_after}

    def device_keys(self):
        """The HPKE keys of active devices."""
        return {device.hpke for device in self.devices.values() if device.active}

    def recipients_of(self, header, record):
        """Those who were in at a header's roster, but for whom a removal under it takes."""
        number = self.index[header.roster]
        position, time = self.points[number].position, self.points[number].time

        def stays(id_):
            match record.number:
                case records.REMOVE_DEVICE:
                    return id_ != record.fields[0]
                case records.REMOVE_MEMBER:
                    return self.devices[id_].user != record.fields[0]
            return True

        devices = {
            device.hpke
            for id_, device in self.devices.items()
            if device.joined_at <= position and (device.active or device.removed_at > position) and stays(id_)
        }
        if record.number == records.REWRAP:
            return devices
        return devices | {
            ticket.hpke
            for ticket in self.tickets.values()
            if ticket.made_at <= number
            and time <= ticket.over_after
            and (ticket.stage == OPEN or ticket.ended_at > position)
            and stays(ticket.maker)
        }

    def applied_by(self, position):
        """How many records had been applied up to a position."""
        return sum(point.position <= position for point in self.points)

    def apply(self, position, time, entry):
        """Applies a roster entry that stands at a position and a time of the log, and says what it did."""
        self.time = time
        header, record = entry.header, records.read_record(entry.body)
        if user := self._bound_by(header, record):
            self.written[user] = self.written.get(user, 0) + header.body_len
        if self.unknown:
            return Outcome("void", "AfterUnknown")
        try:
            if record.number not in records.FORMS:
                self._owner(header)
                self.unknown = True
                return Outcome("unknown")
            rekey_void = self._apply(position, time, entry, record)
        except Void as void:
            return Outcome("void", str(void))
        point = Point(
            entries.roster_hash(self.hash, entry.id),
            position,
            time,
            self.epochs[-1][0],
            self.rekey_due,
        )
        self.index[point.hash] = len(self.points)
        self.points.append(point)
        return Outcome("applied without its rekey", rekey_void) if rekey_void else Outcome("applied")

    @property
    def commitments(self):
        """What the key of each epoch has to be, oldest first."""
        return [commitment for _, commitment in self.epochs]

    def _apply(self, position, time, entry, record):
        """Applies a record; the reason for which its rekey is void, if it is."""
        header, values = entry.header, record.fields
        place = Place(position, time, entry.id[:16], header, record)
        match record.number:
            case records.GENESIS:
                self._genesis(position, entry, values)
            case records.INVITE:
                self._owner(header)
                self._open(place, values[0], None)
            case records.LINK:
                self._open(place, values[0], self._author(header).user)
            case records.CLOSE_INVITE:
                if not self._is_over(values[0], time):
                    self._owner(header)
                self._author(header)
                self._close(position, values[0], lambda ticket: ticket.user is None)
            case records.CLOSE_LINK:
                user, over = self._author(header).user, self._is_over(values[0], time)
                self._close(position, values[0], lambda ticket: ticket.user == user or over and ticket.user)
            case records.JOIN:
                self._join(position, header, values)
            case records.REMOVE_DEVICE:
                target, cut, _ = values
                self._removable(header, target)
                _check_cut(cut, lambda device: device == target)
                return self._remove(place, {target}, cut)
            case records.REMOVE_MEMBER:
                return self._remove_member(place, values)
            case records.LEAVE:
                self._leave(position, header, *values)
            case records.REKEY:
                user = self._live_author(header).user
                permit = self._permit(user)
                self._begin_epoch(place)
                if permit == "Complaint":
                    self.answers[user] = self.answers.get(user, 0) + 1
            case records.COMPLAINT:
                self._live_author(header)
                if values[0] != self.epochs[-1][0]:
                    raise Void("NotNewest")
                if self.complained:
                    raise Void("Complained")
                self.complained = True
            case records.REWRAP:
                self._live_author(header)
                self._rewrap(place, values)
            case records.FILL:
                self._live_author(header)
                if values[0] != self.epochs[-1][0]:
                    raise Void("NotNewest")
                self._hand_on(self.filled, header.device)
            case records.MOVE:
                self._move(position, header, *values)
            case records.HAND_OVER:
                self._hand_over(header, values[0])
            case records.TAKE_OVER:
                self._take_over(position, header)
            case records.ALLOW:
                self._allow(header, values[0])
            case records.LOST:
                self._give_up(header, *values)
        return None

    def _bound_by(self, header, record):
        """The Member for whom a record counts, if it counts for anybody."""
        if record.number in (records.GENESIS, records.JOIN) or header.device not in self.devices:
            return None
        user = self.devices[header.device].user
        return None if self.is_owner(user) else user

    def allowed(self, user):
        """Bytes of records that a Member may write."""
        return limits.MAX_RECORD_BYTES * (1 + self.allows.get(user, 0))

    def has_room_for(self, header, record, time):
        """Whether a record may stand next, by what its author's user has written before."""
        user = self._bound_by(header, record)
        if user is None or self.written.get(user, 0) + header.body_len <= self.allowed(user):
            return True
        if record.number != records.LEAVE or self.unknown:
            return False
        before, self.time = self.time, time
        try:
            self._going_by_leave(header, *record.fields)
        except Void:
            return False
        finally:
            self.time = before
        return True

    def _allow(self, header, user):
        self._owner(header)
        self._live_author(header)
        target = self.users.get(user)
        if target is None or target.role != MEMBER or target.removed:
            raise Void("TargetNotActive")
        allowed = self.allowed(user)
        if allowed - self.written.get(user, 0) > allowed // 2:
            raise Void("NotSpent")
        self.allows[user] = self.allows.get(user, 0) + 1

    def covers(self, entry):
        """Whether an entry is given up."""
        header = entry.header
        return header.lane == entries.CONTENT and not self.given_up.isdisjoint({header.epoch, entry.id})

    def _give_up(self, header, epochs, ids):
        self._owner(header)
        self._live_author(header)
        if not set(epochs) <= {id_ for id_, _ in self.epochs}:
            raise Void("NoEpoch")
        if epochs and not self.complained:
            raise Void("NoComplaint")
        if self.given_up.issuperset(epochs + ids):
            raise Void("GivenUp")
        self.given_up.update(epochs, ids)
        self.rekey_due |= self.epochs[-1][0] in self.given_up

    def _rewrap(self, place, values):
        epoch, wraps = values
        if place.header.roster not in self.index:
            raise Void("NotOnHead")
        point = self.points[self.index[place.header.roster]]
        if epoch != self.epochs[-1][0] or epoch != point.epoch:
            raise Void("NotNewest")
        if len(self.recipients_of(place.header, place.record)) != len(wraps):
            raise Void("WrongRecipients")
        self._hand_on(self.rewrapped, place.header.device)

    @staticmethod
    def _hand_on(have, device):
        if device in have:
            raise Void("HandedOn")
        have.add(device)

    def _is_over(self, key, time):
        return key in self.tickets and time > self.tickets[key].over_after

    def _permit(self, user):
        """Why a live device of this user may begin an epoch: the first reason that holds."""
        if self.rekey_due:
            return "Due"
        if self.is_owner(user):
            return "Owner"
        if user in self.closed_tickets:
            return "ClosedTicket"
        is_by_another = self.devices[self.begun_by].user != user
        if self.complained and self.answers.get(user, 0) < limits.MAX_ANSWERS and is_by_another:
            return "Complaint"
        raise Void("NotDue")

    def _author(self, header):
        if not self.is_active(header.device):
            raise Void("AuthorNotActive")
        return self.devices[header.device]

    def _live_author(self, header):
        author = self._author(header)
        if author.recovery:
            raise Void("Recovery")
        return author

    def _owner(self, header):
        if not self.is_owner(self._author(header).user):
            raise Void("NotOwner")

    def _on_head(self, header):
        if header.roster != self.hash:
            raise Void("NotOnHead")

    def _takes(self, hpke):
        if records.suite_of(hpke) < self.suite:
            raise Void("WeakSuite")

    def _genesis(self, position, entry, values):
        _, device, suite, hpke, commitment = values
        if self.points or device != entry.header.device or entries.digest(entry.body) != self.workspace:
            raise Void("Genesis")
        if records.suite_of(hpke) < suite:
            raise Void("WeakSuite")
        self.suite = suite
        user = entries.user_of(device)
        self.users[user] = User(OWNER)
        self._insert(device, Device(user, hpke, False, position, self.time))
        self.epochs.append((entry.id[:16], commitment))
        self.begun_by = device

    def _insert(self, id_, device):
        self.devices[id_] = device
        self.hpke_keys.add(device.hpke)

    def _open(self, place, ticket, user):
        header = place.header
        key, hpke, expires, recovery, _ = ticket
        self._on_head(header)
        self._check_recovery(recovery, user, header.device)
        if key in self.tickets or hpke in self.hpke_keys:
            raise Void("KeyReused")
        self._takes(hpke)
        if len(self.recipients()) >= limits.MAX_RECIPIENTS:
            raise Void("Full")
        self.hpke_keys.add(hpke)
        longest = limits.MAX_INVITE_LIFETIME if user is None else limits.MAX_LINK_LIFETIME
        over_after = min(expires, place.time + longest)
        self.tickets[key] = Ticket(user, header.device, hpke, over_after, recovery, len(self.points))

    def _recovery_of(self, user):
        devices = self.devices.items()
        return next((id_ for id_, it in devices if it.user == user and it.active and it.recovery), None)

    def _check_recovery(self, recovery, user, maker):
        if recovery and (user is None or self._recovery_of(user) not in (None, maker)):
            raise Void("Recovery")

    def _close(self, position, key, is_meant):
        ticket = self.tickets.get(key)
        if ticket is None or not is_meant(ticket):
            raise Void("NoTicket")
        if ticket.stage != OPEN:
            raise Void("TicketNotOpen")
        ticket.end(CLOSED, position)
        self.closed_tickets.add(self.devices[ticket.maker].user)

    def check_join(self, header, values):
        """The user whom a Join makes a device of, and whether that user is new."""
        key, hpke, recovery, proof = values
        if self.unknown:
            raise Void("AfterUnknown")
        if key not in self.tickets:
            raise Void("NoTicket")
        ticket = self.tickets[key]
        if ticket.stage != OPEN:
            raise Void("TicketNotOpen")
        if header.device in self.devices or hpke in self.hpke_keys:
            raise Void("KeyReused")
        self._takes(hpke)
        if recovery != ticket.recovery:
            raise Void("Recovery")
        self._check_recovery(recovery, ticket.user, ticket.maker)
        try:
            kind = 0 if ticket.user is None else 1
            message = encode([self.workspace, header.device, hpke, kind, ticket.user, recovery])
            signing.verify(key, "bowline/join/2", message, proof)
        except Malformed:
            raise Void("BadProof") from None
        if ticket.user is not None:
            if self.users[ticket.user].removed:
                raise Void("TargetNotActive")
            return ticket.user, False
        user = entries.user_of(header.device)
        if user in self.users:
            raise Void("KeyReused")
        return user, True

    def _join(self, position, header, values):
        user, is_new = self.check_join(header, values)
        key, hpke, recovery, _ = values
        if is_new:
            self.users[user] = User(MEMBER)
        before = self._recovery_of(user) if recovery else None
        if before is not None:
            self._strike(position, {before}, [])
            self.rekey_due = True
        self._insert(header.device, Device(user, hpke, recovery, position, self.time))
        self.tickets[key].end(USED, position)
        self.tickets[key].used_by = header.device

    def _removable(self, header, target):
        author = self._author(header)
        if not self.is_active(target):
            raise Void("TargetNotActive")
        device = self.devices[target]
        if device.user != author.user and not self.is_owner(author.user):
            raise Void("NotOwnUser")
        if self._has_settled(device):
            raise Void("Recovery")

    def _has_settled(self, device):
        return device.recovery and self.time - device.joined >= limits.RECOVERY_SETTLES

    def _remove_member(self, place, values):
        header, (user, cut, _) = place.header, values
        self._owner(header)
        if self.is_owner(user):
            raise Void("LastOwnerDevice")
        if user not in self.users or self.users[user].removed:
            raise Void("TargetNotActive")
        _check_cut(cut, lambda device: self._is_of(device, user))
        rekey_void = self._remove(place, self._active_of(user), cut)
        self.users[user].removed = True
        return rekey_void

    def _is_of(self, device, user):
        return device in self.devices and self.devices[device].user == user

    def _active_of(self, user):
        return {id_ for id_, device in self.devices.items() if device.user == user and device.active}

    def _remove(self, place, targets, cut):
        header = place.header
        known = self.points[self.index[header.roster]].position if header.roster in self.index else 0
        going = self._with_joined_since(targets, known)
        if header.device in going:
            raise Void("SelfRemoval")
        self._check_owner_stays(going)
        self._strike(place.position, going, cut)
        self.rekey_due = True
        try:
            self._live_author(header)
            self._begin_epoch(place)
        except Void as void:
            return str(void)
        return None

    def _with_joined_since(self, targets, known):
        """`targets`, and who came in after the remover's roster by a code that one of them made; and so on."""
        going, count = set(targets), -1
        while len(going) != count:
            count = len(going)
            for ticket in self.tickets.values():
                if ticket.stage == USED and ticket.maker in going:
                    device = self.devices[ticket.used_by]
                    if device.joined_at > known and device.active and not self._has_settled(device):
                        going.add(ticket.used_by)
        return going

    def _check_owner_stays(self, going):
        if any(self.is_owner(self.devices[id_].user) for id_ in going):
            owners = (
                id_
                for id_, device in self.devices.items()
                if self.is_owner(device.user) and device.active and not device.recovery
            )
            if not set(owners) - going:
                raise Void("LastOwnerDevice")

    def _strike(self, position, going, cut):
        for id_ in going:
            device = self.devices[id_]
            device.active, device.removed_at = False, position
            device.cut = {tuple(item[:3]): (item[3], item[4]) for item in cut if item[0] == id_}
        for ticket in self.tickets.values():
            if ticket.stage == OPEN and ticket.maker in going:
                ticket.end(CLOSED, position)

        if self.offer and not (self.is_active(self.offer[1]) and self._may_be_offered(self.offer[0])):
            self.offer = None

    def _move(self, position, header, generation, address, relay, log):
        self._owner(header)
        self._live_author(header)
        if generation != len(self.moves):
            raise Void("Outrun")
        if log in self.moves:
            raise Void("KeyReused")
        self.moves.append(log)
        for ticket in self.tickets.values():
            if ticket.stage == OPEN:
                ticket.end(CLOSED, position)
                self.closed_tickets.add(self.devices[ticket.maker].user)

    def _hand_over(self, header, user):
        self._owner(header)
        own = self._live_author(header).user
        if user == own:
            if self.offer is None:
                raise Void("NotOffered")
            self.offer = None
            return
        if not self._may_be_offered(user):
            raise Void("TargetNotActive")
        self.offer = user, header.device

    def _take_over(self, position, header):
        if self.is_owner(self._author(header).user):
            raise Void("NotOffered")
        own = self._live_author(header).user
        self._on_head(header)
        if self.offer is None or self.offer[0] != own:
            raise Void("NotOffered")
        self.offer = None
        for id_, user in self.users.items():
            user.role = OWNER if id_ == own else MEMBER
        for ticket in self.tickets.values():
            if ticket.stage == OPEN and ticket.user is None:
                ticket.end(CLOSED, position)
                self.closed_tickets.add(self.devices[ticket.maker].user)

    def _live_of(self, user):
        return {id_ for id_ in self._active_of(user) if not self.devices[id_].recovery}

    def _may_be_offered(self, user):
        known = self.users.get(user)
        return known is not None and known.role == MEMBER and not known.removed and bool(self._live_of(user))

    def _leave(self, position, header, whole_user, cut):
        user, going = self._going_by_leave(header, whole_user, cut)
        self._strike(position, going, cut)
        self.users[user].removed |= not self._active_of(user)
        self.rekey_due = True

    def _going_by_leave(self, header, whole_user, cut):
        author = self._author(header)
        user = author.user
        _check_cut(
            cut,
            lambda device: device == header.device or whole_user and self._is_of(device, user),
        )
        going = {header.device} | (self._active_of(user) if whole_user else set())
        if not author.recovery:
            going = {id_ for id_ in going if not self._has_settled(self.devices[id_])}
        self._check_owner_stays(going)
        return user, going

    def _begin_epoch(self, place):
        header, rekey, by = place.header, place.record.rekey, place.header.device
        recipients = self.recipients_of(header, place.record)
        if len(rekey.wraps) != len(recipients):
            raise Void("WrongRecipients")
        is_owner = self.is_owner(self.devices[by].user)
        point = self.points[self.index[header.roster]]
        has_joined = any(device.joined_at > point.position for device in self.devices.values())
        if (
            point.epoch != self.epochs[-1][0]
            or not recipients <= self.recipients()
            or (has_joined and not is_owner)
        ):
            raise Void("Outrun")
        spent = not is_owner and self.by_others >= limits.MAX_EPOCHS_OF_OTHERS
        if len(self.epochs) >= limits.MAX_EPOCHS or spent:
            raise Void("Full")
        self.by_others += not is_owner
        self.begun_by, self.complained = by, False
        for since in (self.closed_tickets, self.rewrapped, self.filled):
            since.clear()
        self.epochs.append((place.epoch, rekey.commitment))
        self.rekey_due = False
        for ticket in self.tickets.values():
            if ticket.stage == OPEN and ticket.hpke not in recipients:
                ticket.end(CLOSED, place.position)


def _check_cut(cut, concerns):
    if not all(concerns(item[0]) for item in cut):
        raise Void("ForeignCut")

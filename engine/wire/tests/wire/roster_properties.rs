//! Random histories of roster records: whatever comes in whatever order, some things always hold.

use std::collections::BTreeSet;

use bowline_wire::hash;
use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::*;
use bowline_wire::roster::record::{Cut, Record, Ticket};
use bowline_wire::roster::{Admits, Device, Outcome, Role, Roster, Standing, TicketKind, TicketStage};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::*;

const PEOPLE: usize = 16;
const SECRETS: usize = 40;

/// Something somebody may try. Unless the step is a stray one, numbers pick among those for whom it may succeed.
#[derive(Clone, Copy, Debug)]
enum Attempt {
    Invite(usize),
    CloseInvite(usize),
    Link { secret: usize, recovery: bool },
    CloseLink(usize),
    Join { secret: usize, honest: bool },
    RemoveDevice { target: usize, cut: bool },
    RemoveMember { target: usize, cut: bool },
    Leave { whole_user: bool },
    Rekey { wrong: bool },
    Complaint { wrong: bool },
    HandOver(usize),
    TakeOver,
    Move(usize),
    Allow(usize),
    Lost { epoch: usize, entry: u8 },
    Unknown,
}

/// Who tries it, and on which roster: the head, or so many records ago.
#[derive(Clone, Copy, Debug)]
struct Step {
    stray: bool,
    by: usize,
    late: usize,
    attempt: Attempt,
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let (secret, person) = (0..SECRETS, 0..PEOPLE);
    prop_oneof![
        6 => secret.clone().prop_map(Attempt::Invite),
        1 => secret.clone().prop_map(Attempt::CloseInvite),
        6 => (secret.clone(), prop::bool::weighted(0.3)).prop_map(|(secret, recovery)| Attempt::Link { secret, recovery }),
        1 => secret.clone().prop_map(Attempt::CloseLink),
        20 => (secret, prop::bool::weighted(0.9)).prop_map(|(secret, honest)| Attempt::Join { secret, honest }),
        3 => (person.clone(), any::<bool>()).prop_map(|(target, cut)| Attempt::RemoveDevice { target, cut }),
        2 => (person.clone(), any::<bool>()).prop_map(|(target, cut)| Attempt::RemoveMember { target, cut }),
        2 => person.clone().prop_map(Attempt::HandOver),
        1 => person.prop_map(Attempt::Allow),
        2 => (0..5_usize, 0..4_u8).prop_map(|(epoch, entry)| Attempt::Lost { epoch, entry }),
        3 => Just(Attempt::TakeOver),
        1 => (0..4_usize).prop_map(Attempt::Move),
        1 => any::<bool>().prop_map(|whole_user| Attempt::Leave { whole_user }),
        3 => prop::bool::weighted(0.2).prop_map(|wrong| Attempt::Rekey { wrong }),
        2 => prop::bool::weighted(0.2).prop_map(|wrong| Attempt::Complaint { wrong }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let late = prop_oneof![4 => Just(0_usize), 1 => 0..5_usize];
    let stray = prop::bool::weighted(0.1);
    (stray, 0..PEOPLE, late, attempt()).prop_map(|(stray, by, late, attempt)| Step {
        stray,
        by,
        late,
        attempt,
    })
}

/// A history that may end in a record from the future.
fn history() -> impl Strategy<Value = Vec<Step>> {
    (vec(step(), 1..120), prop::bool::weighted(0.1)).prop_map(|(mut steps, unknown)| {
        if unknown {
            let at = steps.len() / 2;
            let (stray, by, late, attempt) = (false, 0, 0, Attempt::Unknown);
            steps.insert(at, Step { stray, by, late, attempt });
        }
        steps
    })
}

struct Cast {
    people: Vec<Author>,
    secrets: Vec<Secret>,
    workspace: WorkspaceId,
}

impl Cast {
    fn new() -> Self {
        let people: Vec<_> = (0..PEOPLE).map(|n| Author::new(&format!("person {n}"))).collect();
        Self {
            workspace: hash::workspace_id(&people[0].genesis("workspace").to_body()),
            secrets: (0..SECRETS).map(|n| Secret::new(&format!("secret {n}"))).collect(),
            people,
        }
    }

    /// The step with its numbers pointing at somebody and something that make it likely to succeed.
    fn aim(&self, roster: &Roster, mut step: Step) -> Step {
        if step.stray {
            return step;
        }
        let pick = |n: &mut usize, from: &mut dyn Iterator<Item = usize>| {
            let from: Vec<_> = from.collect();
            if !from.is_empty() {
                *n = from[*n % from.len()];
            }
        };
        let is_open = |n: &usize| {
            let ticket = roster.ticket(&self.secrets[*n].id());
            ticket.is_some_and(|ticket| ticket.stage == TicketStage::Open)
        };
        let is_fresh = |n: &usize| roster.ticket(&self.secrets[*n].id()).is_none();
        let is_active = |n: &usize| roster.is_active(&self.people[*n].id());
        let is_new = |n: &usize| roster.device(&self.people[*n].id()).is_none();
        match &mut step.attempt {
            Attempt::Invite(n) | Attempt::Link { secret: n, .. } => {
                pick(n, &mut (0..SECRETS).filter(is_fresh));
            }
            Attempt::CloseInvite(n) | Attempt::CloseLink(n) => pick(n, &mut (0..SECRETS).filter(is_open)),
            Attempt::Join { secret, .. } => {
                pick(secret, &mut (0..SECRETS).filter(is_open));
                pick(&mut step.by, &mut (0..PEOPLE).filter(is_new));
                return step;
            }
            Attempt::RemoveDevice { target, .. }
            | Attempt::RemoveMember { target, .. }
            | Attempt::HandOver(target)
            | Attempt::Allow(target) => {
                pick(target, &mut (0..PEOPLE).filter(is_active));
            }
            Attempt::TakeOver => {
                let may = |n: &usize| {
                    let user = roster.device(&self.people[*n].id()).map(|device| device.user);
                    roster.offer().is_some_and(|offer| user == Some(offer.to)) && is_active(n)
                };
                pick(&mut step.by, &mut (0..PEOPLE).filter(may));
                return step;
            }
            Attempt::Lost { .. } => {
                let is_owners =
                    |n: &usize| roster.role(&self.people[*n].id()) == Some(Role::Owner) && is_active(n);
                pick(&mut step.by, &mut (0..PEOPLE).filter(is_owners));
                return step;
            }
            Attempt::Leave { .. }
            | Attempt::Rekey { .. }
            | Attempt::Complaint { .. }
            | Attempt::Move(_)
            | Attempt::Unknown => {}
        }
        pick(&mut step.by, &mut (0..PEOPLE).filter(is_active));
        step
    }

    fn header(&self, roster: &Roster, step: Step) -> Header {
        let mut header = blank_header(&self.people[step.by], self.workspace, EntryType::Roster);
        let points = roster.points();
        header.roster = points[points.len() - 1 - step.late % points.len()].hash;
        header
    }

    /// Whose device this is, or would be.
    fn user(&self, roster: &Roster, person: usize) -> UserId {
        let author = &self.people[person];
        roster.device(&author.id()).map_or(author.user(), |device| device.user)
    }

    fn record(&self, roster: &Roster, header: &Header, step: Step, number: usize) -> Record {
        let name = format!("epoch {number}");
        let cut_of = |target: usize, cut: bool| {
            let author = &self.people[target];
            let cut = cut.then(|| Cut {
                device: author.id(),
                incarnation: author.incarnation,
                lane: Lane::Content,
                seq: 1,
                id: EntryId::from_bytes(seed("cut")),
            });
            cut.into_iter().collect::<Vec<_>>()
        };
        let removal = |make: &dyn Fn(_) -> Record| {
            let stay = roster.recipients_after(header, &make(rekey(&name, [])));
            make(rekey(&name, stay.unwrap_or_default()))
        };
        match step.attempt {
            Attempt::Invite(n) => Record::Invite(self.secrets[n].ticket()),
            Attempt::CloseInvite(n) => Record::CloseInvite(self.secrets[n].id()),
            Attempt::Link { secret, recovery } => {
                Record::Link(Ticket { recovery, ..self.secrets[secret].ticket() })
            }
            Attempt::CloseLink(n) => Record::CloseLink(self.secrets[n].id()),
            Attempt::Join { secret, honest } => {
                let secret = &self.secrets[secret];
                let invite = Admits { kind: TicketKind::Invite, recovery: false };
                let made = roster.ticket(&secret.id()).map_or(invite, |ticket| ticket.admits);
                let admits = Admits { recovery: made.recovery == honest, ..made };
                Record::Join(secret.join(self.workspace, &self.people[step.by], admits))
            }
            Attempt::RemoveDevice { target, cut } => removal(&|rekey| Record::RemoveDevice {
                device: self.people[target].id(),
                cut: cut_of(target, cut),
                rekey,
            }),
            Attempt::RemoveMember { target, cut } => removal(&|rekey| Record::RemoveMember {
                user: self.people[target].user(),
                cut: cut_of(target, cut),
                rekey,
            }),
            Attempt::Leave { whole_user } => Record::Leave { whole_user, cut: vec![] },
            Attempt::Rekey { wrong: true } => Record::Rekey(rekey(&name, [self.people[0].hpke.clone()])),
            Attempt::Rekey { wrong: false } => Record::Rekey(rekey(&name, roster.recipients())),
            Attempt::Complaint { wrong: true } => Record::Complaint { epoch: EpochId::ZERO },
            Attempt::Complaint { wrong: false } => Record::Complaint { epoch: roster.epoch().unwrap() },
            Attempt::HandOver(target) => Record::HandOver { user: self.user(roster, target) },
            Attempt::Allow(target) => Record::Allow { user: self.user(roster, target) },
            Attempt::Lost { epoch, entry } => {
                // The newest ones first, and now and then one that there is not.
                let epoch = roster.epochs().iter().rev().nth(epoch).map_or(EpochId::ZERO, |epoch| epoch.id);
                let entry = EntryId::from_bytes([entry; EntryId::LEN]);
                if step.late.is_multiple_of(2) { lost(&[epoch], &[entry]) } else { lost(&[], &[entry]) }
            }
            Attempt::TakeOver => Record::TakeOver,
            Attempt::Move(n) => {
                let generation = roster.moves().len() as u64;
                Record::Move(move_to(generation.saturating_sub(n as u64 / 2), &format!("relay {n} {number}")))
            }
            Attempt::Unknown => Record::Unknown(99),
        }
    }
}

/// What holds of every roster that began.
fn check_state(roster: &Roster) {
    let owners: Vec<_> = roster.users().filter(|(_, user)| user.role == Role::Owner).collect();
    assert_eq!(owners.len(), 1, "one Owner");
    assert!(!owners[0].1.removed);
    let live = |user: &UserId| {
        let mut devices = roster.devices().map(|(_, device)| device);
        devices.any(|device| device.user == *user && device.is_active() && !device.recovery)
    };
    assert!(live(owners[0].0), "the Owner has a live device");
    assert_eq!(roster.ownerships().last().unwrap().user, *owners[0].0);
    if let Some(offer) = roster.offer() {
        assert_eq!(roster.role(&offer.by), Some(Role::Owner), "an offer is by the Owner");
        assert!(offer.to != *owners[0].0 && live(&offer.to), "and to somebody who can take it");
    }

    let active =
        roster.devices().filter(|(_, device)| device.is_active()).map(|(_, device)| device.hpke.clone());
    let open: Vec<_> = roster
        .tickets()
        .filter(|(_, ticket)| ticket.stage == TicketStage::Open)
        .map(|(_, ticket)| ticket.clone())
        .collect();
    let due: BTreeSet<_> = active.chain(open.iter().map(|ticket| ticket.hpke.clone())).collect();
    assert_eq!(roster.recipients(), due);

    for (user, _) in roster.users() {
        let of_user = |device: &Device| device.user == *user && device.is_active() && device.recovery;
        assert!(roster.devices().filter(|(_, device)| of_user(device)).count() <= 1, "one phrase for each");
    }
    for ticket in open {
        assert!(roster.is_active(&ticket.maker), "an open ticket has an active maker");
    }
    for (_, device) in roster.devices() {
        let removed = roster.user(&device.user).unwrap().removed;
        assert!(!(removed && device.is_active()), "a removed user has no active device");
    }
    let last = roster.points().last().unwrap();
    assert_eq!((last.hash, last.rekey_due), (roster.hash(), roster.is_rekey_due()));
    assert_eq!(Some(last.epoch), roster.epoch());
}

/// What one record may and may not have changed.
fn check_step(before: &Roster, after: &Roster, id: EntryId, record: &Record, outcome: Outcome) {
    let Outcome::Applied { rekey_void } = outcome else {
        assert_eq!(before.hash(), after.hash());
        if matches!(outcome, Outcome::Void(_)) {
            assert_eq!(facts(before), facts(after), "void, and yet something changed");
        }
        return;
    };
    assert_eq!(after.hash(), hash::roster_hash(before.hash(), id));
    assert_eq!(after.points().len(), before.points().len() + 1);
    assert_eq!(after.point(&after.hash()).unwrap().0, before.points().len());
    for (id, device) in before.devices() {
        if matches!(device.standing, Standing::Removed { .. }) {
            assert_eq!(after.device(id), Some(device), "what is removed stays as it was");
        }
    }
    let removal = matches!(record, Record::RemoveDevice { .. } | Record::RemoveMember { .. });
    let begins = matches!(record, Record::Rekey(_)) || (removal && rekey_void.is_none());
    let epochs = before.epochs().len() + usize::from(begins);
    assert_eq!(after.epochs().len(), epochs);
    let replaces = matches!(record, Record::Join(_))
        && before.devices().any(|(id, device)| device.is_active() && !after.is_active(id));
    let ends = replaces || matches!(record, Record::Leave { .. }) || (removal && rekey_void.is_some());
    let gives_up_newest = before
        .epoch()
        .is_some_and(|newest| matches!(record, Record::Lost(lost) if lost.epochs.contains(&newest)));
    let due = if begins { false } else { ends || gives_up_newest || before.is_rekey_due() };
    assert_eq!(after.is_rekey_due(), due);
    let complains = matches!(record, Record::Complaint { .. });
    assert_eq!(after.has_complaint(), !begins && (complains || before.has_complaint()));
    assert!(!complains || (before.recipients() == after.recipients() && !before.has_complaint()));
    assert!(removal || rekey_void.is_none());
    let moves = before.moves().len() + usize::from(matches!(record, Record::Move(_)));
    assert_eq!(after.moves().len(), moves, "where the log goes on is said by a move alone");
    if matches!(record, Record::Move(_)) {
        assert!(
            after.tickets().all(|(_, ticket)| ticket.stage != TicketStage::Open),
            "codes name the relay before"
        );
    }
    match record {
        Record::Lost(lost) => {
            assert!(lost.epochs.is_empty() || before.has_complaint());
            assert!(lost.epochs.iter().all(|epoch| after.given_up().has_epoch(epoch)));
            assert_ne!(after.given_up(), before.given_up());
        }
        _ => assert_eq!(after.given_up(), before.given_up(), "nothing else gives anything up"),
    }
    for epoch in before.epochs() {
        let was = before.given_up().has_epoch(&epoch.id);
        assert!(!was || after.given_up().has_epoch(&epoch.id), "what is given up stays so");
    }
    let owner = |roster: &Roster| roster.ownerships().last().unwrap().user;
    match record {
        Record::TakeOver => assert_eq!(owner(after), before.offer().unwrap().to),
        _ => assert_eq!(owner(after), owner(before), "nobody becomes the Owner unasked"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_the_roster_keeps_its_invariants(steps in history()) {
        let cast = Cast::new();
        let mut roster = Roster::new(cast.workspace);
        let genesis = cast.people[0].genesis("workspace");
        let first = blank_header(&cast.people[0], cast.workspace, EntryType::Roster);
        let mut played = vec![(EntryId::ZERO, first, genesis)];
        roster.apply(at(1), EntryId::ZERO, &played[0].1, &played[0].2);
        check_state(&roster);
        for (number, step) in steps.into_iter().enumerate() {
            let step = cast.aim(&roster, step);
            let header = cast.header(&roster, step);
            let record = cast.record(&roster, &header, step, number);
            let id = EntryId::from_bytes(seed(&format!("entry {number}")));
            let before = roster.clone();
            let outcome = roster.apply(at(number as u64 + 2), id, &header, &record);
            check_step(&before, &roster, id, &record, outcome);
            check_state(&roster);
            played.push((id, header, record));
        }
        let mut replayed = Roster::new(cast.workspace);
        for (at, (id, header, record)) in (1..).map(at).zip(&played) {
            replayed.apply(at, *id, header, record);
        }
        prop_assert_eq!(facts(&replayed), facts(&roster));
    }
}

/// The property above is worth something only if its histories are: all outcomes have to come up.
#[test]
fn the_histories_are_eventful() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let cast = Cast::new();
    let mut runner = TestRunner::deterministic();
    let (mut applied, mut removed, mut without_epoch, mut voids) = (0, 0, 0, BTreeSet::new());
    let (mut taken_over, mut given_up) = (0, 0);
    for _ in 0..100 {
        let mut roster = Roster::new(cast.workspace);
        let header = blank_header(&cast.people[0], cast.workspace, EntryType::Roster);
        roster.apply(at(1), EntryId::ZERO, &header, &cast.people[0].genesis("workspace"));
        let steps = history().new_tree(&mut runner).unwrap().current();
        for (number, step) in steps.into_iter().enumerate() {
            let step = cast.aim(&roster, step);
            let header = cast.header(&roster, step);
            let record = cast.record(&roster, &header, step, number);
            let id = EntryId::from_bytes(seed(&format!("entry {number}")));
            match roster.apply(at(number as u64 + 2), id, &header, &record) {
                Outcome::Applied { rekey_void } => {
                    applied += 1;
                    without_epoch += usize::from(rekey_void.is_some());
                }
                Outcome::Void(why) => drop(voids.insert(format!("{why:?}"))),
                Outcome::Unknown(_) => {}
            }
        }
        taken_over += roster.ownerships().len() - 1;
        given_up += roster.epochs().iter().filter(|it| roster.given_up().has_epoch(&it.id)).count();
        removed += roster.devices().filter(|(_, device)| !device.is_active()).count();
    }
    assert!(applied > 1000, "{applied} records applied");
    assert!(taken_over > 5, "ownership went over {taken_over} times");
    assert!(given_up > 10, "{given_up} epochs given up");
    assert!(removed > 50, "{removed} devices removed");
    assert!(without_epoch > 5, "{without_epoch} removals lost their rekey");
    assert!(voids.len() >= 12, "{voids:?}");
}

//! What has to hold at the end of every history.

use std::collections::{BTreeMap, BTreeSet};

use super::World;
use super::failure::Failure;
use super::faults::Rates;
use bowline_core::document::ChangeHash;
use bowline_core::sync::{LinkState, RelayFault};
use bowline_engine::device::{DocumentState, QuarantineReason, Quarantined};
use bowline_wire::entry::{Entry, LoggedEntry};
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DeviceId, DocId, LogTime, Moment, Position, WorkspaceId};
use bowline_wire::log::Log;
use bowline_wire::roster::record::Record;
use bowline_wire::roster::{Roster, Standing};

/// Milliseconds in which a calm world has to become quiet.
const SETTLING: u64 = 10 * 60 * 1000;

/// How often everybody shares what is only on their device, until nothing is.
const ROUNDS: usize = 4;

impl World {
    /// Lets everything calm down: no more faults, everyone online, until nothing is left to do; then checks.
    pub fn settle(&mut self) {
        self.network(Rates::CALM);
        for index in 0..self.machines.len() {
            self.machines[index].fail_commit(u32::MAX);
            self.machines[index].stop_before_sending = false;
            self.machines[index].online = true;
            if let Some(conn) = self.machines[index].conn {
                self.relay.set_writable(conn, true);
            }
            self.connect(index);
        }
        self.relay.withhold(false);
        if self.relay.is_put_back() {
            self.restore_relay();
        }
        self.eavesdropper.replay(false);
        self.relay.plan_power_cut(u32::MAX, super::disk::PowerCut::Before);
        self.after_relay();
        let until = self.now.plus(SETTLING);
        while self.failure.is_none() && self.unrest().is_some() && self.now < until {
            self.advance(250);
        }
        if self.failure.is_none()
            && let Some((name, why)) = self.unrest()
        {
            self.fail(Failure::Restless(name, why));
        }
        for index in 0..self.machines.len() {
            let now = self.now;
            self.call(index, |device| {
                while device.index_one(now)? {}
                Ok(())
            });
        }
        // Looking may have found edits to write once more.
        let until = self.now.plus(SETTLING);
        while self.failure.is_none() && self.unrest().is_some() && self.now < until {
            self.advance(250);
        }
        if self.failure.is_none()
            && let Err(failure) = self.check_places()
        {
            self.fail(failure);
        }
        // A device may come in while the others share, with something that is only on it.
        for _ in 0..ROUNDS {
            let members = self.members();
            let shared = self.workspace.is_some_and(|workspace| self.share_everything(workspace, &members));
            let until = self.now.plus(SETTLING);
            while self.failure.is_none() && self.unrest().is_some() && self.now < until {
                self.advance(250);
            }
            if !shared || self.failure.is_some() {
                break;
            }
        }
        if self.failure.is_none()
            && let Err(failure) = self.check_places().and_then(|()| self.check())
        {
            self.fail(failure);
        }
    }

    /// Everything is shown where it was written, and nothing has left that was to stay.
    fn check_places(&mut self) -> Result<(), Failure> {
        (0..self.machines.len()).try_for_each(|index| self.check_shown_on(index))?;
        self.check_stayed()
    }

    /// The machines whose device is in the workspace as the relay's log has it, whichever copy of its database has joined.
    fn members(&self) -> Vec<usize> {
        // With the backup a removal may be gone that nobody else has heard of, or a code that somebody was about to use.
        let is_restored = self.fired.of(super::Fault::RelayRestored) > 0;
        let active = |index: &usize| {
            let machine = &self.machines[*index];
            if is_restored && machine.gone {
                return false;
            }
            let roster = self.roster.as_ref();
            let is_here =
                self.workspace.is_some_and(|it| machine.device_ref().workspaces().any(|id| id == it));
            is_here && roster.is_some_and(|roster| roster.is_active(&machine.device_ref().id()))
        };
        (0..self.machines.len()).filter(active).collect()
    }

    /// Whoever has something left to do.
    fn unrest(&mut self) -> Option<(String, String)> {
        self.read_log();
        let workspace = self.workspace?;
        let head = self.log.last().map_or(Position::START, |(position, ..)| *position);
        for index in self.members() {
            let machine = &self.machines[index];
            let why = match machine.device_ref().status(workspace) {
                Err(error) => error.to_string(),
                Ok(status) if status.link != LinkState::Live => format!("{:?}", status.link),
                Ok(status) if status.offered > 0 => format!("{} entries offered", status.offered),
                Ok(status) if status.queued > 0 => {
                    format!("{} queued: {:?}", status.queued, status.waiting_for)
                }
                Ok(status) if status.sent_again > 0 => format!("{} to be sent again", status.sent_again),
                Ok(status) if status.undecided > 0 => format!("{} decisions open", status.undecided),
                Ok(status) if status.signed.is_none_or(|signed| signed.position != head) => {
                    format!("at {:?} of {head}", status.signed.map(|signed| signed.position))
                }
                Ok(status) if status.withheld.is_some() => format!("withheld: {:?}", status.withheld),
                Ok(_) => continue,
            };
            return Some((machine.name.clone(), why));
        }
        None
    }

    /// Takes in what the relay has stored since the last call.
    pub(super) fn read_log(&mut self) {
        let Some(workspace) = self.workspace else {
            return;
        };
        let after = self.log.last().map_or(Position::START, |(position, ..)| *position);
        for (position, LoggedEntry { time, entry }) in self.relay.log(workspace, after) {
            match entry.verify(workspace) {
                Ok(entry) => {
                    self.roster
                        .get_or_insert_with(|| Roster::new(workspace))
                        .apply_entry(Moment { position, time }, &entry);
                    self.log.push((position, time, entry));
                }
                Err(why) => self.fail(Failure::BadLog { at: position, why: why.to_string() }),
            }
        }
    }

    fn check(&mut self) -> Result<(), Failure> {
        self.count_begun();
        if let Some(line) = super::errors::take() {
            return Err(Failure::ErrorLogged(line));
        }
        let Some(workspace) = self.workspace else {
            return Ok(());
        };
        self.check_log(workspace)?;
        let members = self.members();
        self.check_aside(workspace, &members)?;
        let shown: Vec<_> = members.iter().map(|index| self.shown_on(*index)).collect();
        self.check_same(&members, &shown)?;
        self.check_said(&members)?;
        self.check_twins(&members)?;
        self.check_synced(&members)
    }

    /// P6, P7: the relay's log is one that every device accepts, each entry once, and nothing in it is readable by a
    /// device whose removal the author knew.
    fn check_log(&self, workspace: WorkspaceId) -> Result<(), Failure> {
        let Some(head) = self.machines.iter().find_map(|it| it.device_ref().status(workspace).ok()?.signed)
        else {
            return Ok(());
        };
        let mut log = Log::begun(workspace, head.log, &self.relay.succession(workspace));
        let mut hashes = BTreeMap::new();
        let mut removed: BTreeMap<DeviceId, usize> = BTreeMap::new();
        let mut rest = self.log.as_slice();
        while let Some((position, time, entry)) = rest.first() {
            let bad = |why: String| Failure::BadLog { at: *position, why };
            if *time < log.time() {
                return Err(bad("its time goes back".to_owned()));
            }
            // What the cut of a removed author still allows stands there as a whole.
            let len =
                log.run_remaining(entry.header()).and_then(|len| usize::try_from(len).ok()).unwrap_or(1);
            let (run, behind) = rest.split_at(len.min(rest.len()));
            rest = behind;
            let timed: Vec<(LogTime, &Entry)> = run.iter().map(|(_, time, entry)| (*time, entry)).collect();
            let hash_at = |at| hashes.get(&at).copied();
            let accepted = match log.run_remaining(entry.header()) {
                Some(_) => log.check_run(&timed, hash_at),
                None => log.check(entry, *time, hash_at).map(|accepted| vec![accepted]),
            };
            let accepted = accepted.map_err(|why| bad(why.to_string()))?;
            for accepted in accepted {
                let placed = log.append(accepted);
                hashes.insert(placed.position, placed.hash);
            }
            let points = log.roster().points().len();
            for (device, state) in log.roster().devices() {
                if matches!(state.standing, Standing::Removed { .. }) {
                    removed.entry(*device).or_insert(points);
                }
            }
            check_unreadable(*position, entry, &log, &removed)?;
        }
        Ok(())
    }

    /// P8: honest devices put nothing aside, and only copies of a database are ever refused anything.
    fn check_aside(&self, workspace: WorkspaceId, members: &[usize]) -> Result<(), Failure> {
        for index in members {
            let machine = &self.machines[*index];
            let status = machine.device_ref().status(workspace);
            let status =
                status.map_err(|error| Failure::PutAside(machine.name.clone(), error.to_string()))?;
            let is_restored = self.fired.of(super::Fault::RelayRestored) > 0;
            let lost_its_place =
                |it: &&Quarantined| is_restored && it.reason == QuarantineReason::NotTakenAgain;
            let is_right = |it: &&Quarantined| lost_its_place(it) || self.is_hostile(&it.entry);
            if let Some(aside) = status.quarantined.iter().find(|it| !is_right(it)) {
                return Err(Failure::PutAside(machine.name.clone(), format!("{aside:?}")));
            }
            let copies = self.fired.of(super::Fault::Restored) + self.fired.of(super::Fault::Cloned);
            if copies == 0
                && !is_restored
                && (status.refused > 0 || self.seen_notices.contains_key("other life"))
            {
                let what =
                    "an entry was refused for good, or another life was seen, without any copy".to_owned();
                return Err(Failure::PutAside(machine.name.clone(), what));
            }
            // A relay that was put back and served has signed two histories. It shows nobody both; who replays one of them does.
            let fired = |fault| self.fired.of(fault) > 0;
            let is_put_back = fired(super::Fault::RelayPutBack);
            let is_shown_both = is_put_back && fired(super::Fault::Replayed);
            if !status.evidence.is_empty() && !is_shown_both {
                let what = format!("keeps evidence against the relay: {:?}", status.caught);
                return Err(Failure::PutAside(machine.name.clone(), what));
            }
            // What a relay that was put back says of itself is true, and over. What somebody replays on a line ends that line, and
            // condemns nobody.
            let is_replayed = fired(super::Fault::ReplayedWelcome) || fired(super::Fault::Replayed);
            let is_over = |fault: &RelayFault| {
                is_put_back && *fault == RelayFault::LogLost
                    || is_shown_both && matches!(fault, RelayFault::Fork { .. })
                    || is_replayed && !fault.is_lasting()
            };
            if let Some(fault) = status.fault.filter(|fault| !is_over(fault)) {
                return Err(Failure::PutAside(machine.name.clone(), fault.to_string()));
            }
        }
        Ok(())
    }

    fn shown_on(&mut self, index: usize) -> BTreeMap<DocId, (Vec<ChangeHash>, String)> {
        let now = self.now;
        let device = self.machines[index].device();
        let mut shown = BTreeMap::new();
        let listed = [false, true].into_iter().flat_map(|trash| device.list(trash).unwrap_or_default());
        let ids: BTreeSet<DocId> =
            listed.filter(|listed| listed.workspace.is_some()).map(|listed| listed.id).collect();
        for id in ids {
            if let Ok(document) = device.show(id, now) {
                let entries = document.transcript.entries.iter().map(|entry| entry.key.as_str());
                let text = format!("{:?} {}", document.title, entries.collect::<Vec<_>>().join(" "));
                shown.insert(id, (document.heads, text));
            }
        }
        shown
    }

    /// P5: members show the same documents.
    fn check_same(
        &self,
        members: &[usize],
        shown: &[BTreeMap<DocId, (Vec<ChangeHash>, String)>],
    ) -> Result<(), Failure> {
        let name = |index: usize| self.machines[members[index]].name.clone();
        for (index, pair) in shown.windows(2).enumerate() {
            let (one, other) = (name(index), name(index + 1));
            if let Some(id) =
                pair[0].keys().chain(pair[1].keys()).find(|id| pair[0].get(id) != pair[1].get(id))
            {
                let what = format!("{id:?}: {:?} and {:?}", pair[0].get(id), pair[1].get(id));
                return Err(Failure::Different { one, other, what });
            }
        }
        Ok(())
    }

    /// P4: every edit that was acknowledged is on every member.
    fn check_said(&mut self, members: &[usize]) -> Result<(), Failure> {
        let now = self.now;
        let quoted: Vec<String> = self.said.iter().map(|said| format!("{:?}", said.text)).collect();
        for index in members {
            let mut texts: BTreeMap<DocId, String> = BTreeMap::new();
            for (said, quoted) in self.said.iter().zip(&quoted) {
                let text = texts.entry(said.document).or_insert_with(|| {
                    let shown = self.machines[*index].device().show(said.document, now);
                    let entries = shown.map(|shown| shown.transcript.entries).unwrap_or_default();
                    entries.into_iter().map(|entry| entry.raw).collect()
                });
                // What only the relay has, because who said it is gone or was put back itself, goes with a backup that lacks it.
                let is_restored = self.fired.of(super::Fault::RelayRestored) > 0;
                let is_kept = members.contains(&said.machine) && !(said.left_its_device && is_restored);
                let promised = is_kept || (said.was_on_relay && !is_restored);
                if promised && !text.contains(quoted) {
                    let (on, by) =
                        (self.machines[*index].name.clone(), self.machines[said.machine].name.clone());
                    return Err(Failure::Lost { on, by, text: said.text.clone() });
                }
            }
        }
        Ok(())
    }

    /// P10: what is on the relay is shown so.
    fn check_synced(&self, members: &[usize]) -> Result<(), Failure> {
        for index in members {
            let device = self.machines[*index].device_ref();
            for id in &self.documents {
                match device.document_state(*id) {
                    Ok(DocumentState::OnRelay | DocumentState::OnDevices(_) | DocumentState::OnlyHere)
                    | Err(_) => {}
                    Ok(state) => {
                        let name = self.machines[*index].name.clone();
                        return Err(Failure::NotSynced(name, format!("{state:?}")));
                    }
                }
            }
        }
        Ok(())
    }
}

/// P7: an entry whose author had verified a removal is sealed under an epoch that began with it or later, and no rekey
/// since is wrapped to the removed device.
fn check_unreadable(
    position: Position,
    entry: &Entry,
    log: &Log,
    removed: &BTreeMap<DeviceId, usize>,
) -> Result<(), Failure> {
    let roster = log.roster();
    let known = roster.point(&entry.header().roster).map_or(0, |(index, _)| index + 1);
    if matches!(entry.header().entry_type, EntryType::Changes | EntryType::Snapshot) {
        for since in removed.values().filter(|since| **since <= known) {
            let before = roster.points().get(since.saturating_sub(2)).map(|point| point.epoch);
            if before == Some(entry.header().epoch) {
                return Err(Failure::ReadableByRemoved(position));
            }
        }
    }
    let record = entry.body().filter(|_| entry.header().entry_type == EntryType::Roster);
    let Some(record @ Record::Rekey(_)) = record.and_then(|body| Record::parse(body).ok()) else {
        return Ok(());
    };
    let recipients = roster.recipients_of(&entry.header().roster, &record).unwrap_or_default();
    let applied = roster.points().last().is_some_and(|point| point.at.position == position);
    let reaches =
        |device: &DeviceId| roster.device(device).is_some_and(|device| recipients.contains(&device.hpke));
    if applied && removed.keys().any(reaches) {
        return Err(Failure::ReadableByRemoved(position));
    }
    Ok(())
}

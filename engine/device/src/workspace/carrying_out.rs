//! Records on their way to the log: which is written next, and what comes before one that gives content up. What is here by then is not given up,
//! and of a missing key somebody has to have complained.

use bowline_store::{IntentN, Reader};
use bowline_wire::ids::{EntryId, EpochId, Millis, WorkspaceId};
use bowline_wire::roster::Void;
use bowline_wire::roster::record::{Lost, Record};

use crate::lent::Lent;
use crate::workspace::Workspaces;
use crate::workspace::intent::{Decision, Intent};
use crate::workspace::not_here::lacks_body;
use crate::workspace::roster::{Decided, end_decision, in_order, intents};
use crate::{Error, Notice};

/// What was done for a decision.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    /// Nothing yet.
    Nothing,
    /// Nothing: its record does not fit what this person may still write.
    LacksRoom,
    /// Some of it, or all.
    Something,
}

/// What comes next of giving content up.
enum Next {
    /// The relay is asked once more whether it has it.
    Ask,
    /// The relay's answer is waited for.
    Wait,
    /// A record before it.
    Before(Record),
    /// The record, of what is not here now.
    Record(Record),
    /// Nothing: everything is here.
    HasCome,
    /// Nothing, for this reason.
    Void(Void),
}

impl Workspaces {
    /// Writes the next roster record there is to write. Whether one was written, or a decision given up.
    pub(super) fn write_records(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
    ) -> Result<bool, Error> {
        if self.replica(workspace)?.ready_for_record().is_err() {
            return Ok(false);
        }
        if self.give_up_epochs(lent, workspace)? {
            return Ok(true);
        }
        // What does not fit what this person may still write waits until the Owner allows more. Leaving always fits.
        if let Some(record) = self.unasked(lent, workspace)?
            && self.replica(workspace)?.has_room_for_record(&record)
        {
            return self.offer_record(lent, workspace, &record, None).map(|()| true);
        }
        // A code hands out the key in force: until that is here, whoever is to be let in waits.
        let has_key = self.replica(workspace)?.has_key_in_force();
        let may_go = |intent: &Intent| has_key || !matches!(intent.decision, Decision::Open { .. });
        let mut next = in_order(intents(lent.read(), lent.keys, workspace)?);
        next.retain(|it| may_go(&it.intent));
        let mut is_short = false;
        for decided in next {
            match self.carry_out_decision(lent, workspace, decided)? {
                Done::Nothing => {}
                Done::LacksRoom => is_short = true,
                Done::Something => {
                    self.linked(workspace)?.lacks_room_for_decision = false;
                    return Ok(true);
                }
            }
        }
        self.linked(workspace)?.lacks_room_for_decision = is_short;
        Ok(false)
    }

    /// Does what is next for a decision that no record carries out yet.
    fn carry_out_decision(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        Decided { n, intent, since }: Decided,
    ) -> Result<Done, Error> {
        let mut record = self.record_for(lent, workspace, (&intent.decision, since))?;
        if let Ok(Record::Lost(lost)) = &record {
            record = match self.next_of_giving_up(lent, workspace, (n, since), lost)? {
                Next::Ask => return Ok(Done::Something),
                Next::Wait => return Ok(Done::Nothing),
                Next::Before(record) => {
                    self.offer_record(lent, workspace, &record, None)?;
                    return Ok(Done::Something);
                }
                Next::HasCome => {
                    end_decision(lent, n, Notice::NothingToGiveUp(workspace))?;
                    return Ok(Done::Something);
                }
                Next::Record(record) => Ok(record),
                Next::Void(why) => Err(why),
            };
        }
        match record {
            Ok(record) if !self.replica(workspace)?.has_room_for_record(&record) => {
                return Ok(Done::LacksRoom);
            }
            Ok(record) => self.offer_record(lent, workspace, &record, Some((n, intent)))?,
            Err(why) => end_decision(lent, n, Notice::DecisionVoid { workspace, why })?,
        }
        Ok(Done::Something)
    }

    /// While a complaint stands, epochs are given up before this device does anything else: its own rekey would answer the complaint. Whether
    /// anything was done.
    fn give_up_epochs(&mut self, lent: &mut Lent<'_>, workspace: WorkspaceId) -> Result<bool, Error> {
        if !self.roster(workspace)?.has_complaint() {
            return Ok(false);
        }
        let names_epochs = |decision: &Decision| match decision {
            Decision::GiveUp(lost) => !lost.epochs.is_empty(),
            _ => false,
        };
        for decided in intents(lent.read(), lent.keys, workspace)? {
            let is_next = decided.intent.entry.is_none() && names_epochs(&decided.intent.decision);
            if is_next && self.carry_out_decision(lent, workspace, decided)? == Done::Something {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What comes next of a decision, made at this time, to give this up.
    fn next_of_giving_up(
        &mut self,
        lent: &Lent<'_>,
        workspace: WorkspaceId,
        decision: (IntentN, Millis),
        lost: &Lost,
    ) -> Result<Next, Error> {
        let device = self.device_in(lent.keys, workspace);
        if self.roster(workspace)?.device(&device).is_some_and(|own| own.recovery) {
            return Ok(Next::Void(Void::Recovery));
        }
        if !lost.entries.is_empty() {
            let linked = self.linked(workspace)?;
            if !linked.asked_before.contains(&decision) {
                linked.asked_before.push(decision);
                linked.replica.ask_anew(lent.now);
                return Ok(Next::Ask);
            }
            if linked.replica.is_fetching() {
                return Ok(Next::Wait);
            }
        }
        let still = self.still_lacking(lent.read(), workspace, lost)?;
        let roster = self.roster(workspace)?;
        let is_to_complain = !roster.has_complaint();
        Ok(match (still.epochs.is_empty(), still.entries.is_empty()) {
            (true, true) if lost.entries.is_empty() && is_to_complain => Next::Void(Void::NoComplaint),
            (true, true) => Next::HasCome,
            (false, _) if is_to_complain => match roster.epoch() {
                Some(epoch) => Next::Before(Record::Complaint { epoch }),
                None => Next::Void(Void::NoEpoch),
            },
            _ => Next::Record(Record::Lost(still)),
        })
    }

    /// What of this is still not here.
    fn still_lacking(&self, read: Reader<'_>, workspace: WorkspaceId, lost: &Lost) -> Result<Lost, Error> {
        let mut epochs: Vec<EpochId> = Vec::new();
        for epoch in &lost.epochs {
            if self.lacks_key_of(workspace, epoch)? {
                epochs.push(*epoch);
            }
        }
        let mut entries: Vec<EntryId> = Vec::new();
        for id in &lost.entries {
            if read.entry_by_id(workspace, *id)?.is_some_and(|row| lacks_body(&row)) {
                entries.push(*id);
            }
        }
        Ok(Lost { epochs, entries })
    }
}

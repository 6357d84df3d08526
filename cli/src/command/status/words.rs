//! The report in words.

use std::fmt::{self, Formatter};

use bowline_engine::ids::Millis;

use super::{Connection, Device, Offer, Phrase, Report, Workspace};
use crate::documents::count_entries;
use crate::overlaps;
use crate::text::{OneLine, count, grouped, process};
use crate::time::{ago, moment};
use crate::workspaces::relay_for_people;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let device = OneLine(self.device_name.as_deref().unwrap_or("a device without a name")).to_string();
        match &self.user_name {
            Some(user) => writeln!(f, "{}'s {device}, home {}", OneLine(user), OneLine(&self.home))?,
            None => writeln!(f, "{device}, home {}", OneLine(&self.home))?,
        }
        writeln!(f, "Only on this device: {}", self.only_here_words.as_deref().unwrap_or("nothing"))?;
        if !self.overlaps.is_empty() {
            writeln!(f, "Changed by others at the same time as here:")?;
            overlaps::write_all(f, &self.overlaps)?;
        }
        if self.workspaces.is_empty() {
            return writeln!(f, "In no workspace: nothing leaves this device");
        }
        match self.syncing_pid {
            Some(pid) => writeln!(f, "Syncing: {}", process(pid))?,
            None => writeln!(f, "Syncing: nobody; `bowline sync` does")?,
        }
        self.workspaces.iter().try_for_each(|workspace| {
            writeln!(f)?;
            workspace.write(f, self.now)
        })
    }
}

impl Offer {
    fn in_words(&self) -> String {
        if self.you {
            return "Offered to you: the ownership; `bowline workspace take-over` makes you the owner"
                .to_owned();
        }
        let whom = OneLine(&self.shown);
        if self.by_you {
            format!(
                "Offered to {whom}: the ownership; `bowline workspace hand-over --take-back` takes that back until they have taken it"
            )
        } else {
            format!("Offered to {whom}: the ownership")
        }
    }
}

impl Workspace {
    fn write(&self, f: &mut Formatter<'_>, now: Millis) -> fmt::Result {
        let role = self.role.map_or_else(String::new, |role| format!(", you are its {role}"));
        let in_use = if self.in_use { "; new documents go there" } else { "" };
        writeln!(f, "Workspace {} on {}{role}{in_use}", self.label, relay_for_people(&self.relay))?;
        match &self.out_because {
            Some(why) => writeln!(f, "  Not connected: {}", OneLine(why))?,
            None => self.connection.write(f, now)?,
        }
        if let Some(what) = &self.what_to_do {
            writeln!(f, "  What to do: {what}")?;
        }
        self.write_waiting(f, now)?;
        self.write_trouble(f)?;
        if let Some(verified) = &self.verified {
            writeln!(f, "  Verified: {}", verified.in_words(now))?;
            if verified.is_over() {
                writeln!(f, "    `bowline workspace verify` compares it once more")?;
            }
        }
        if let Some(clocks) = &self.clocks {
            writeln!(f, "  Clocks: {}", clocks.words)?;
        }
        if self.recovery_phrase == Phrase::Lacking {
            writeln!(
                f,
                "  Recovery phrase: none. If every device is lost, nobody can bring this back; `bowline recovery create` makes one"
            )?;
        }
        if self.devices.is_empty() {
            return Ok(());
        }
        writeln!(f, "  Devices:")?;
        self.devices.iter().try_for_each(|device| device.write(f, now))
    }

    fn write_waiting(&self, f: &mut Formatter<'_>, now: Millis) -> fmt::Result {
        match (self.queued, self.on_its_way) {
            (0, 0) => writeln!(f, "  Queued: nothing")?,
            (n, m) if self.stays() => {
                let n = count(n.max(m), "document");
                writeln!(f, "  Stays here: {n} with what the others do not have; nothing is queued")?;
            }
            (0, n) => writeln!(f, "  Queued: nothing; on its way: {}", count_entries(n as u64))?,
            (n, 0) => writeln!(f, "  Queued: {}", count(n, "document"))?,
            (n, m) => {
                writeln!(f, "  Queued: {}; on its way: {}", count(n, "document"), count_entries(m as u64))?;
            }
        }
        if let Some(why) = self.not_sent_because.as_ref().filter(|_| !self.stays()) {
            match self.held_up {
                Some(since) => writeln!(f, "  Not sent because: {why} (since {})", moment(since))?,
                None => writeln!(f, "  Not sent because: {why}")?,
            }
        }
        if self.undecided > 0 {
            writeln!(f, "  Not yet in force: {}", count(self.undecided, "decision"))?;
            for it in &self.decisions {
                let sent = if it.sent { ", sent" } else { "" };
                let ago = ago(it.since, now);
                writeln!(f, "    {}: {}, decided {ago}{sent}", it.number, OneLine(&it.what))?;
            }
            writeln!(f, "    `bowline workspace cancel NUMBER` takes one back that has not been sent")?;
        }
        if let Some(address) = &self.moving_to {
            let place = relay_for_people(address);
            writeln!(f, "  Moving: the owner has moved the workspace to {place}; `bowline sync` follows")?;
        }
        if let Some(offer) = &self.offer {
            writeln!(f, "  {}", offer.in_words())?;
        }
        for scarce in &self.records_scarce {
            writeln!(f, "  {}", scarce.in_words())?;
        }
        match self.signed_position {
            Some(position) => writeln!(f, "  Last signed by the relay: position {}", grouped(position)),
            None => writeln!(f, "  Last signed by the relay: nothing yet"),
        }
    }

    /// Whether what waits will not be sent.
    fn stays(&self) -> bool {
        self.out_because.is_some() || self.evidence > 0
    }

    fn write_trouble(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.quarantined.is_empty() {
            writeln!(f, "  Put aside: {}", count_entries(self.quarantined.len() as u64))?;
            for it in &self.quarantined {
                let entry = it.entry.get(..8).unwrap_or(&it.entry);
                writeln!(f, "    {entry} by {}: {}", it.author_name, OneLine(&it.why))?;
            }
            writeln!(f, "    `bowline workspace put-aside ID` shows what one of them says")?;
        }
        if let Some(withheld) = &self.withheld {
            let entries = count_entries(withheld.entries);
            let documents = count(usize::try_from(withheld.documents).unwrap_or(usize::MAX), "document");
            let since = moment(withheld.at);
            writeln!(f, "  Held back by the relay: {entries} of {documents}, since {since}")?;
            writeln!(
                f,
                "    Asked for again by itself; a device that has them gives them back when it connects. If it stays so, \
                 ask the relay's operator"
            )?;
        }
        if let Some(way) = self.never_comes {
            writeln!(f, "    {way}")?;
        }
        if self.sent_again > 0 {
            let entries = count_entries(self.sent_again as u64);
            writeln!(f, "  Sent again: {entries} that the relay lacks since it was restored from a backup")?;
        }
        if self.apart > 0 {
            let entries = count_entries(self.apart);
            writeln!(f, "  Only in sight here: {entries} by others that the relay's log lacks")?;
            writeln!(
                f,
                "    Whoever wrote them sends them anew with `bowline workspace accept` or `repair` on their device"
            )?;
        }
        if self.refused > 0 {
            let n = count_entries(self.refused);
            writeln!(f, "  Refused by the relay for good: {n}, kept here and sent again in another form")?;
        }
        if self.update_needed > 0 {
            let n = count_entries(self.update_needed);
            writeln!(f, "  Written by a newer version: {n}; update this program to see them")?;
        }
        if self.incomplete > 0 {
            let n = count(usize::try_from(self.incomplete).unwrap_or(usize::MAX), "part");
            writeln!(f, "  Incomplete: {n} of what others are sending, or have not finished")?;
        }
        if self.evidence > 0 {
            writeln!(
                f,
                "  Caught: the relay has signed what it cannot both have meant ({}); nothing more is sent there",
                count(self.evidence, "proof")
            )?;
        }
        if self.earlier_evidence > 0 {
            let n = count(self.earlier_evidence, "proof");
            writeln!(
                f,
                "  Caught earlier: {n} set aside since: this device has joined again, the relay has moved, or you have gone on with it"
            )?;
        }
        match &self.fault {
            Some(fault) => writeln!(f, "  What is wrong: {fault}"),
            None => Ok(()),
        }
    }
}

impl Connection {
    fn write(&self, f: &mut Formatter<'_>, now: Millis) -> fmt::Result {
        match self {
            Self::Disconnected => {
                writeln!(
                    f,
                    "  Not connected: you disconnected it; `bowline workspace connect` connects it again"
                )
            }
            Self::Over => {
                writeln!(f, "  Not connected: this device is not in the workspace")
            }
            Self::NobodySyncs { last, why, .. } => {
                write!(f, "  Not connected: nobody syncs")?;
                if let Some(last) = last {
                    write!(f, "; last in step {}", ago(*last, now))?;
                }
                match why {
                    Some(why) => writeln!(f, "; the last attempt failed: {}", OneLine(why)),
                    None => writeln!(f),
                }
            }
            Self::Connecting => writeln!(f, "  Connecting"),
            Self::CatchingUp { position } => {
                writeln!(f, "  Connected, receiving what others wrote; at position {}", grouped(*position))
            }
            Self::Connected { at, .. } => {
                writeln!(f, "  Connected since {} ({})", moment(*at), ago(*at, now))
            }
            Self::NotConnected { why, at, retry, .. } => {
                write!(f, "  Not connected since {}", moment(*at))?;
                if let Some(why) = why {
                    write!(f, ": {}", OneLine(why))?;
                }
                match retry {
                    Some(retry) => writeln!(f, "; trying again in {} s", retry.since(now).div_ceil(1000)),
                    None => writeln!(f),
                }
            }
        }
    }
}

impl Device {
    fn write(&self, f: &mut Formatter<'_>, now: Millis) -> fmt::Result {
        write!(f, "    {} of {}: ", self.shown, self.shown_user)?;
        if self.is_this {
            return writeln!(f, "this device");
        }
        if self.recovery {
            return writeln!(f, "a recovery phrase, on paper");
        }
        match self.heard {
            Some(heard) => write!(f, "last heard {}", ago(heard.min(now), now))?,
            None => write!(f, "not heard yet")?,
        }
        if self.has_everything { writeln!(f, ", has everything") } else { writeln!(f) }
    }
}

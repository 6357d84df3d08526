//! A recovery phrase at work: the recovery device that it is, on a database in memory, so that nothing of the phrase reaches a disk.

use bowline_core::sync::{Context, JoinFailed, LinkState, LookupFailed, PhraseLookup, Recipient};
use bowline_crypto::{DeviceKeys, MAX_PHRASE_LINKS, RecoveryPhrase, TicketSecret};
use bowline_store::{Reader, Store};
use bowline_wire::ids::{DeviceId, LineKey, Millis, Position, TicketKey, WorkspaceId};
use bowline_wire::log::Log;
use bowline_wire::roster::{Device as Member, Roster, Void};

use crate::apart::Parts;
use crate::lent::Lent;
use crate::workspace::Workspaces;
use crate::workspace::again::put_keys;
use crate::workspace::code::{Code, Lifetime};
use crate::workspace::connection::Parting;
use crate::workspace::intent::Decision;
use crate::workspace::keys_at_rest::find_keys;
use crate::workspace::line::frame_of;
use crate::workspace::roster::intents;
use crate::workspace::sealed_values::AtRest;
use crate::{Device, Error, Notice, Random};

/// A recovery phrase, and the device that it is.
pub struct PhraseInHand {
    phrase: RecoveryPhrase,
    device: Device,
    /// What it has decided in the workspace that was opened last.
    decided: Option<Step>,
}

/// What a phrase decides in a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// To make a link for whoever is to come in.
    Link(TicketKey),
    /// To leave.
    Leave,
}

/// Whom a phrase lets into a workspace.
#[derive(Clone, Copy, Debug)]
pub enum Newcomer<'p> {
    /// A new device of its person.
    Device,
    /// The phrase that takes its place.
    Successor(&'p RecoveryPhrase),
}

impl std::fmt::Debug for PhraseInHand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PhraseInHand").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// How far a phrase is with letting somebody into a workspace.
#[derive(Debug)]
pub enum Entrance {
    /// The relay has not said everything yet.
    OnTheWay,
    /// The newcomer comes in by this code.
    Code(Box<Code>),
    /// The workspace's log, as the relay has it, does not have this phrase as an active recovery device.
    NotIn,
    /// None of the workspace's keys is wrapped to the phrase.
    NoKeys,
    /// The log did not take the link.
    Void(Void),
}

/// How far a phrase is with leaving a workspace.
#[derive(Debug)]
pub enum Departure {
    /// The relay has not said everything yet.
    OnTheWay,
    /// The phrase is out.
    Gone,
    /// The workspace's log, as the relay has it, does not have this phrase as an active recovery device.
    NotIn,
    /// No other device of its person is there: the person would go with it.
    Alone,
    /// The log did not take the leave.
    Void(Void),
}

impl Workspaces {
    /// Stores the decision to let somebody in by a code with this secret, which was not used here.
    pub(crate) fn open_with(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        lifetime: Lifetime,
        secret: TicketSecret,
    ) -> Result<TicketKey, Error> {
        let (key, expires) = (secret.ticket_key(), lent.now.plus(lifetime.millis()));
        self.decide(lent, workspace, Decision::Open { kind: lifetime.kind(), secret, expires })?;
        Ok(key)
    }

    /// The first secret of a phrase that no link of a workspace was made with, and none is decided to be; `None` once all are spent.
    pub(crate) fn phrase_secret(
        &self,
        (read, keys): (Reader<'_>, &DeviceKeys),
        workspace: WorkspaceId,
        phrase: &RecoveryPhrase,
    ) -> Result<Option<TicketSecret>, Error> {
        let roster = self.roster(workspace)?;
        let decided = intents(read, keys, workspace)?;
        let is_decided = |key: TicketKey| {
            decided.iter().any(|it| match &it.intent.decision {
                Decision::Open { secret, .. } => secret.ticket_key() == key,
                _ => false,
            })
        };
        let mut secrets = (0..MAX_PHRASE_LINKS).map(|nth| phrase.ticket_secret(workspace, nth));
        let is_fresh = |secret: &TicketSecret| {
            let key = secret.ticket_key();
            roster.ticket(&key).is_none() && !is_decided(key)
        };
        Ok(secrets.find(is_fresh))
    }
}

impl PhraseInHand {
    /// The recovery device of a phrase. It is in no workspace that it knows of.
    pub fn new(phrase: RecoveryPhrase, random: Random) -> Result<Self, Error> {
        let device = Device::open(Store::in_memory()?, phrase.device_keys(), random)?;
        Ok(Self { phrase, device, decided: None })
    }

    /// Which device it is, in whatever workspace.
    pub fn id(&self) -> DeviceId {
        self.device.id()
    }

    /// The phrase.
    pub fn phrase(&self) -> &RecoveryPhrase {
        &self.phrase
    }

    /// Begins to come into a workspace by the code that was made for it.
    pub fn join(&mut self, code: &Code, now: Millis) -> Result<(), Error> {
        self.device.join(code, now).map(|_| ())
    }

    /// Begins to open a workspace that a relay says it is in.
    pub fn open(&mut self, workspace: WorkspaceId, relay: &str, now: Millis) -> Result<(), Error> {
        let Parts { workspaces, mut lent, .. } = self.device.parts(now);
        workspaces.open_unknown(&mut lent, workspace, relay)?;
        self.decided = None;
        Ok(())
    }

    /// Whether the relay has let it into the workspace that it is joining.
    ///
    /// # Errors
    /// The outer ones are the device's.
    pub fn has_joined(&mut self, workspace: WorkspaceId) -> Result<Result<bool, JoinFailed>, Error> {
        while let Some(notice) = self.device.poll_notice() {
            if let Notice::JoinFailed(_, why) = notice {
                return Ok(Err(why));
            }
        }
        Ok(Ok(self.device.status(workspace)?.member))
    }

    /// Once everything that the relay has is here: looks whether the log bears out that this is a recovery device there, takes the keys,
    /// and lets somebody in.
    pub fn let_in(
        &mut self,
        workspace: WorkspaceId,
        newcomer: Newcomer<'_>,
        now: Millis,
    ) -> Result<Entrance, Error> {
        if self.device.link_state(workspace)? != LinkState::Live {
            return Ok(Entrance::OnTheWay);
        }
        if let Some(why) = self.void_decision() {
            return Ok(Entrance::Void(why));
        }
        if let Some(Step::Link(link)) = self.decided {
            let code = self.device.code(workspace, link)?;
            return Ok(code.map_or(Entrance::OnTheWay, |code| Entrance::Code(Box::new(code))));
        }
        let Some(own) = self.own_device(workspace)? else {
            return Ok(Entrance::NotIn);
        };
        let joined_by = own.joined_by;
        if !self.take_keys(workspace, joined_by, now)? {
            return Ok(Entrance::NoKeys);
        }
        self.decided = Some(Step::Link(match newcomer {
            Newcomer::Device => self.device.link_device(workspace, now)?,
            Newcomer::Successor(next) => self.device.make_recovery_code(workspace, next, now)?,
        }));
        Ok(Entrance::OnTheWay)
    }

    /// Once everything that the relay has is here: leaves the workspace, unless its person would go with it.
    pub fn leave(&mut self, workspace: WorkspaceId, now: Millis) -> Result<Departure, Error> {
        let is_decided = self.decided == Some(Step::Leave);
        // Whoever is out has no line that goes on.
        if is_decided && self.own_device(workspace)?.is_none() {
            return Ok(Departure::Gone);
        }
        if self.device.link_state(workspace)? != LinkState::Live {
            return Ok(Departure::OnTheWay);
        }
        if let Some(why) = self.void_decision() {
            return Ok(Departure::Void(why));
        }
        if is_decided {
            return Ok(Departure::OnTheWay);
        }
        let Some(user) = self.own_device(workspace)?.map(|own| own.user) else {
            return Ok(Departure::NotIn);
        };
        let is_live = |it: &Member| it.user == user && it.is_active() && !it.recovery;
        if !self.roster(workspace)?.devices().any(|(_, it)| is_live(it)) {
            return Ok(Departure::Alone);
        }
        self.device.leave(workspace, false, now)?;
        self.decided = Some(Step::Leave);
        Ok(Departure::OnTheWay)
    }

    /// Why the log did not take what was decided, if it did not.
    fn void_decision(&mut self) -> Option<Void> {
        while let Some(notice) = self.device.poll_notice() {
            if let Notice::DecisionVoid { why, .. } = notice {
                return Some(why);
            }
        }
        None
    }

    /// This recovery device as the log has it; `None` if it is not one that is active there.
    fn own_device(&self, workspace: WorkspaceId) -> Result<Option<&Member>, Error> {
        let own = self.roster(workspace)?.device(&self.id());
        Ok(own.filter(|own| own.is_active() && own.recovery))
    }

    fn roster(&self, workspace: WorkspaceId) -> Result<&Roster, Error> {
        let log = self.device.workspaces.replica(workspace)?.log();
        log.map(Log::roster).ok_or(Error::NothingToGoOnFrom(workspace))
    }

    /// Takes all keys that the log hands out to the phrase or to the link by which it came. Whether there are any.
    fn take_keys(
        &mut self,
        workspace: WorkspaceId,
        joined_by: Option<TicketKey>,
        now: Millis,
    ) -> Result<bool, Error> {
        let mut secrets = (0..MAX_PHRASE_LINKS).map(|nth| self.phrase.ticket_secret(workspace, nth));
        let ticket = secrets.find(|secret| Some(secret.ticket_key()) == joined_by);
        let Parts { workspaces, lent, .. } = self.device.parts(now);
        let Lent { store, keys, random, .. } = lent;
        let recipient = Recipient { device: keys.hpke(), ticket: ticket.as_ref() };
        let mut rest = AtRest { keys, random };
        let found = store.transaction(|tx| -> Result<_, Error> {
            let found = find_keys(tx, workspace, &recipient, &mut rest)?;
            if let Some((sealed, _)) = &found {
                put_keys(tx, workspace, sealed)?;
            }
            Ok(found)
        })?;
        if let Some((_, keyring)) = found {
            workspaces.linked(workspace)?.replica.replace_keys(keyring);
        }
        Ok(workspaces.replica(workspace)?.keyring().is_some())
    }
}

/// Lines to relays, as those of [`Device`].
impl PhraseInHand {
    /// Begins to ask a relay where it is.
    pub fn look_up(&mut self, line: Option<LineKey>, now: Millis) -> PhraseLookup {
        PhraseLookup::begin(line, &mut context(&mut self.device.parts(now).lent))
    }

    /// A frame has come on a line on which it asks where it is. Gives the workspaces that the relay names.
    ///
    /// # Errors
    /// Then nothing more comes of this line.
    pub fn hear_looked_up(
        &mut self,
        lookup: &mut PhraseLookup,
        bytes: &[u8],
        now: Millis,
    ) -> Result<Option<Vec<WorkspaceId>>, LookupFailed> {
        let frame = frame_of(bytes).ok_or(LookupFailed::Nonsense("bytes that are not a frame"))?;
        lookup.handle_frame(frame, &context(&mut self.device.parts(now).lent))
    }

    /// A line to a workspace's relay is up; with the key of the relay's certificate, if the line has proven it.
    pub fn handle_connected(
        &mut self,
        workspace: WorkspaceId,
        line: Option<LineKey>,
        now: Millis,
    ) -> Result<(), Error> {
        self.device.handle_connected(workspace, line, now)
    }

    /// A frame has come.
    pub fn handle_frame(&mut self, workspace: WorkspaceId, bytes: &[u8], now: Millis) -> Result<(), Error> {
        self.device.handle_frame(workspace, bytes, now)
    }

    /// The next frame for a workspace's line.
    pub fn poll_transmit(&mut self, workspace: WorkspaceId) -> Option<Vec<u8>> {
        self.device.poll_transmit(workspace)
    }

    /// Why the line is to be closed, if it is.
    pub fn poll_parting(&mut self, workspace: WorkspaceId) -> Result<Option<Parting>, Error> {
        if self.device.poll_close(workspace) {
            self.device.take_parting(workspace).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Up to where a workspace's log is here, and where it ends.
    pub fn progress(&self, workspace: WorkspaceId) -> Option<(Position, Position)> {
        match self.device.link_state(workspace) {
            Ok(LinkState::CatchingUp { at, of }) => Some((at, of)),
            _ => None,
        }
    }
}

fn context<'l>(lent: &'l mut Lent<'_>) -> Context<'l> {
    Context { keys: lent.keys, now: lent.now, random: &mut *lent.random, hash_at: &|_| None }
}

//! Hello, challenge, proof, welcome; and making a workspace.

use std::cmp::Ordering;

use bowline_wire::codec::encode;
use bowline_wire::draft::{DRAFT, WRITES_DRAFT, newest_named};
use bowline_wire::frame::{
    Create, Frame, HOLDINGS, Hello, LOOKUP, Lookup, Party, Proof, Reason, STATES, Transcript, Word,
};
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{Position, WorkspaceId};
use bowline_wire::limits::MAX_FOUND;

use super::lost::lost;
use super::{CAPABILITIES, Relay};
use crate::config::Registration;
use crate::keys::LogKey;
use crate::session::{Asked, Brings, ConnId, Feed, Greeted, Greeting, Member, State};
use crate::storage::{Admission, Standing, Storage, StorageError, stored_len};
use crate::workspace::{Denial, Workspace};

impl<S: Storage> Relay<S> {
    /// Whoever says hello in this relay's version and draft gets a challenge, member or not: what is on this relay is told to
    /// nobody before a proof.
    pub(super) fn handle_hello(&mut self, conn: ConnId, hello: &Hello, frame: &[u8]) {
        let theirs = &hello.capabilities;
        if !theirs.iter().any(|name| name == WRITES_DRAFT) {
            let Denial { reason, text, .. } = other_draft(newest_named(theirs).unwrap_or_default());
            return self.goodbye(conn, reason, &text);
        }
        let Some(version) = hello.version() else {
            let text = "this relay and this program speak no version of the protocol that both know";
            return self.goodbye(conn, Reason::Version, text);
        };
        let mut nonce = [0; 32];
        self.rng.fill_bytes(&mut nonce);
        let said = Transcript::START.then(frame);
        let challenge = self.identity.challenge(said, version, nonce, self.config.line, self.clock);
        let challenge = Frame::Challenge(challenge);
        let ours = CAPABILITIES.iter().map(|&name| name.to_owned());
        let capabilities = ours.filter(|name| theirs.contains(name)).collect();
        if let Some(session) = self.sessions.get_mut(&conn) {
            let said = said.then(&encode(&challenge));
            session.state = State::Challenged(Greeted { capabilities, said });
            self.answer(conn, &challenge);
        }
    }

    pub(super) fn handle_proof(&mut self, conn: ConnId, proof: Proof, frame: &[u8]) {
        // A challenge is good for one proof, whatever becomes of it.
        let Some(session) = self.sessions.get_mut(&conn) else {
            return;
        };
        let State::Challenged(greeted) = std::mem::replace(&mut session.state, State::Connected) else {
            return;
        };
        let proven = proof.verify(greeted.said).is_ok();
        let Proof { workspace, party, head, create, .. } = proof;
        let Greeted { capabilities, said } = greeted;
        let mut greeting =
            Greeting { workspace, party, capabilities, said: said.then(frame), brings: Brings::Own };
        let let_in = if proven {
            self.find_or_create(&greeting, create, head)
        } else {
            Err(Denial::new(Reason::BadProof, "the proof does not verify"))
        };
        match let_in {
            Ok(brings) => greeting.brings = brings,
            Err(Denial { reason, text, .. }) => {
                self.forget_if_idle(greeting.workspace);
                return self.goodbye(conn, reason, &text);
            }
        }
        self.set_deadline(conn, None);
        if let Some(loaded) = self.workspaces.get_mut(&greeting.workspace) {
            loaded.sessions.insert(conn);
        }
        if let Some(session) = self.sessions.get_mut(&conn) {
            session.state = State::Creating(greeting);
        }
        self.welcome(conn);
    }

    /// Tells a recovery device in which workspaces it is, and ends the line. Costs what a proof costs that lets nobody in: there is one
    /// challenge to a line, and one look-up to a challenge.
    pub(super) fn handle_lookup(&mut self, conn: ConnId, lookup: &Lookup) {
        let Some(session) = self.sessions.get_mut(&conn) else {
            return;
        };
        let State::Challenged(greeted) = std::mem::replace(&mut session.state, State::Connected) else {
            return;
        };
        if !greeted.capabilities.iter().any(|name| name == LOOKUP) {
            return self.goodbye(conn, Reason::OutOfPlace, "a look-up was not agreed on");
        }
        if lookup.verify(greeted.said).is_err() {
            return self.goodbye(conn, Reason::BadProof, "the look-up does not verify");
        }
        match self.storage.recovered_by(&lookup.device, MAX_FOUND) {
            Ok(workspaces) => {
                tracing::info!(conn = conn.0, found = workspaces.len(), "a recovery device asks where it is");
                self.answer(conn, &Frame::Found { workspaces });
                self.close_quietly(conn);
            }
            Err(error) => {
                let Denial { reason, text, .. } = Denial::from(error);
                self.goodbye(conn, reason, &text);
            }
        }
    }

    /// Loads the workspace if the party may use it, or stages its beginning. Whoever may not costs one look-up.
    fn find_or_create(
        &mut self,
        greeting: &Greeting,
        create: Option<Box<Create>>,
        shown: Option<SeenHead>,
    ) -> Result<Brings, Denial> {
        let Some(found) = self.storage.admission(greeting.workspace, &greeting.party)? else {
            return self.find_staged_or_begin(greeting, create, shown);
        };
        check_draft(found.draft)?;
        // Before who it is: what let them in may be among what is lost.
        self.compare(greeting.workspace, &found, shown)?;
        let brings = match found.standing {
            Some(standing) => self.admit(standing).map(|()| Brings::Own)?,
            None if self.may_bring_back(greeting, &found, create.as_deref(), shown)? => Brings::LostLog,
            None => return Err(stranger(&greeting.party)),
        };
        self.load(greeting.workspace)?;
        Ok(brings)
    }

    /// Compares the log with the furthest head that somebody who comes has seen of it. One that this log's key has signed and this
    /// log does not pass through was lost with a part of the storage: whatever is signed from here on would contradict it.
    fn compare(
        &mut self,
        workspace: WorkspaceId,
        found: &Admission,
        theirs: Option<SeenHead>,
    ) -> Result<(), Denial> {
        if found.is_lost || self.has_unstored_loss(workspace, found.log) {
            return Err(lost());
        }
        let Some(theirs) = theirs.filter(|theirs| theirs.log == found.log) else {
            return Ok(());
        };
        let head = theirs.verify(workspace);
        let head = *head.map_err(|_| Denial::new(Reason::BadProof, "the head does not verify"))?.value();
        // What is staged was not signed for, whatever it hashes to.
        let here = self.storage.hash_at(workspace, head.position)?;
        if here == Some(head.hash) || (here.is_none() && self.is_let_go(workspace, head.position)?) {
            return Ok(());
        }
        self.note_lost(workspace, &theirs);
        Err(lost())
    }

    /// Whether what stood at a position may have been let go, so that nobody here can compare it.
    fn is_let_go(&self, workspace: WorkspaceId, at: Position) -> Result<bool, StorageError> {
        let by = self.storage.log(workspace)?.and_then(|stored| stored.letting_go);
        Ok(by.is_some_and(|by| !by.keeps(at)))
    }

    fn admit(&self, standing: Standing) -> Result<(), Denial> {
        if let Some((reason, text)) = barred(standing) {
            return Err(Denial::new(reason, text));
        }
        match standing {
            Standing::Open { expires } if self.clock.0 > expires => {
                Err(Denial::new(Reason::TicketExpired, "this invite or link has expired"))
            }
            _ => Ok(()),
        }
    }

    /// Reads the workspace into memory, unless it is there.
    fn load(&mut self, workspace: WorkspaceId) -> Result<(), Denial> {
        if !self.workspaces.contains_key(&workspace) {
            let loaded = Workspace::load(&self.storage, workspace)?.ok_or_else(no_workspace)?;
            self.workspaces.insert(workspace, loaded);
        }
        Ok(())
    }

    fn find_staged_or_begin(
        &mut self,
        greeting: &Greeting,
        create: Option<Box<Create>>,
        shown: Option<SeenHead>,
    ) -> Result<Brings, Denial> {
        if let Some(staged) = self.workspaces.get(&greeting.workspace) {
            // By another connection of the first device; both are welcomed when it is durable.
            return match (&greeting.party, create) {
                (Party::Device(device), Some(_)) if staged.log().roster().is_active(device) => {
                    Ok(Brings::Own)
                }
                _ => Err(no_workspace()),
            };
        }
        let create = create.ok_or_else(no_workspace)?;
        self.may_register(&create.token)?;
        self.begin(greeting, *create, shown)
    }

    pub(super) fn may_register(&self, token: &str) -> Result<(), Denial> {
        match &self.config.registration {
            Registration::Open => Ok(()),
            Registration::Token(digest) if digest.matches(token) => Ok(()),
            Registration::Token(_) => {
                Err(Denial::new(Reason::BadToken, "the registration token is not this relay's"))
            }
            Registration::Closed => Err(Denial::new(Reason::BadToken, "this relay takes no new workspaces")),
        }
    }

    /// Stages the workspace's first entry. Whoever knows a signed head of the workspace brings back a log that this relay has lost:
    /// that goes on, and any device that holds it may bring it. Else only the first device makes its workspace.
    fn begin(
        &mut self,
        greeting: &Greeting,
        create: Create,
        shown: Option<SeenHead>,
    ) -> Result<Brings, Denial> {
        let workspace = greeting.workspace;
        let malformed = |why: &str| Denial::new(Reason::Malformed, why);
        let genesis = create.genesis.verify(workspace).map_err(|why| malformed(&why.to_string()))?;
        let is_first = greeting.party == Party::Device(genesis.header().device);
        if !is_first && (shown.is_none() || matches!(greeting.party, Party::Ticket(_))) {
            return Err(Denial::new(Reason::NotAllowed, "a workspace is made by its first device"));
        }
        let size = stored_len(&genesis);
        let key = LogKey::generate(self.rng.as_mut());
        let lost =
            shown.map(|shown| self.begin_again(workspace, (&create.logs, &shown), &key)).transpose()?;
        let lost = lost.unwrap_or_default();
        let made = Workspace::create(workspace, (key, lost), genesis, self.clock)
            .map_err(|why| Denial::new(Reason::from(&why), &why.to_string()))?;
        self.workspaces.insert(workspace, made);
        self.note_staged(workspace, size);
        tracing::info!(?workspace, "a workspace is made");
        Ok(if is_first { Brings::Own } else { Brings::LostLog })
    }

    /// Lets a proven connection in if its workspace is durable; else it goes on waiting for the commit.
    pub(super) fn welcome(&mut self, conn: ConnId) {
        let Some(session) = self.sessions.get_mut(&conn) else {
            return;
        };
        let State::Creating(greeting) = &mut session.state else {
            return;
        };
        let Some(loaded) =
            self.workspaces.get(&greeting.workspace).filter(|loaded| loaded.durable().is_some())
        else {
            return;
        };
        let capabilities = std::mem::take(&mut greeting.capabilities);
        let Greeting { workspace, party, said, brings, .. } = *greeting;
        let is_device = matches!(party, Party::Device(_));
        let can = |capability: &str| is_device && capabilities.iter().any(|name| name == capability);
        let (hears_holdings, takes_states) = (can(HOLDINGS), can(STATES));
        let asked = Asked::NOTHING;
        let member =
            Member { workspace, party, feed: Feed::Idle, hears_holdings, takes_states, asked, brings };
        let Some(welcome) = loaded.welcome(said, capabilities) else {
            return;
        };
        tracing::info!(
            conn = conn.0,
            workspace = ?member.workspace,
            party = ?member.party,
            position = welcome.head.position.0,
            "a session begins"
        );
        session.state = State::Open(member);
        if hears_holdings {
            self.send_holdings(conn, workspace, &party);
        }
        // Before the welcome as well: whoever only looks in can supply what is lost.
        self.ask_for_bodies(conn);
        self.answer(conn, &Frame::Welcome(welcome));
        self.ask_for_state(conn);
    }
}

/// Why whoever stands so is not let in; `None` if they are, a ticket's holder until it expires. Told only to whoever has proven to
/// hold the key.
pub(super) fn barred(standing: Standing) -> Option<(Reason, &'static str)> {
    match standing {
        Standing::Active | Standing::Recovery | Standing::Open { .. } => None,
        Standing::Removed => Some((Reason::Removed, "this device was removed from the workspace")),
        Standing::Used => Some((Reason::TicketUsed, "somebody has joined by this invite or link")),
        Standing::Closed => Some((Reason::TicketClosed, "this invite or link was closed")),
    }
}

/// What somebody is told who is in no record.
pub(super) fn stranger(party: &Party) -> Denial {
    let text = match party {
        Party::Device(_) => "this device is not in the workspace",
        Party::Ticket(_) => "there is no such invite or link",
    };
    Denial::new(Reason::NotAllowed, text)
}

/// What a device of another draft is told.
fn other_draft(theirs: u16) -> Denial {
    if theirs > DRAFT {
        return Denial::new(
            Reason::RelayOutdated,
            "this relay writes an older draft of the protocol; update it",
        );
    }
    Denial::new(Reason::DeviceOutdated, "this relay writes a newer draft of the protocol; update the program")
}

/// Denies a log that this version can't go on with.
fn check_draft(log: u16) -> Result<(), Denial> {
    match log.cmp(&DRAFT) {
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(Denial::new(
            Reason::RelayOutdated,
            "this relay writes an older draft of the protocol than the workspace's log; update it",
        )),
        Ordering::Less => Err(Denial::new(
            Reason::LogOutdated,
            "the workspace's log is of an older draft of the protocol, which nobody can go on with",
        )),
    }
}

fn no_workspace() -> Denial {
    Denial::new(Reason::NoWorkspace, "there is no such workspace on this relay")
}

//! Who wrote what: names of people for the actors under which Automerge knows them.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::document::{ActorId, Writer};
use bowline_store::Store;
use bowline_wire::ids::{DeviceId, WorkspaceId};
use bowline_wire::log::Log;

use crate::documents::held::Documents;
use crate::lent::Lent;
use crate::workspace::Workspaces;
use crate::{Error, OwnNames};

/// Name of the value with the writers of workspaces that were forgotten since: the bytes of devices' ids, and their names.
const REMEMBERED: &str = "writers";

/// What somebody is called of whom nothing is known any more.
const UNKNOWN: &str = "somebody else";

/// Who wrote an entry, for people and programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenBy {
    /// What to call them: `Ana` for this device's own person, `Ben's phone` for another device.
    pub name: String,
    /// The device, if it is known here and wrote the entry itself.
    pub device: Option<DeviceId>,
}

/// What a device and its person are called.
#[derive(Clone, Default)]
struct Names {
    user: Option<String>,
    device: Option<String>,
}

impl Names {
    /// The person's device, by one name if it says whose it is already.
    fn of_device(&self) -> Option<String> {
        match (&self.user, &self.device) {
            (Some(user), Some(device)) if device.to_lowercase().contains(&user.to_lowercase()) => {
                Some(device.clone())
            }
            (Some(user), Some(device)) => Some(format!("{user}'s {device}")),
            (user, device) => user.clone().or_else(|| device.clone()),
        }
    }
}

/// The devices that this one has met, with what they and their people are called.
#[derive(Clone, Default)]
pub(crate) struct Writers {
    names: BTreeMap<DeviceId, Names>,
    /// Which of them are this one: it may have keys of its own for a workspace.
    own: BTreeSet<DeviceId>,
}

impl Writers {
    /// The devices of all workspaces that are here, and those that were remembered of others.
    pub(crate) fn known(
        documents: &mut Documents,
        lent: &mut Lent<'_>,
        workspaces: &Workspaces,
    ) -> Result<Self, Error> {
        let remembered = lent.read().meta(REMEMBERED)?;
        let remembered: Vec<([u8; DeviceId::LEN], Option<String>, Option<String>)> =
            remembered.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let remembered = remembered
            .into_iter()
            .map(|(id, user, device)| (DeviceId::from_bytes(id), Names { user, device }));
        let mut writers = Self { names: remembered.collect(), own: BTreeSet::from([lent.device()]) };
        let here: Vec<WorkspaceId> = workspaces.ids().collect();
        for workspace in here {
            writers.own.insert(workspaces.device_in(lent.keys, workspace));
            let Some(roster) = workspaces.log(workspace)?.map(Log::roster) else { continue };
            documents.named(lent, workspaces.keyrings(), workspace, |profile| {
                for (device, known) in roster.devices() {
                    let (user, name) = (profile.user_name(known.user), profile.device_name(*device));
                    let names = writers.names.entry(*device).or_default();
                    names.user = user.or_else(|| names.user.take());
                    names.device = name.or_else(|| names.device.take());
                }
                None
            })?;
        }
        let OwnNames { user, device } = OwnNames::read(lent.read())?;
        let own = writers.names.entry(lent.device()).or_default();
        own.user = own.user.take().or(user);
        own.device = own.device.take().or(device);
        Ok(writers)
    }

    /// Keeps them for when their workspace is gone.
    pub(crate) fn remember(&self, store: &mut Store) -> Result<(), Error> {
        let all: Vec<_> =
            self.names.iter().map(|(id, names)| (id.as_bytes(), &names.user, &names.device)).collect();
        let value = serde_json::to_vec(&all).map_err(|_| Error::Bug("names that are not JSON"))?;
        Ok(store.transaction(|tx| tx.put_meta(REMEMBERED, &value))?)
    }

    /// What the person is called who wrote under an actor; `None` if that is this device.
    pub(crate) fn other(&self, actor: ActorId) -> Option<String> {
        if self.own.iter().any(|own| actor.belongs_to(*own)) {
            return None;
        }
        let name = self.found(actor).and_then(|(_, names)| names.user.clone().or(names.device.clone()));
        Some(name.unwrap_or_else(|| UNKNOWN.to_owned()))
    }

    /// Who wrote under an actor, in a sentence about several people: another person by their name, another device of this one's
    /// person by its own.
    pub(crate) fn somebody(&self, actor: ActorId) -> String {
        let own = self.own.iter().find_map(|own| self.names.get(own)?.user.as_ref());
        match self.found(actor) {
            Some((_, names)) if names.user.is_none() || names.user.as_ref() == own => self.actor(actor).name,
            _ => self.other(actor).unwrap_or_else(|| UNKNOWN.to_owned()),
        }
    }

    /// Who wrote each of these, as they are told of on this device.
    pub(crate) fn of(&self, writers: BTreeMap<String, Writer>) -> BTreeMap<String, WrittenBy> {
        let mut told: BTreeMap<ActorId, WrittenBy> = BTreeMap::new();
        let mut by = |writer| match writer {
            Writer::Named { name, .. } => WrittenBy { name, device: None },
            Writer::Actor(actor) => told.entry(actor).or_insert_with(|| self.actor(actor)).clone(),
        };
        writers.into_iter().map(|(key, writer)| (key, by(writer))).collect()
    }

    fn actor(&self, actor: ActorId) -> WrittenBy {
        match self.found(actor) {
            Some((device, names)) => self.told(device, names),
            None => WrittenBy { name: UNKNOWN.to_owned(), device: None },
        }
    }

    /// A device that has written something.
    pub(crate) fn device(&self, device: DeviceId) -> WrittenBy {
        self.told(&device, self.names.get(&device).unwrap_or(&Names::default()))
    }

    fn told(&self, device: &DeviceId, names: &Names) -> WrittenBy {
        let name = if self.own.contains(device) {
            names.user.clone().or(names.device.clone())
        } else {
            names.of_device()
        };
        WrittenBy { name: name.unwrap_or_else(|| format!("device {device}")), device: Some(*device) }
    }

    fn found(&self, actor: ActorId) -> Option<(&DeviceId, &Names)> {
        self.names.iter().find(|(device, _)| actor.belongs_to(**device))
    }
}

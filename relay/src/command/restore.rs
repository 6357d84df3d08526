//! `bowline-relay restore`: going on from a backup.

use std::path::PathBuf;

use bowline_relay::data::DataFolder;
use bowline_relay::restore::{LeftLog, RestoredLog};
use clap::Args;
use getrandom::SysRng;
use rand_core::UnwrapErr;
use serde::Serialize;

use super::error::{CommandError, ErrorCode};
use super::output;

/// Go on from a backup: devices notice, and send again what it lacks
///
/// Every log goes on under a new key, so that nothing is signed twice. A relay that was put back without this is found to have lost
/// something, and serves its devices no more. It may have served since: what it had before and what was written to it meanwhile come
/// together. The same backup can be restored as often as needed; that it was is noted in COPY.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    bowline-relay restore --data DIR COPY    make the new folder DIR of a backup\n  \
    bowline-relay restore --data DIR         DIR was put back into its place already\n  \
    bowline-relay restore --data NEW COPY --noted DIR/restores.key.1    go on from what the restore of DIR could not\n\
    Then `bowline-relay serve --data DIR`. At another address: `bowline workspace move ADDRESS` on each device.")]
pub(crate) struct Restore {
    /// What `bowline-relay backup` has made, or a copy of a stopped relay's whole folder, to make a new folder of. Left away, DIR is a
    /// folder that was put back as it is.
    copy: Option<PathBuf>,
    /// The relay's folder. No relay may be serving it; with COPY, there must be nothing of that name.
    #[arg(long, value_name = "DIR", env = "BOWLINE_RELAY_DATA")]
    data: PathBuf,
    /// What earlier restores have done, in place of what is noted of it: a `restores.key` of another folder, or one that a restore has
    /// kept because it could not go on from it.
    #[arg(long, value_name = "FILE")]
    noted: Option<PathBuf>,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Restored {
    data: String,
    /// Whether the backup has this noted, so that it can be restored once more.
    noted: bool,
    workspaces: Vec<GoesOn>,
    /// Logs that do not go on, and are served to nobody.
    left: Vec<Left>,
    /// Files with keys that earlier restores have made, and that no log goes on from.
    kept: Vec<String>,
}

/// A workspace whose log does not go on.
#[derive(Debug, Serialize)]
struct Left {
    id: String,
    why: String,
}

/// A workspace whose log goes on.
#[derive(Debug, Serialize)]
struct GoesOn {
    id: String,
    /// Entries that the backup has.
    entries: u64,
    /// How many of them devices do not read again.
    known: u64,
    /// Whether devices will ask their people, since they follow an earlier restore that this does not go on from.
    contradicts: bool,
}

impl Restore {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let mut rng = UnwrapErr(SysRng);
        let noted = self.noted.as_deref();
        let done = match &self.copy {
            Some(copy) => DataFolder::restore_copy(copy, &self.data, noted, &mut rng)?,
            None => DataFolder::open(&self.data)?.restore(noted, &mut rng)?,
        };
        let data = self.data.display().to_string();
        let goes_on = |log: &RestoredLog| GoesOn {
            id: log.workspace.to_string(),
            entries: log.position.0,
            known: log.place.0,
            contradicts: log.contradicts,
        };
        let left =
            |LeftLog { workspace, why }: &LeftLog| Left { id: workspace.to_string(), why: why.to_string() };
        let restored = Restored {
            data,
            noted: done.is_noted,
            workspaces: done.logs.iter().map(goes_on).collect(),
            left: done.left.iter().map(left).collect(),
            kept: done.kept.iter().map(|path| path.display().to_string()).collect(),
        };
        if self.json {
            output::print_json(&restored)?;
        } else {
            self.tell(&restored)?;
        }
        if restored.left.is_empty() { Ok(()) } else { Err(incomplete(&restored)) }
    }

    fn tell(&self, restored: &Restored) -> Result<(), CommandError> {
        let Restored { data, noted, workspaces, left, kept } = restored;
        output::print(&format!("Restored {} in {data}\n", output::workspaces(workspaces.len())))?;
        output::say(&format!(
            "Next: `bowline-relay serve --data {data}`. Devices notice and send again what the backup lacks."
        ));
        if !noted {
            let why = match self.copy {
                Some(_) => "The backup cannot be written, so it has not noted this.",
                None => "The backup that was put here has not noted this.",
            };
            output::say(&format!(
                "{why} Make a new one, or copy restores.key of {data} into it: devices would not follow a second restore of it \
                 as it is, and ask their people."
            ));
        }
        for Left { id, why } in left {
            output::say(&format!("Workspace {id} does not go on and is served to nobody: {why}."));
        }
        for GoesOn { id, .. } in workspaces.iter().filter(|goes_on| goes_on.contradicts) {
            output::say(&format!(
                "Workspace {id} was restored before in a way that this does not go on from, as from more than this backup has. \
                 Devices that follow that do not follow this, and ask their people."
            ));
        }
        for file in kept {
            output::say(&format!(
                "The keys by which logs went on before are kept in {file}. Is there a backup that has more? Do not serve {data} then, but \
                 restore that one with `--noted {file}`: devices follow, and nobody is asked."
            ));
        }
        Ok(())
    }
}

/// What is told when only some logs go on.
fn incomplete(Restored { data, workspaces, left, .. }: &Restored) -> CommandError {
    let of = output::workspaces(left.len() + workspaces.len());
    let what = format!("{} of {of} cannot go on", left.len());
    CommandError::new(ErrorCode::RestoreIncomplete, what).hint(format!(
        "the others do, and {data} can be served. For one that is damaged, restore an older backup into another folder; if there is none, or \
         it was restored too often, `bowline-relay workspace delete` deletes it here, and `bowline workspace create` and `bowline share --all` make \
         it anew"
    ))
}

//! `bowline skill`: skills, with their files.

mod show;

use std::path::PathBuf;

use bowline_engine::device::ShownSkill;
use bowline_engine::document::{FilePath, Issue, Kind, SkillFile};
use bowline_engine::ids::{DocId, Millis};
use bowline_engine::{Device, Error};
use clap::{Args, Subcommand};

use crate::command::kind::{self, Checkout, Commit, Edit, KindInFull, KindOfFiles, Merge, New};
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::listing::Columns;

/// Skills: make, edit, list, show, check out, merge, export, delete
///
/// A skill is instructions for an assistant (SKILL.md), with the files that belong to them.
#[derive(Debug, Subcommand)]
pub(crate) enum SkillCommand {
    /// Make a skill; prints its id
    #[command(after_help = "Examples:\n  bowline skill new groceries --from ./groceries")]
    New(New),
    List(List),
    Show(show::Show),
    /// Change the name and files of a skill, or one file in your editor
    ///
    /// What others wrote since the version that you say with --base stays, and so it does if you edit in an editor.
    #[command(
        after_help = "Examples:\n  bowline skill edit 81c0\n  bowline skill edit 81c0 --from SKILL.md --base 5f0c91d2a7e3"
    )]
    Edit(Edit),
    /// Write a skill's files into a folder, to be edited there
    Checkout(Checkout),
    Commit(Commit),
    /// Make one skill of two
    Merge(Merge),
    Export(Export),
    Delete(Delete),
    Restore(Restore),
}

/// List skills, those edited last first
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Those in the trash instead
    #[arg(long)]
    trash: bool,
}

/// Export a skill's files into a folder
///
/// Its files come under their paths, those to be run as such. The folder must be empty or not be there.
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// Which skill: its name, or the beginning of its id
    id: String,
    /// Into which folder
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
}

/// Move a skill to the trash, on all devices
///
/// It can be restored. If somebody edits it without knowing, it is back in view.
#[derive(Args, Debug)]
pub(crate) struct Delete {
    /// Which skills: their names, or the beginnings of their ids
    #[arg(required = true, value_name = "ID|NAME")]
    ids: Vec<String>,
}

/// Take a skill out of the trash, on all devices
#[derive(Args, Debug)]
pub(crate) struct Restore {
    /// Which skills: their names, or the beginnings of their ids, as `bowline skill list --trash` shows them
    #[arg(required = true, value_name = "ID|NAME")]
    ids: Vec<String>,
}

impl SkillCommand {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        match self {
            Self::New(command) => command.run::<ShownSkill>(invocation),
            Self::List(command) => kind::list::<ShownSkill>(invocation, command.trash),
            Self::Show(command) => command.run(invocation),
            Self::Edit(command) => command.run::<ShownSkill>(invocation),
            Self::Checkout(command) => command.run::<ShownSkill>(invocation),
            Self::Commit(command) => command.run::<ShownSkill>(invocation),
            Self::Merge(command) => command.run::<ShownSkill>(invocation),
            Self::Export(command) => kind::export::<ShownSkill>(invocation, &command.id, &command.output),
            Self::Delete(command) => kind::delete::<ShownSkill>(invocation, &command.ids),
            Self::Restore(command) => kind::restore::<ShownSkill>(invocation, &command.ids),
        }
    }
}

impl KindInFull for ShownSkill {
    const KIND: Kind = Kind::Skill;
    const COLUMNS: Columns = Columns::FILES;
    const NONE_YET: &'static str =
        "there is no skill here: `bowline import openclaw` brings in those of OpenClaw";

    fn load(device: &mut Device, id: DocId, now: Millis) -> Result<Self, Error> {
        device.show_skill(id, now)
    }

    fn issues(&self) -> &[Issue] {
        &self.issues
    }
}

impl KindOfFiles for ShownSkill {
    type File = SkillFile;

    fn files(&self) -> &[SkillFile] {
        &self.files
    }

    fn path(file: &SkillFile) -> &FilePath {
        &file.path
    }
}

//! Turns the reasons of a device into the words of an import's report.

use bowline_device::Why;

/// A reason as the report says it. `app` is the application as people call it.
pub(crate) fn sentence(why: &Why, app: &str) -> String {
    let fixed = match why {
        Why::LessInWorkspace(_) => "a workspace has it with less in it: share it, and the two become one",
        Why::InTrash => "it is in Bowline's trash and stays there",
        Why::Empty => "there is nothing in it yet",
        Why::NotAnEntry(why) => why,
        Why::LineTooLong => "it is too long: it stays in the file",
        Why::TooManyAsides => "too many lines of this file are not transcript entries",
        Why::AsidesTooLong => "the lines of this file that are not transcript entries are too long",
        Why::ChangedOnBothSides(Some(path)) => {
            return format!("changed here and in {app}: what it says there is in {path}");
        }
        Why::ChangedOnBothSides(None) => {
            return format!("changed here and in {app}: it stays as it is here");
        }
        Why::GoneAtSource => return format!("gone from {app}, kept here"),
        Why::NoPlace => "there is no place for it",
        Why::TextTooLong => "it is too long",
        Why::NameTooLong => "its name is too long",
        Why::NotText => "it is not text",
        Why::FileTooLarge => "it is larger than 512 KiB",
        Why::TooManyFiles => "there are too many files",
        Why::FilesTooLarge => "all files together are larger than 4 MiB",
        Why::NoNameBeside => "there is no name left beside ours",
    };
    fixed.to_owned()
}

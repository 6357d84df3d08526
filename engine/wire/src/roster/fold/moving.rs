//! Moving a workspace to another relay: who may say so, and of two who say it at once which one counts.

use super::closing::close_open;
use super::rights::live_author;
use crate::header::Header;
use crate::ids::Position;
use crate::roster::record::Move;
use crate::roster::{Roster, Void};

/// Says where the log goes on. Every open ticket is closed: its code names the relay that the workspace leaves.
pub(super) fn move_to(
    roster: &mut Roster,
    position: Position,
    header: &Header,
    to: &Move,
) -> Result<Option<Void>, Void> {
    live_author(roster, header)?;
    // Who did not know of the move before would take everybody back behind it.
    if to.generation != roster.moves.len() as u64 {
        return Err(Void::Outrun);
    }
    if roster.moves.iter().any(|before| before.log == to.log) {
        return Err(Void::KeyReused);
    }
    roster.moves.push(to.clone());
    close_open(roster, position, |_| true);
    Ok(None)
}

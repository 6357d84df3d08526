//! What commands have to do with syncing: saying whether it happens, and doing it until something is reached.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bowline_engine::device::{
    Departure, Entrance, Looking, Membership, Newcomer, Notice, PhraseInHand, Went,
};
use bowline_engine::ids::{DocId, WorkspaceId};
use bowline_engine::run::recover::{self, LookedUp, Recovered};
use bowline_engine::run::{self, Event, Finished, Goal, Inquired, LineStage, Looked, Standing};
use bowline_engine::transport::WebSocketDialer;
use bowline_engine::{Code, Device, Home, JoinFailed, NotReady};

use crate::documents::{prefixes, workspace_prefix};
use crate::error::{self, CommandError, ErrorCode};
use crate::host::Stop;
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::progress::Progress;
use crate::text::{process, sentence_case};
use crate::workspaces;

/// How long a command waits for another process to close its sockets: many times what an orderly close takes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(15);

/// Variables by which other programs are told of a proxy.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// How often a command that waits for another process looks again.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The process that syncs this home.
pub(crate) fn who_syncs(home: &Home, device: &Device) -> Result<Option<u32>, CommandError> {
    match home.try_sync_lock()? {
        Some(_lock) => Ok(None),
        None => Ok(Some(device.sync_report()?.map_or(0, |report| report.pid))),
    }
}

/// Another process syncs this home, and that stands in the way.
pub(crate) fn busy(pid: u32, what: &str) -> CommandError {
    CommandError::new(
        ErrorCode::SyncRunning,
        format!("{} is syncing this home: {what}", sentence_case(&process(pid))),
    )
    .hint("end it (it closes in order on an interrupt), and run this again")
}

/// Says where an edit of a document goes from here, or that it stays.
pub(crate) fn after_edit(
    invocation: &mut Invocation<'_>,
    here: &Opened,
    id: DocId,
) -> Result<(), CommandError> {
    told(invocation, here, (id, went(&here.device, id)?))
}

/// Says how others learn that a document was moved to the trash or filed, or that they do not.
pub(crate) fn after_move(
    invocation: &mut Invocation<'_>,
    here: &Opened,
    id: DocId,
) -> Result<(), CommandError> {
    match went(&here.device, id)? {
        Went::OnlyHere => Ok(()),
        elsewhere => told(invocation, here, (id, elsewhere)),
    }
}

/// Where what is written into a document goes.
fn went(device: &Device, id: DocId) -> Result<Went, CommandError> {
    let found = device.find(id)?;
    Ok(match found.workspace() {
        None => Went::OnlyHere,
        Some(workspace) if found.is_kept() => Went::Kept(workspace),
        Some(workspace) => Went::Into(workspace),
    })
}

/// Says where something that was written into a document is now.
pub(crate) fn told(
    invocation: &mut Invocation<'_>,
    here: &Opened,
    (id, went): (DocId, Went),
) -> Result<(), CommandError> {
    match went {
        Went::Into(workspace) => return after_change(invocation, here, workspace),
        Went::OnlyHere => invocation.say(format_args!("kept on this device")),
        Went::Kept(_) => {
            let name = prefixes(&here.device)?.shorten(id);
            invocation.say(format_args!("kept on this device; `bowline share {name}` lets it out"));
        }
    }
    Ok(())
}

/// Says where a change in a workspace goes from here: a running process takes it, or it waits for the next one.
pub(crate) fn after_change(
    invocation: &mut Invocation<'_>,
    here: &Opened,
    workspace: WorkspaceId,
) -> Result<(), CommandError> {
    let membership = here.device.membership(workspace)?;
    if membership.is_over() {
        let why = match membership {
            Membership::OtherDraft(_) => "the workspace is of another version",
            _ => "it is not in the workspace any more",
        };
        invocation.say(format_args!("kept on this device: {why}, so nothing is sent"));
        invocation.hint(format_args!("{}", workspaces::way_back(&membership)));
        return Ok(());
    }
    if here.device.is_distrusted(workspace)? {
        invocation
            .say(format_args!("kept on this device: the relay was caught misbehaving, so nothing is sent"));
        invocation.hint(format_args!("`bowline status` says what to do"));
        return Ok(());
    }
    here.wake();
    if here.device.is_disconnected(workspace)? {
        let name = workspace_prefix(&here.device, workspace);
        invocation.say(format_args!("queued; disconnected until `bowline workspace connect {name}`"));
        return Ok(());
    }
    match who_syncs(&here.home, &here.device)? {
        Some(pid) => invocation.say(format_args!("on its way: {} is syncing", process(pid))),
        None => invocation.say(format_args!("queued; run `bowline sync`")),
    }
    Ok(())
}

/// Waits until no process has a socket of this workspace open.
pub(crate) fn wait_until_closed(
    home: &Home,
    device: &Device,
    workspace: WorkspaceId,
) -> Result<(), CommandError> {
    home.wake();
    let began = Instant::now();
    loop {
        if home.try_sync_lock()?.is_some() {
            return Ok(());
        }
        let report = device.sync_report()?;
        let line = report.as_ref().and_then(|report| report.line(workspace));
        if line.is_some_and(|line| line.stage == LineStage::Off) {
            return Ok(());
        }
        if began.elapsed() > CLOSE_TIMEOUT {
            let pid = report.map_or(0, |report| report.pid);
            return Err(busy(pid, "it does not close its connection"));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Does something while a workspace has no line, neither of this process nor of another: what came on one before is here by then.
pub(crate) fn while_closed<T>(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
    work: impl FnOnce(&mut Invocation<'_>, &mut Opened) -> Result<T, CommandError>,
) -> Result<T, CommandError> {
    let was_disconnected = here.device.is_disconnected(workspace)?;
    here.device.set_connected(workspace, false)?;
    let done = wait_until_closed(&here.home, &here.device, workspace).and_then(|()| {
        // Another process may have taken in more until its line was closed.
        here.device.reload()?;
        work(invocation, here)
    });
    if !was_disconnected {
        here.device.set_connected(workspace, true)?;
        here.wake();
    }
    done
}

/// How waiting for something ended.
pub(crate) struct Reached {
    pub(crate) finished: Finished,
    /// What the device had to say on the way.
    pub(crate) notices: Vec<Notice>,
}

/// Syncs, or waits for the process that does, until `goal` is reached.
pub(crate) fn reach(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    goal: Goal<'_>,
    progress: Progress,
) -> Result<Reached, CommandError> {
    // A process that goes on for months would only collect them: nobody asks for them afterwards.
    let keeps_notices = !matches!(goal, Goal::Forever);
    let mut notices = Vec::new();
    let home = here.home.clone();
    let keep = |event: Event| {
        if let Event::Notice(notice) = event
            && keeps_notices
        {
            notices.push(notice);
        }
    };
    let finished = on_the_line(invocation, progress, keep, async |host, stop| {
        run::reach(&home, &mut here.device, host, goal, stop).await
    })?;
    Ok(Reached { finished, notices })
}

/// Looks at the log that a workspace's relay has, on a line of this process. The workspace is disconnected meanwhile.
pub(crate) fn look(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    (workspace, how, elsewhere): (WorkspaceId, &Looking, Option<&str>),
    progress: Progress,
) -> Result<Looked, CommandError> {
    on_the_line(invocation, progress, drop, async |host, stop| {
        run::look(&mut here.device, (workspace, how, elsewhere), host, stop).await
    })
}

/// Asks what the record of a code says, on a line of this process.
pub(crate) fn inquire(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    code: &Code,
    progress: Progress,
) -> Result<Inquired, CommandError> {
    on_the_line(invocation, progress, drop, async |host, stop| {
        run::inquire(&mut here.device, code, host, stop).await
    })
}

/// Asks a relay where a recovery phrase is.
pub(crate) fn look_up(
    invocation: &mut Invocation<'_>,
    phrase: &mut PhraseInHand,
    relay: &str,
    progress: Progress,
) -> Result<LookedUp, CommandError> {
    on_the_line(invocation, progress, drop, async |host, stop| {
        recover::look_up(phrase, relay, host, stop).await
    })
}

/// Brings a recovery phrase into a workspace by its code.
pub(crate) fn come_in_by_phrase(
    invocation: &mut Invocation<'_>,
    phrase: &mut PhraseInHand,
    code: &Code,
    progress: Progress,
) -> Result<Recovered<Result<(), JoinFailed>>, CommandError> {
    on_the_line(invocation, progress, drop, async |host, stop| {
        recover::come_in_by_phrase(phrase, code, host, stop).await
    })
}

/// Has a recovery phrase let somebody into a workspace.
pub(crate) fn let_in_by_phrase(
    invocation: &mut Invocation<'_>,
    (phrase, newcomer): (&mut PhraseInHand, Newcomer<'_>),
    place: (WorkspaceId, &str),
    progress: Progress,
) -> Result<Recovered<Entrance>, CommandError> {
    on_the_line(invocation, progress, drop, async |host, stop| {
        recover::let_in_by_phrase(phrase, newcomer, place, host, stop).await
    })
}

/// Has a recovery phrase leave a workspace.
pub(crate) fn leave_by_phrase(
    invocation: &mut Invocation<'_>,
    phrase: &mut PhraseInHand,
    place: (WorkspaceId, &str),
    progress: Progress,
) -> Result<Recovered<Departure>, CommandError> {
    on_the_line(invocation, progress, drop, async |host, stop| {
        recover::leave_by_phrase(phrase, place, host, stop).await
    })
}

/// Does what needs a relay, and shows how far it is. The only place that opens sockets.
fn on_the_line<T, E: Into<CommandError>>(
    invocation: &mut Invocation<'_>,
    mut progress: Progress,
    mut shown: impl FnMut(Event),
    work: impl AsyncFnOnce(run::Host<'_, WebSocketDialer>, Stop) -> Result<T, E>,
) -> Result<T, CommandError> {
    let runtime = runtime()?;
    note_proxies(invocation);
    let clock = Arc::clone(&invocation.host.clock);
    let dial = Arc::new(WebSocketDialer);
    let done = runtime.block_on(async {
        let stop = stop(invocation)?;
        let mut observer = |event: Event| {
            progress.show(invocation, &event);
            shown(event);
        };
        let host = run::Host { dial, clock: &*clock, observer: &mut observer };
        work(host, stop).await.map_err(Into::into)
    });
    // A system that looks a name up may take half a minute to give up, and nobody waits for that.
    runtime.shutdown_background();
    progress.clear();
    done
}

/// Notes that a proxy which other programs would use is not used, for whoever asks why a relay is not reached.
fn note_proxies(invocation: &Invocation<'_>) {
    let is_set = |name: &&str| (invocation.host.env)(name).is_some_and(|value| !value.is_empty());
    if let Some(variable) = PROXIES.iter().find(|name| is_set(name)) {
        tracing::info!(variable, "a proxy is set and not used: Bowline connects to relays directly");
    }
}

/// Waits so long; true if the process is to end instead.
pub(crate) fn pause(invocation: &Invocation<'_>, pause: Duration) -> Result<bool, CommandError> {
    runtime()?.block_on(async {
        tokio::select! {
            () = stop(invocation)? => Ok(true),
            () = tokio::time::sleep(pause) => Ok(false),
        }
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, CommandError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        CommandError::new(ErrorCode::SystemRefuses, "The system gives no more threads or files")
            .because(&error)
    })
}

fn stop(invocation: &Invocation<'_>) -> Result<Stop, CommandError> {
    (invocation.host.stop)().map_err(|error| {
        CommandError::new(ErrorCode::SystemRefuses, "The system's signals cannot be heard").because(&error)
    })
}

/// An error if a person has disconnected the workspace, for commands that have to ask its relay.
pub(crate) fn check_connected(device: &Device, workspace: WorkspaceId) -> Result<(), CommandError> {
    if device.is_disconnected(workspace)? {
        let (name, id) = (workspaces::label(device, workspace), workspace_prefix(device, workspace));
        return Err(CommandError::new(ErrorCode::Disconnected, format!("Workspace {name} is disconnected"))
            .hint(format!("`bowline workspace connect {id}` connects it")));
    }
    Ok(())
}

/// Why a workspace is not where it should be, if it is not.
pub(crate) fn not_reached(finished: &Finished, workspace: WorkspaceId) -> Option<CommandError> {
    if finished.stopped {
        return Some(interrupted());
    }
    standing_error(finished.workspaces.get(&workspace)?)
}

/// The person has stopped it.
pub(crate) fn interrupted() -> CommandError {
    CommandError::new(ErrorCode::Interrupted, "Stopped before everything was done")
        .hint("nothing is lost: `bowline sync` goes on")
}

/// What is wrong with how a workspace stands, if something is.
pub(crate) fn standing_error(standing: &Standing) -> Option<CommandError> {
    let refused = |code, message: String| CommandError::new(code, message);
    match standing {
        Standing::Synced | Standing::UnderWay => None,
        Standing::TooLarge(n) => Some(
            refused(
                ErrorCode::TooLarge,
                format!(
                    "{} too large to be sent",
                    if *n == 1 { "1 document is".to_owned() } else { format!("{n} documents are") }
                ),
            )
            .hint("everything else is on the relay; it stays on this device, and `bowline status` counts it"),
        ),
        Standing::Withheld(n) => Some(
            refused(
                ErrorCode::Withheld,
                format!(
                    "The relay holds back {} that others wrote; everything else is here",
                    crate::documents::count_entries(*n)
                ),
            )
            .hint("they are asked for again by themselves; a device that has them gives them back when it connects")
            .hint("if it stays so, ask the relay's operator: `bowline status` says since when"),
        ),
        Standing::NotReady(why) => {
            let error =
                refused(ErrorCode::NotReady, format!("Nothing can be sent: {}", error::not_ready(*why)));
            Some(match why {
                NotReady::Distrusted => error.hint("`bowline status` shows the evidence"),
                _ => error.hint("everything stays on this device, and is sent once that is over"),
            })
        }
        Standing::HeldUp(reason) => Some(
            refused(
                error::refusal_code(*reason),
                format!("The relay takes nothing more for now: {}", error::relay_says(*reason)),
            )
            .hint("ask its operator for room; what is queued stays queued"),
        ),
        Standing::Failed(why) => Some(error::line_failed(why)),
        Standing::Unanswered => Some(
            refused(
                ErrorCode::NoAnswer,
                "The relay answers, and for a minute nothing has come of what it was asked".to_owned(),
            )
            .hint("ask its operator whether it is well")
            .hint("what is queued stays queued: run `bowline sync` again later"),
        ),
    }
}

//! A relay that lies, in its database between two runs and on the line, met by devices that only read and by devices that also write:
//! each says in time what it is and whose fault, goes on working by itself, and everything comes back in the way that the table names.

mod database;
mod line;
mod stage;
mod table;
mod tampering;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use bowline_tests::processes::Wire;

use self::database::Forger;
use self::line::{Known, Socket, on_frames};
use self::stage::{Scene, Stage, Who, is_nothing};
use self::table::{Lie, Met, Plant, Way};

/// How many relays lie at once: most of the time is spent waiting.
const STAGES: usize = 4;

/// How long a command takes that waits for an answer which does not come.
const LONG: Duration = Duration::from_secs(12);

/// Exit code of a command that has done a part of what it was to do.
const PARTIAL: i32 = 10;

/// Whether a device has something to say when it meets a lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    OnlyReads,
    AlsoWrites,
}

#[test]
fn devices_meet_each_lie_of_a_relay_and_come_back_from_it() {
    tell(table::all());
}

#[test]
fn devices_meet_what_keeps_them_waiting_for_a_minute() {
    if std::env::var_os("BOWLINE_NIGHTLY").is_none() {
        println!("skipped: lies that take a minute; run with BOWLINE_NIGHTLY=1");
        return;
    }
    tell(table::slow());
}

/// Tells every lie to devices of both manners.
fn tell(lies: Vec<Lie>) {
    let only = std::env::var("BOWLINE_LIE").unwrap_or_default();
    let lies: Vec<Lie> = lies.into_iter().filter(|lie| lie.name.contains(&only)).collect();
    let rows = lies.iter().flat_map(|lie| [(lie, Manner::OnlyReads), (lie, Manner::AlsoWrites)]);
    let rows = Mutex::new(rows);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..STAGES.min(2 * lies.len()) {
            scope.spawn(|| {
                let mut stage = Stage::new();
                loop {
                    let Some((lie, manner)) = rows.lock().unwrap().next() else { return };
                    let began = Instant::now();
                    if let Err(why) = play(&mut stage, lie, manner) {
                        wrong.lock().unwrap().push(format!("{}, {manner:?}: {why}", lie.name));
                    }
                    println!("{}, {manner:?}: {:.1} s", lie.name, began.elapsed().as_secs_f64());
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} rows:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// Tells one lie, and brings everything back.
fn play(stage: &mut Stage, lie: &Lie, manner: Manner) -> Result<(), String> {
    let (expected, way) = match manner {
        Manner::OnlyReads => &lie.reads,
        Manner::AlsoWrites => &lie.writes,
    };
    let mut scene = stage.scene();
    let met = lied_to(stage, &lie.plant, &mut scene, |scene| meet(scene, lie, manner, expected));
    let back = bring_back(stage, &scene, *way);
    met.and(back)
}

/// Has something happen while the lie is told.
fn lied_to<T>(
    stage: &mut Stage,
    plant: &Plant,
    scene: &mut Scene,
    happens: impl FnOnce(&mut Scene) -> Result<T, String>,
) -> Result<T, String> {
    let on_the_line = match plant {
        Plant::Database(alter) => {
            alter(&Forger::open(&stage.relay.data()));
            false
        }
        Plant::Older | Plant::OlderWrittenOn => {
            stage.relay.put_data(&stage.old());
            false
        }
        Plant::Line(_) | Plant::Socket(_) => true,
    };
    if !on_the_line {
        stage.relay.restart();
        let mut done = Ok(());
        if matches!(plant, Plant::OlderWrittenOn) {
            done = scene.say(Who::Tablet, "six").and(scene.run(Who::Tablet, &["sync"]).map(drop));
        }
        let done = done.and_then(|()| happens(scene));
        stage.relay.stop();
        return done;
    }
    let forger = Forger::open(&stage.relay.data());
    let known = Known { workspace: forger.workspace(), key: forger.key() };
    let port = stage.relay.leave_its_port();
    stage.relay.restart();
    let done = match plant {
        Plant::Line(tells) => {
            let _wire = Wire::that_passes(&stage.relay, port, on_frames(tells(known)));
            happens(scene)
        }
        Plant::Socket(act) => {
            let _socket = Socket::before(stage.relay.listens_on(), port, *act);
            happens(scene)
        }
        Plant::Database(_) | Plant::Older | Plant::OlderWrittenOn => happens(scene),
    };
    stage.relay.stop();
    stage.relay.come_to(port);
    done
}

/// A device meets the lie, and the others do.
fn meet(scene: &mut Scene, lie: &Lie, manner: Manner, expected: &Met) -> Result<(), String> {
    let who = lie.who;
    let before = scene.export(who);
    // Somebody's session is the first that there is to be told again.
    if matches!(lie.plant, Plant::Line(_)) && who == Who::Laptop {
        scene.run(Who::Desktop, &["sync"])?;
    }
    if manner == Manner::AlsoWrites {
        scene.say(who, "meanwhile")?;
    }
    let began = Instant::now();
    let ran = scene.run(who, &["sync"])?;
    let status = scene.status(who);
    let told = format!("{} {}{}\nstatus {status}", ran.status, ran.stdout, ran.stderr);
    if ran.status.code() != Some(expected.code) || !ran.stderr.contains(expected.says) {
        return Err(format!("expected {} and {:?}: {told}", expected.code, expected.says));
    }
    if !status.to_string().contains(expected.shows) {
        return Err(format!("status does not show {:?}: {told}", expected.shows));
    }
    let names_a_state = !matches!(expected.code, 0 | PARTIAL) && !expected.shows.is_empty();
    if names_a_state && is_nothing(&status["what_to_do"]) {
        return Err(format!("nobody says what to do: {told}"));
    }
    scene.say(who, "afterwards")?;
    if !scene.export(who).starts_with(&before) {
        return Err(format!("what was there is exported otherwise: {before}\n\n{}", scene.export(who)));
    }
    if began.elapsed() > LONG {
        return Ok(()); // the others would wait as long
    }
    let other = if who == Who::Laptop { Who::Desktop } else { Who::Laptop };
    if manner == Manner::AlsoWrites {
        scene.run(who, &["device", "link"])?;
        scene.say(other, "by another")?;
    }
    scene.run(other, &["sync"]).map(drop)
}

/// The relay is honest again, and everything comes back in the way that is named.
fn bring_back(stage: &mut Stage, scene: &Scene, way: Way) -> Result<(), String> {
    match way {
        Way::Alone => ends_well_on(stage, scene),
        Way::Good => {
            stage.relay.put_data(&stage.good());
            ends_well_on(stage, scene)
        }
        Way::Restored => {
            stage.relay.put_data(&stage.good());
            stage.relay.restart();
            let told = [Who::Desktop, Who::Laptop, Who::Tablet].map(|who| scene.run(who, &["sync"]));
            stage.relay.stop();
            let told = told.map(|ran| ran.map(|ran| ran.stderr));
            if !told.iter().flatten().any(|said| said.contains("waits to be restored")) {
                return Err(format!("the good data was to lack something: {told:?}"));
            }
            stage.relay.put_data(&stage.good());
            stage.relay.restore(None);
            ends_well_on(stage, scene)
        }
        Way::MadeAgain => {
            stage.relay.restart();
            let token = stage.relay.address().to_owned();
            let decided = scene.make_again(&token);
            stage.relay.stop();
            decided.and_then(|()| ends_well_on(stage, scene))
        }
        Way::AsItIs => {
            let as_it_is = stage.as_it_is();
            for verb in ["accept", "repair"] {
                stage.relay.put_data(&as_it_is);
                let scene = scene.copied();
                stage.relay.restart();
                let decided = scene.decide(verb);
                stage.relay.stop();
                let ended = decided.and_then(|()| ends_well_on(stage, &scene));
                ended.map_err(|why| format!("after `{verb}`: {why}"))?;
            }
            Ok(())
        }
        Way::Decided => {
            for verb in ["accept", "repair"] {
                stage.relay.put_data(&stage.good());
                stage.relay.restore(None);
                let scene = scene.copied();
                stage.relay.restart();
                let decided = scene.decide(verb);
                stage.relay.stop();
                let ended = decided.and_then(|()| ends_well_on(stage, &scene));
                ended.map_err(|why| format!("after `{verb}`: {why}"))?;
            }
            Ok(())
        }
    }
}

fn ends_well_on(stage: &mut Stage, scene: &Scene) -> Result<(), String> {
    stage.relay.restart();
    let ended = scene.ends_well();
    stage.relay.stop();
    ended
}

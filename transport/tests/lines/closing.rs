//! How lines end, and that nothing is lost when they end in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bowline_transport::{Ended, Frame, Link, memory};
use bowline_wire::limits::MAX_FRAME;
use futures_util::{StreamExt, stream};
use tokio::sync::oneshot;
use tokio::time::{Duration, sleep};

use crate::support::{End, lines, within};

fn large() -> Frame {
    vec![9; MAX_FRAME].into()
}

#[tokio::test]
async fn everything_said_before_closing_arrives() {
    for (name, device, relay) in lines().await {
        let relay = End::carry(relay);
        let said = stream::iter(vec![large(); 5]).chain(stream::iter([Frame::from("last")]));
        let device = tokio::spawn(async move { device.carry(said, |_| async { true }).await });
        let (ended, heard) = relay.ended().await;
        assert!(matches!(ended, Ended::ByPeer), "{name}: {ended:?}");
        assert_eq!(heard.len(), 6, "{name}");
        assert_eq!(heard[5], "last", "{name}");
        let ended = device.await.unwrap();
        assert!(matches!(ended, Ended::ByUs), "{name}: {ended:?}");
    }
}

#[tokio::test]
async fn a_last_word_arrives_while_the_other_side_is_still_talking() {
    for (name, device, relay) in lines().await {
        let talk = stream::repeat_with(large);
        let (heard, last) = oneshot::channel();
        let mut heard = Some(heard);
        let device = tokio::spawn(async move {
            let listen = move |frame| {
                drop(heard.take().map(|heard| heard.send(frame)));
                async { true }
            };
            device.carry(talk, listen).await
        });
        let mut relay = End::carry(relay);
        relay.hear().await;
        relay.say("goodbye").await;
        let (ended, _) = relay.finish().await;
        assert!(matches!(ended, Ended::ByUs), "{name}: {ended:?}");
        assert_eq!(last.await.unwrap(), "goodbye", "{name}");
        let ended = within("the device notices", device).await.unwrap();
        assert!(matches!(ended, Ended::ByPeer), "{name}: {ended:?}");
    }
}

#[tokio::test]
async fn who_wants_no_more_gets_no_more() {
    for (name, device, relay) in lines().await {
        let device = End::carry(device);
        device.say("one").await;
        device.say("two").await;
        let mut got = Vec::new();
        let ended = relay.carry(stream::pending(), |frame| {
            got.push(frame);
            async { false }
        });
        let ended = within("the line ends", ended).await;
        assert!(matches!(ended, Ended::ByUs), "{name}: {ended:?}");
        assert_eq!(got, ["one"], "{name}");
        let (ended, _) = device.ended().await;
        assert!(matches!(ended, Ended::ByPeer), "{name}: {ended:?}");
    }
}

#[tokio::test]
async fn both_sides_may_close_at_once() {
    for (name, device, relay) in lines().await {
        let ends = async {
            tokio::join!(
                device.carry(stream::empty(), |_| async { true }),
                relay.carry(stream::empty(), |_| async { true })
            )
        };
        let (device, relay) = within("both end", ends).await;
        for ended in [device, relay] {
            assert!(matches!(ended, Ended::ByUs | Ended::ByPeer), "{name}: {ended:?}");
        }
    }
}

#[tokio::test]
async fn dropping_an_end_cuts_the_line() {
    for (name, device, relay) in lines().await {
        let (device, mut relay) = (End::carry(device), End::carry(relay));
        device.say("one").await;
        relay.hear().await;
        device.cut().await;
        let (ended, _) = relay.ended().await;
        assert!(matches!(ended, Ended::Lost(_)), "{name}: {ended:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_finished_although_the_line_has_broken() {
    let (device, relay) = memory::pair().await;
    let (device, finished) = (End::carry(device), Arc::new(AtomicBool::new(false)));
    device.say("one").await;
    let (begun, delivering) = oneshot::channel();
    let mut begun = Some(begun);
    let deliver = |_| {
        let _ = begun.take().map(|begun| begun.send(()));
        let finished = Arc::clone(&finished);
        async move {
            sleep(Duration::from_mins(5)).await;
            finished.store(true, Ordering::Relaxed);
            true
        }
    };
    let talk = stream::repeat_with(large);
    let cut = async {
        delivering.await.unwrap();
        device.cut().await;
    };
    let (ended, ()) = tokio::join!(relay.carry(talk, deliver), cut);
    assert!(matches!(ended, Ended::Lost(_)), "{ended:?}");
    assert!(finished.load(Ordering::Relaxed));
}

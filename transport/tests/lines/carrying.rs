//! Frames arrive whole, in order, both ways at once, and no faster than they are taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bowline_transport::{Frame, Link, memory};
use bowline_wire::limits::MAX_FRAME;
use futures_util::{StreamExt, stream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::support::{End, key, lines, within};

/// A frame of a length, with bytes that differ from place to place and from frame to frame.
fn frame(length: usize) -> Frame {
    let step = length.wrapping_mul(31) % 251 + 1;
    (0..length).map(|at| u8::try_from(at * step % 251).unwrap()).collect::<Vec<_>>().into()
}

#[tokio::test]
async fn frames_of_every_size_arrive_whole_and_in_order() {
    let fragment = 8 * 1024 - 16;
    let sizes =
        [0, 1, 125, 126, 65_535, 65_536, fragment - 1, fragment, fragment + 1, 2 * fragment, MAX_FRAME, 3];
    for (name, device, relay) in lines().await {
        let (mut device, mut relay) = (End::carry(device), End::carry(relay));
        for size in sizes {
            device.say(frame(size)).await;
            assert_eq!(relay.hear().await, frame(size), "{name}: {size} bytes to the relay");
            relay.say(frame(size)).await;
            assert_eq!(device.hear().await, frame(size), "{name}: {size} bytes to the device");
        }
    }
}

#[tokio::test]
async fn large_frames_pass_both_ways_at_once() {
    for (name, device, relay) in lines().await {
        let large = || stream::iter(vec![frame(MAX_FRAME); 16]).chain(stream::pending());
        let passed = Arc::new(Semaphore::new(0));
        let deliver = |frame: Frame| {
            assert_eq!(frame.len(), MAX_FRAME);
            passed.add_permits(1);
            async { true }
        };
        let both = async { tokio::join!(device.carry(large(), deliver), relay.carry(large(), deliver)) };
        tokio::select! {
            ended = both => panic!("{name}: {ended:?}"),
            all = within("all frames pass", passed.acquire_many(32)) => drop(all.unwrap()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_receiver_slows_the_sender_down() {
    const SIZE: usize = 16 * 1024;
    const COUNT: usize = 1000;
    let (device, relay) = memory::pair().await;
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let outbound = stream::iter(0..COUNT).map(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Frame::from(vec![0; SIZE])
    });
    let sender = tokio::spawn(async move { device.carry(outbound, |_| async { true }).await });
    let mut relay = End::carry(relay);
    // Virtual time passes once nobody can go on.
    sleep(Duration::from_secs(1)).await;
    let first = taken.load(Ordering::Relaxed);
    assert!(first * SIZE <= 160 * 1024, "{first} frames were taken while nobody took any from the other end");
    for heard in 0..COUNT {
        assert_eq!(relay.hear().await.len(), SIZE);
        let ahead = taken.load(Ordering::Relaxed) - heard;
        assert!(ahead <= first + 1, "{ahead} frames ahead after {heard}");
    }
    relay.ended().await;
    sender.await.unwrap();
}

#[tokio::test]
async fn a_line_that_is_full_one_way_still_carries_the_other_way() {
    for (name, device, relay) in lines().await {
        let (device, mut relay) = (End::carry(device), End::carry(relay));
        let outbound = relay.outbound();
        // More than any buffer between them holds, and the device takes none of it.
        let flood = stream::repeat_with(|| frame(MAX_FRAME)).take(32);
        let talk = async {
            for number in 0..100 {
                device.say(vec![number]).await;
                assert_eq!(relay.hear().await, vec![number], "{name}");
            }
        };
        tokio::select! {
            () = flood.for_each(|frame| async { outbound.send(frame).await.unwrap() }) => {
                panic!("{name}: 32 MiB were taken from the relay and by nobody")
            }
            () = talk => {}
        }
    }
}

#[tokio::test]
async fn in_memory_only_the_relay_with_the_right_key_is_reached() {
    use bowline_transport::{Address, Dial, DialError, Listen};
    let (dialer, mut listener) = memory::network(key([1; 32]));
    let named: Address = "wss://relay.example".parse().unwrap();
    let device = dialer.dial(&named.clone().with_key(key([1; 32]))).await.unwrap();
    assert_eq!(device.peer().relay, Some(key([1; 32])));
    let (device, mut relay) = (End::carry(device), End::carry(listener.accept().await.unwrap()));
    device.say("hello").await;
    assert_eq!(relay.hear().await, "hello");
    let unpinned = dialer.dial(&named).await.unwrap();
    assert_eq!(unpinned.peer().relay, None, "nothing was proved");
    let wrong = dialer.dial(&named.clone().with_key(key([2; 32]))).await.unwrap_err();
    assert!(
        matches!(wrong, DialError::WrongPin { found: Some(found), .. } if found == key([1; 32])),
        "{wrong}"
    );
    drop(listener);
    assert!(matches!(dialer.dial(&named).await, Err(DialError::Unreachable { .. })));
}

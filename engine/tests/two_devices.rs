//! The example for hosts does what it says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly")]

#[allow(dead_code, reason = "its `main` only prints")]
#[path = "../examples/two_devices.rs"]
mod example;

#[tokio::test]
async fn two_embedded_devices_end_with_the_same_conversation() {
    let folder = tempfile::tempdir().unwrap();
    let [laptop, desktop] = example::two_devices(folder.path()).await.unwrap();
    assert_eq!(laptop, desktop);
    let [first, later @ ..] = laptop.as_slice() else { panic!("nothing was written") };
    assert_eq!(first, "user: When does the ferry to Vis leave?");
    let mut later = later.to_vec();
    later.sort_unstable();
    assert_eq!(later, ["assistant: At nine, from Split.", "user: And back?"]);
}

//! A watcher: sees services come and go, and listens to readings, the last ones from before its time included.

use buslane_client::{Client, Message, PresenceEvent};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reading {
    celsius: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let bus = Client::connect_default().await?; // BUSLANE_URL, else 127.0.0.1:5959
    let mut presence = bus.presence().await?;
    let mut readings = bus.subscribe("room/+/temperature").await?;
    let mut end = std::pin::pin!(buslane_examples::asked_to_end());
    loop {
        tokio::select! {
            biased;
            Some(event) = presence.next() => see(&event),
            Some(reading) = readings.next() => hear(&reading)?,
            () = &mut end => break,
        }
    }
    bus.close().await;
    println!("watcher has left");
    Ok(())
}

fn see(event: &PresenceEvent) {
    match event {
        PresenceEvent::Online {
            service,
            snapshot: true,
        } => println!("{service} is there"),
        PresenceEvent::Online { service, .. } => println!("{service} came"),
        PresenceEvent::Offline { service } => println!("{service} went"),
        PresenceEvent::SnapshotEnd => println!("nobody else is there"),
        _ => {}
    }
}

fn hear(message: &Message) -> anyhow::Result<()> {
    let reading: Reading = message.json()?;
    let kept = if message.is_retained() { " (kept)" } else { "" };
    println!("{}: {}{kept}", message.topic(), reading.celsius);
    Ok(())
}

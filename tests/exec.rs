//! A command over a websocket at an agent's own port, behind the production listener.

use std::{path::Path, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use nomad_gateway::{
    ShutdownController,
    fleet::{Fleet, FleetOptions},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use crate::support::get;

/// Long enough for a loaded machine; every wait ends at its event.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The next message.
async fn next_text(socket: &mut WebSocketStream<TcpStream>) -> String {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => return text.to_string(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_served_by_the_listener_and_does_not_hold_up_its_end() {
    let data = tempfile::tempdir().unwrap();
    let stopper = ShutdownController::new(TIMEOUT);
    let fleet = Fleet::start(&FleetOptions::new(data.path()), &stopper.subscribe()).await.unwrap();
    let client = fleet.agents().iter().find(|entry| entry.agent.config().name == "client1");
    let address = client.unwrap().address;
    let alloc = fleet.demo_allocation();
    let script = "echo $$ > local/pid; echo up; read x; echo $x; exec sleep 600";
    let command = format!("[\"/bin/sh\",\"-c\",\"{script}\"]");
    let command: String = command.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let path = format!("/v1/client/allocation/{alloc}/exec?task=clock&command={command}");
    let socket = TcpStream::connect(address).await.unwrap();
    let (mut socket, _) = client_async(format!("ws://{address}{path}"), socket).await.unwrap();
    assert_eq!(next_text(&mut socket).await, r#"{"stdout":{"data":"dXAK"}}"#);
    socket.send(Message::text(r#"{"stdin":{"data":"aGkK"}}"#)).await.unwrap();
    assert_eq!(next_text(&mut socket).await, r#"{"stdout":{"data":"aGkK"}}"#);
    let pid = get(address, &format!("/v1/client/fs/cat/{alloc}?path=clock/local/pid")).await.text();
    let process = Path::new("/proc").join(pid.trim());
    assert!(process.exists());

    stopper.start_drain();
    timeout(TIMEOUT, fleet.stop()).await.unwrap();
    // The command ends with its task, and the session with the agent.
    let ended = async { while let Some(Ok(_)) = socket.next().await {} };
    timeout(TIMEOUT, ended).await.unwrap();
    let gone = async {
        while std::fs::read_to_string(process.join("stat")).is_ok_and(|stat| !stat.contains(") Z "))
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(TIMEOUT, gone).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_on_the_same_data_goes_on_with_its_demo() {
    let data = tempfile::tempdir().unwrap();
    let mut demos = Vec::new();
    for _ in 0..2 {
        let stopper = ShutdownController::new(Duration::ZERO);
        let fleet =
            Fleet::start(&FleetOptions::new(data.path()), &stopper.subscribe()).await.unwrap();
        demos.push(fleet.demo_allocation());
        stopper.start_drain();
        timeout(TIMEOUT, fleet.stop()).await.unwrap();
    }
    assert_eq!(demos[0], demos[1]);
}

//! Callers who connect and never end their handshake.

use std::net::SocketAddr;

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use nomad_gateway::tls::{Acceptor, ClientCertificates};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::{
    authority::{Authority, connect},
    hello::{LIMIT, send, start_gateway, stats_path},
};

/// Connects from 127.0.0.x, and waits without a word until it is closed.
async fn say_nothing(last: u8, gateway: SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, last], 0).into()).unwrap();
    let mut stream: TcpStream = socket.connect(gateway).await.unwrap();
    drop(stream.read(&mut [0]).await);
}

#[tokio::test]
async fn handshakes_that_never_end_do_not_stop_another_address() {
    let authority = Authority::new();
    let acceptor = Acceptor::load(authority.server(ClientCertificates::Ignored)).unwrap();
    let acceptor = acceptor.handshake_timeout(None).bound_handshakes(3, 5);
    let (address, _stopper) = start_gateway(acceptor.clone()).await;
    let handshakes = acceptor.handshakes();
    let serves = async || {
        let mut stream = connect(&authority, address, None, &[]).await.ok()?;
        send(&mut stream, &stats_path()).await.ok().filter(|answer| answer.ends_with("says hello"))
    };

    // However many come from one address, the oldest three stay.
    let mut silent: FuturesUnordered<_> = (0..20).map(|_| say_nothing(2, address)).collect();
    for number in 0..17 {
        let closed = timeout(LIMIT, silent.next()).await;
        closed.unwrap_or_else(|_| panic!("only {number} were closed"));
    }
    assert_eq!((handshakes.open(), handshakes.refused()), (3, 17));
    for _ in 0..10 {
        assert!(serves().await.is_some(), "another address");
    }
    assert_eq!((handshakes.open(), handshakes.refused()), (3, 17));

    // All together have a bound, too.
    silent.extend((0..4).map(|_| say_nothing(3, address)));
    for _ in 0..2 {
        timeout(LIMIT, silent.next()).await.expect("a third address stays within the rest");
    }
    assert_eq!((handshakes.open(), handshakes.refused()), (5, 19));
    assert!(serves().await.is_none());

    // Who goes makes room.
    drop(silent);
    let room = async {
        while serves().await.is_none() {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, room).await.expect("room after they have gone");
}

//! TLS to agents.

use std::time::Duration;

use nomad_acl::AclDisabled;
use nomad_forward::Agent;
use nomad_gateway::{
    Gateway, ShutdownController,
    listener::Listener,
    tls::{Acceptor, ClientCertificates, ServerTls, TlsConnect},
};
use nomad_wire::Region;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    authority::Authority,
    hello::{LIMIT, NODE, directory, start_agent, stats_path},
};

#[tokio::test]
async fn agents_are_verified_by_role_and_see_who_the_gateway_is() {
    let authority = Authority::new();
    let own = authority.sign("cli", &["cli.global.nomad"]);
    for (names, identity, passes) in [
        (["client.global.nomad"], Some(own.clone()), true),
        (["server.global.nomad"], Some(own.clone()), false),
        (["client.mars.nomad"], Some(own), false),
        (["client.global.nomad"], None, false),
    ] {
        let (cert_file, key_file) = authority.sign("agent", &names);
        let settings =
            ServerTls { cert_file, key_file, ..authority.server(ClientCertificates::Required) };
        let agent = start_agent(Some(Acceptor::load(settings).unwrap())).await;
        let connect = TlsConnect::load(authority.client(identity.clone())).unwrap();
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.address();
        let stopper = ShutdownController::new(Duration::ZERO);
        let gateway = Gateway::new(directory(agent), AclDisabled).connect(connect);
        tokio::spawn(gateway.serve(listener, stopper.subscribe()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {} HTTP/1.0\r\n\r\n", stats_path());
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(LIMIT, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert_eq!(
            answer.ends_with("agent says hello"),
            passes,
            "{names:?} {identity:?}: {answer}"
        );
    }
}

#[tokio::test]
async fn errors_towards_agents_say_what_to_do() {
    use nomad_forward::connect::Connect as _;
    let (authority, other) = (Authority::new(), Authority::new());
    let serve = |names: &[&str]| {
        let (cert_file, key_file) = authority.sign("agent", names);
        let settings = authority.server(ClientCertificates::Ignored);
        Acceptor::load(ServerTls { cert_file, key_file, ..settings }).unwrap()
    };
    let named = start_agent(Some(serve(&["client.mars.nomad"]))).await;
    let plain = start_agent(None).await;
    for (trusted, address, advice) in [
        (&authority, named, "give the agent a certificate for that name"),
        (&other, named, "must hold the authority"),
        (&authority, plain, "does the agent speak TLS there"),
    ] {
        let connect = TlsConnect::load(trusted.client(None)).unwrap();
        let region = Region::default();
        let agent = Agent::client("client1", NODE.parse().unwrap(), region, address).unwrap();
        let error = connect.connect(&agent).await.err().unwrap().to_string();
        assert!(error.contains(advice) && error.contains("\"client.global.nomad\""), "{error}");
    }
}

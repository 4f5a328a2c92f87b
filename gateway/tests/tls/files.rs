//! Files that cannot be used.

use std::fs;

use nomad_gateway::tls::{Acceptor, ClientCertificates, ServerTls};

use crate::authority::Authority;

#[test]
fn files_that_cannot_be_used_are_told_with_what_to_do() {
    let authority = Authority::new();
    let sound = authority.server(ClientCertificates::Ignored);
    let load = |settings: ServerTls| Acceptor::load(settings).unwrap_err().to_string();
    let write = |name: &str, text: &str| {
        let file = authority.file(name);
        fs::write(&file, text).unwrap();
        file
    };
    let missing = ServerTls { cert_file: authority.file("nothing.pem"), ..sound.clone() };
    assert!(load(missing).starts_with("cannot read "));
    let empty = ServerTls { cert_file: write("empty.pem", ""), ..sound.clone() };
    assert!(load(empty).contains("-----BEGIN CERTIFICATE-----"));
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let locked = ServerTls { key_file: write("locked.pem", encrypted), ..sound.clone() };
    assert!(load(locked).contains("openssl pkey"));
    let swapped = ServerTls { key_file: sound.cert_file.clone(), ..sound.clone() };
    assert!(load(swapped).contains("no private key"));
    let (_, other) = authority.sign("other", &["gateway.test"]);
    assert!(load(ServerTls { key_file: other, ..sound.clone() }).contains("does not go with"));
    let wanted = ClientCertificates::Required;
    let lone = ServerTls { ca_file: None, client_certificates: wanted, ..sound };
    assert!(load(lone).contains("ca_file must name who signs them"));
}

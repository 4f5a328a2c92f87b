//! Many spellings of a path, and what Go's `ServeMux` made of each (`mux/record.go` recorded it).

#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use http::{Method, Uri};
use nomad_wire::{AllocRoute, FsRoute, KeyringRoute, Route, RouteError};
use proptest::{collection::vec, prelude::*, sample::select};

/// The path as it was sent, and the columns behind it.
fn recorded() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    include_str!("mux/spellings.tsv").lines().map(|line| {
        let mut columns = line.split('\t');
        (columns.next().unwrap(), columns.collect())
    })
}

fn parse(path: &str) -> Result<Route, RouteError> {
    Route::parse(&Method::GET, &format!("{path}?q=%2F").parse::<Uri>().unwrap())
}

fn unescaped(text: &str) -> String {
    Route::decoded_path(&format!("/{text}").parse().unwrap())[1..].to_owned()
}

/// Whether a server answers with this redirect itself: a slash is missing, and the subtree is no agent's.
fn is_left_to_a_server(path: &str, place: &str) -> bool {
    let lacks_slash = unescaped(&path[1..]) + "/?q=%2F" == place[1..];
    lacks_slash && !["/v1/agent/", "/v1/client/"].iter().any(|ours| place.starts_with(ours))
}

#[test]
fn every_spelling_is_what_gos_mux_makes_of_it() {
    let mut seen = 0;
    for (path, columns) in recorded() {
        seen += 1;
        let read = parse(path);
        match *columns {
            ["400"] => assert_eq!(read, Err(RouteError::BadEscape), "{path}"),
            ["307", place] if is_left_to_a_server(path, place) => {
                assert_eq!(read, Ok(Route::Pass), "{path}");
            }
            ["307", place] => assert_eq!(read, Err(RouteError::Redirect(place.into())), "{path}"),
            [pattern, handled] => assert_handled_as(path, &read, pattern, &unescaped(handled)),
            _ => panic!("{path} has {columns:?}"),
        }
    }
    assert!(seen > 1_135, "{seen} spellings");
}

fn assert_handled_as(path: &str, read: &Result<Route, RouteError>, pattern: &str, handled: &str) {
    let behind = handled.strip_prefix(pattern).unwrap_or_default();
    let expected = match pattern {
        "/v1/agent/pprof/" => Ok(Route::Pprof(behind.into())),
        "/v1/agent/keyring/" if behind == "list" => Ok(Route::Keyring(KeyringRoute::List)),
        "/v1/client/fs/" => Ok(behind
            .strip_prefix("ls/")
            .map_or(Route::Pass, |id| Route::Fs(FsRoute::List, id.into()))),
        "/v1/client/allocation/" => Ok(match behind.split_once('/') {
            Some((id, "stats")) => Route::Allocation(AllocRoute::Stats, id.into()),
            _ => Route::Pass,
        }),
        "/v1/agent/keyring/" => Ok(Route::Pass),
        fixed if fixed.starts_with("/v1/agent/") || fixed.starts_with("/v1/client/") => {
            parse(fixed)
        }
        _ => Ok(Route::Pass),
    };
    assert_eq!(*read, expected, "{path} at {pattern}");
}

/// Go's `url.PathEscape`, Python's `quote(safe="")`, Python's `quote`, which leaves slashes, and everything escaped.
#[derive(Debug, Clone, Copy)]
enum Client {
    PathEscape,
    QuoteAll,
    Quote,
    Hex,
}

impl Client {
    fn escaped(self, name: &[u8]) -> String {
        let plain: &[u8] = match self {
            Self::PathEscape => b"-_.~$&+:=@",
            Self::QuoteAll => b"-_.~",
            Self::Quote => b"-_.~/",
            Self::Hex => b"",
        };
        let is_plain = |byte: &u8| {
            plain.contains(byte) || (!matches!(self, Self::Hex) && byte.is_ascii_alphanumeric())
        };
        name.iter()
            .map(
                |byte| {
                    if is_plain(byte) { char::from(*byte).into() } else { format!("%{byte:02X}") }
                },
            )
            .collect()
    }
}

/// Names of all bytes, in which slashes and dots are frequent.
fn name() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![3 => select(b"/.%a~".to_vec()), 1 => any::<u8>()], 1..24)
}

proptest! {
    /// Where a client leaves slashes and dots as they are, Go's mux cleans them, and so does this one; every other name
    /// passes as it was sent.
    #[test]
    fn a_name_of_any_bytes_reaches_its_server_as_it_was_sent(
        name in name(),
        client in select(vec![Client::PathEscape, Client::QuoteAll, Client::Quote, Client::Hex]),
        place in select(vec!["/v1/job/{}", "/v1/job/{}/summary", "/v1/var/{}", "/v1/node/{}/purge"]),
    ) {
        let path = place.replace("{}", &client.escaped(&name));
        let segments: Vec<_> = path.split('/').skip(1).collect();
        let (last, inner) = segments.split_last().unwrap();
        let is_clean = !inner.contains(&"") && ![".", ".."].iter().any(|dots| segments.contains(dots))
            && (last.is_empty() || !segments.contains(&""));
        match parse(&path) {
            Ok(Route::Pass) => prop_assert!(is_clean, "{}", path),
            Err(RouteError::Redirect(_)) => prop_assert!(!is_clean, "{}", path),
            other => prop_assert!(false, "{}: {:?}", path, other),
        }
        if !matches!(client, Client::Quote) && !segments.contains(&".") && !segments.contains(&"..") {
            prop_assert!(is_clean, "{}", path);
        }
    }

    /// An id in a call of the catalogue is what the caller wrote, whatever it is.
    #[test]
    fn an_id_of_any_bytes_is_read_as_it_was_meant(name in name()) {
        let path = format!("/v1/client/fs/ls/{}", Client::QuoteAll.escaped(&name));
        if ![&b"."[..], b".."].contains(&&*name) {
            let id = String::from_utf8_lossy(&name);
            prop_assert_eq!(parse(&path), Ok(Route::Fs(FsRoute::List, (&*id).into())));
        }
    }
}

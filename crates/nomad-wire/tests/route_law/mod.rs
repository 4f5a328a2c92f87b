//! The law of routes: whatever a caller writes, nothing panics, and a call that was understood is printed back to the
//! same call. The fuzz target and the replay of its corpus assert it alike.

use http::{Method, Uri};
use nomad_wire::{Call, Query, Route, query};

/// The first byte chooses the method, the rest is the request target.
pub(crate) fn check(input: &[u8]) {
    let Some((first, target)) = input.split_first() else { return };
    let methods = [Method::GET, Method::PUT, Method::POST, Method::DELETE, Method::HEAD];
    let method = &methods[usize::from(*first) % methods.len()];
    let Ok(uri) = Uri::try_from(target) else { return };
    let text = Query::from_uri(&uri);
    for (key, value) in text.pairs() {
        assert!(text.all(&key).any(|other| other == value), "a pair that no key finds");
    }
    drop((
        query::QueryOptions::parse(&text),
        query::MonitorQuery::parse(&text),
        query::ExportQuery::parse(&text),
    ));
    let Ok(call) = Call::parse(method, &uri) else { return };
    if call.is_open_ended(method, &uri) {
        assert!(call.class(method, &uri, false).is_repeatable(), "a change that goes on: {uri}");
    }
    let route = call.route;
    if let Route::Fs(_, id) = &route {
        drop((
            query::LogsQuery::parse(id, &text),
            query::StreamQuery::parse(id, &text),
            query::ReadAtQuery::parse(id, &text),
        ));
    }
    let (Some(path), Some(method)) = (route.path(), route.method()) else { return };
    let printed: Uri = path.parse().expect("a printed path is a URI");
    assert_eq!(Route::parse(&method, &printed), Ok(route), "{path}");
}

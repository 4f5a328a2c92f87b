//! Every call is parsed from method and path, and printed back to the same call.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

use http::{Method, Uri};
use nomad_wire::{
    AllocId, AllocRoute, FsRoute, IdParam, KeyringRoute, Route, RouteError,
    spec::{RouteClass, RouteSpec},
};
use proptest::{prelude::*, sample::select};

const ID: &str = "13651909-dd6d-35ce-5da0-5004769668b3";

fn parse(method: &Method, path: &str) -> Result<Route, RouteError> {
    Route::parse(method, &path.parse::<Uri>().unwrap())
}

fn id() -> IdParam<AllocId> {
    ID.into()
}

#[test]
fn every_call_has_its_path() {
    let get = Method::GET;
    for (path, route) in [
        ("/v1/agent/members", Route::Members),
        ("/v1/agent/servers", Route::Servers),
        ("/v1/agent/self", Route::SelfInfo),
        ("/v1/agent/health?type=client", Route::Health),
        ("/v1/agent/host", Route::Host),
        ("/v1/agent/monitor", Route::Monitor),
        ("/v1/agent/monitor/export", Route::MonitorExport),
        ("/v1/agent/pprof/", Route::Pprof("".into())),
        ("/v1/agent/pprof/goroutine/extra", Route::Pprof("goroutine/extra".into())),
        ("/v1/agent/schedulers", Route::Schedulers),
        ("/v1/agent/schedulers/config", Route::SchedulersConfig),
        ("/v1/agent/keyring/list", Route::Keyring(KeyringRoute::List)),
        ("/v1/client/stats", Route::ClientStats),
        ("/v1/client/gc", Route::ClientGc),
        ("/v1/client/metadata", Route::Metadata),
        ("/v1/client/identity", Route::Identity),
        (&format!("/v1/client/fs/ls/{ID}"), Route::Fs(FsRoute::List, id())),
        (&format!("/v1/client/fs/ls%2F{ID}"), Route::Fs(FsRoute::List, id())),
        (
            &format!("/v1/client/fs/logs/{ID}/extra"),
            Route::Fs(FsRoute::Logs, IdParam::from(&*format!("{ID}/extra"))),
        ),
        ("/v1/client/fs/cat/", Route::Fs(FsRoute::Cat, "".into())),
        (&format!("/v1/client/allocation/{ID}/stats"), Route::Allocation(AllocRoute::Stats, id())),
        (&format!("/v1/client/allocation/{ID}/gc"), Route::Allocation(AllocRoute::Gc, id())),
    ] {
        assert_eq!(parse(&get, path), Ok(route), "{path}");
    }
}

/// A new row whose path nobody parses is found here.
#[test]
fn every_row_is_that_of_the_call_on_its_path() {
    for row in RouteSpec::all().filter(|row| row.class != RouteClass::Pass) {
        let path = row.path.replace(":alloc", ID).replace(":profile", "goroutine");
        let method = row.sends.method();
        let route = parse(&method, &path).unwrap();
        assert_eq!(route.spec().name, row.name, "{method} {path}");
        assert_eq!((route.path(), route.method()), (Some(path), Some(method)));
    }
    assert_eq!(Route::Pass.spec().class, RouteClass::Pass);
}

#[test]
fn what_is_no_call_passes() {
    for path in [
        "/",
        "/ui/",
        "/v1/jobs",
        "/v1/agent",
        "/v1/agent/",
        "/v1/agent/self/",
        "/v1/agent/foo",
        "/v1/client/stats/",
        "/v1/client/fs/ls",
        "/v1/client/fs/foo/x",
        "/v1/client/allocation/x",
        "/v1/client/allocation/x/y/z",
        "/v1/agent/keyring/list/",
        "/v1/agent/health%20",
    ] {
        assert_eq!(parse(&Method::GET, path), Ok(Route::Pass), "{path}");
    }
}

#[test]
fn wrong_methods_name_the_call_they_missed() {
    for (method, path, route) in [
        (Method::PUT, "/v1/agent/members", Route::Members),
        (Method::DELETE, "/v1/agent/servers", Route::Servers),
        (Method::HEAD, "/v1/agent/self", Route::SelfInfo),
        (Method::GET, "/v1/agent/join", Route::Join),
        (Method::PUT, "/v1/client/metadata", Route::Metadata),
    ] {
        assert_eq!(
            parse(&method, path),
            Err(RouteError::MethodNotAllowed(route)),
            "{method} {path}"
        );
    }
    assert_eq!(
        parse(&Method::DELETE, "/v1/client/stats"),
        Ok(Route::ClientStats),
        "client calls take any method"
    );
    assert_eq!(parse(&Method::POST, "/v1/client/metadata"), Ok(Route::SetMetadata));
}

#[test]
fn subtrees_and_dirty_paths_are_redirected() {
    for (path, to) in [
        ("/v1/agent/pprof?seconds=1", "/v1/agent/pprof/?seconds=1"),
        ("/v1/agent/keyring", "/v1/agent/keyring/"),
        ("/v1/client/fs", "/v1/client/fs/"),
        ("/v1//agent/members", "/v1/agent/members"),
        ("/v1/client/fs/ls/x/../y", "/v1/client/fs/ls/y"),
    ] {
        assert_eq!(parse(&Method::GET, path), Err(RouteError::Redirect(to.into())), "{path}");
    }
}

fn alloc() -> impl Strategy<Value = IdParam<AllocId>> {
    prop_oneof![
        any::<u128>().prop_map(|bits| {
            let hex = format!("{bits:032x}");
            let text = format!(
                "{}-{}-{}-{}-{}",
                &hex[..8],
                &hex[8..12],
                &hex[12..16],
                &hex[16..20],
                &hex[20..]
            );
            IdParam::from(&*text)
        }),
        "[a-z0-9 %é-]{1,40}".prop_map(|text| IdParam::from(&*text)),
    ]
}

fn route() -> impl Strategy<Value = Route> {
    let fs = select(vec![
        FsRoute::List,
        FsRoute::Stat,
        FsRoute::Cat,
        FsRoute::ReadAt,
        FsRoute::Stream,
        FsRoute::Logs,
    ]);
    let call = select(vec![
        AllocRoute::Stats,
        AllocRoute::Checks,
        AllocRoute::Restart,
        AllocRoute::Signal,
        AllocRoute::Gc,
        AllocRoute::Pause,
        AllocRoute::SetPause,
        AllocRoute::Exec,
        AllocRoute::Snapshot,
    ]);
    let fixed = select(vec![
        Route::Members,
        Route::Servers,
        Route::SetServers,
        Route::SelfInfo,
        Route::Join,
        Route::ForceLeave,
        Route::Health,
        Route::Host,
        Route::Monitor,
        Route::MonitorExport,
        Route::Schedulers,
        Route::SchedulersConfig,
        Route::SetSchedulersConfig,
        Route::Keyring(KeyringRoute::List),
        Route::Keyring(KeyringRoute::Install),
        Route::Keyring(KeyringRoute::Use),
        Route::Keyring(KeyringRoute::Remove),
        Route::Reload,
        Route::ClientStats,
        Route::ClientGc,
        Route::Metadata,
        Route::SetMetadata,
        Route::Identity,
        Route::RenewIdentity,
    ]);
    prop_oneof![
        fixed,
        "[a-z]{0,12}".prop_map(|profile| Route::Pprof(profile.into())),
        (fs, alloc()).prop_map(|(call, id)| Route::Fs(call, id)),
        (call, alloc()).prop_map(|(call, id)| Route::Allocation(call, id)),
    ]
}

proptest! {
    #[test]
    fn what_is_printed_is_parsed_back(route in route()) {
        let path = route.path().unwrap();
        let method = route.method().unwrap();
        prop_assert_eq!(parse(&method, &path), Ok(route), "{} {}", method, path);
    }

    #[test]
    fn no_path_panics(path in "/[ -~]{0,80}") {
        if let Ok(uri) = path.parse::<Uri>() {
            drop(Route::parse(&Method::GET, &uri));
        }
    }
}

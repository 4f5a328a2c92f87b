//! Property of resumed logs: the client gets every byte once, whatever an agent loses and wherever connections break.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use nomad_frames::StreamFrame;
use nomad_wire::{AllocId, Query, query::Origin};
use proptest::{collection::vec, prelude::*};
use tower_service::Service;

use super::{
    SubrequestBody,
    body::ResumedBody,
    session,
    subrequest::{BoxedBody, SubrequestClient},
};
use crate::proxy::streams::resume::{
    stream_options::{StreamCall, StreamOptions},
    stream_start,
    stream_writer::ClientFormat,
};

const STEM: &str = "alloc/logs/web.stdout.";

/// One connection of an agent: from which file on, to which one, and what of it is lost.
#[derive(Debug, Clone)]
struct ScriptedConnection {
    /// Files that are rotated before it begins.
    rotated: usize,
    /// Files that are rotated while it lasts.
    moves: usize,
    /// How much of each file but the last is sent, and where the last one breaks off, in 256ths.
    sent_fractions: Vec<u8>,
    /// Bytes in a frame.
    frame: usize,
    /// It ends as if it were complete, as through a server that lost the agent.
    is_clean: bool,
}

/// What is sent over one connection: of each of these files so many bytes.
type SentRanges = Vec<(usize, usize)>;

#[derive(Debug, Clone)]
struct ScriptedAgent {
    files: Arc<Vec<Vec<u8>>>,
    connections: Arc<Vec<(SentRanges, ScriptedConnection)>>,
    may_read_files: bool,
    next: Arc<AtomicUsize>,
}

impl ScriptedAgent {
    fn new(
        files: Vec<Vec<u8>>,
        connections: Vec<ScriptedConnection>,
        may_read_files: bool,
    ) -> Self {
        let last = files.len() - 1;
        let mut newest = 0;
        let mut scripts = Vec::new();
        for connection in connections {
            // A log that nobody has begun to read begins at its oldest file.
            let from = if scripts.is_empty() { 0 } else { (newest + connection.rotated).min(last) };
            newest = (from + connection.moves).min(last);
            let part = |file: usize| {
                let sent =
                    usize::from(connection.sent_fractions[file % connection.sent_fractions.len()]);
                files[file].len() * sent / 255
            };
            scripts.push(((from..=newest).map(|file| (file, part(file))).collect(), connection));
        }
        let next = Arc::default();
        Self { files: Arc::new(files), connections: Arc::new(scripts), may_read_files, next }
    }

    /// The next connection; after all of them, one over which everything comes.
    fn follow(&self, origin: &str) -> BoxedBody {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        match self.connections.get(number) {
            Some((sent, connection)) => {
                let mut pieces =
                    self.frames(&self.with_older_files(sent, origin), connection.frame);
                pieces.extend((!connection.is_clean).then_some(Err("broken")));
                body(pieces)
            }
            None => {
                let last = self.files.len() - 1;
                let from = if origin == "start" { 0 } else { last };
                let all: SentRanges =
                    (from..=last).map(|file| (file, self.files[file].len())).collect();
                let mut pieces = self.frames(&all, 7);
                pieces.push(Ok(Bytes::from_static(b"the end")));
                body(pieces)
            }
        }
    }

    /// From the oldest file, when that is asked for. What a caller was given nothing of cannot be missed, so that something
    /// of the first file is sent before the next one begins.
    fn with_older_files(&self, sent: &SentRanges, origin: &str) -> SentRanges {
        if origin != "start" {
            return sent.clone();
        }
        let older = (0..sent[0].0).map(|file| (file, self.files[file].len()));
        let mut sent: SentRanges = older.chain(sent.iter().copied()).collect();
        let last = sent.len() - 1;
        let first = sent[..last].iter_mut().find(|(file, _)| !self.files[*file].is_empty());
        if let Some((_, len)) = first {
            *len = (*len).max(1);
        }
        sent
    }

    fn frames(&self, sent: &SentRanges, size: usize) -> Vec<Result<Bytes, &'static str>> {
        let mut frames = vec![Ok(Bytes::from_static(b"{}"))];
        for (file, len) in sent {
            for data in self.files[*file][..*len].chunks(size) {
                frames.push(Ok(frame(*file, data)));
            }
        }
        frames
    }

    fn respond(&self, uri: &http::Uri) -> Response<BoxedBody> {
        let query = Query::from_uri(uri);
        if uri.path().contains("/logs/") && query.first("follow").unwrap() == "true" {
            return Response::new(self.follow(&query.first("origin").unwrap()));
        }
        if uri.path().contains("/logs/") {
            let all: SentRanges = self.files.iter().map(Vec::len).enumerate().collect();
            return Response::new(body(self.frames(&all, 11)));
        }
        if !self.may_read_files {
            return refusal(StatusCode::FORBIDDEN);
        }
        let path = query.first("path").unwrap();
        let number: usize = path.strip_prefix(STEM).unwrap().parse().unwrap();
        let Some(file) = self.files.get(number) else { return refusal(StatusCode::BAD_REQUEST) };
        let offset: usize = query.first("offset").unwrap().parse().unwrap();
        let chunks = file[offset..].chunks(5);
        Response::new(body(chunks.map(|data| Ok(frame(number, data))).collect()))
    }
}

fn refusal(status: StatusCode) -> Response<BoxedBody> {
    let mut refusal = Response::new(body(Vec::new()));
    *refusal.status_mut() = status;
    refusal
}

/// With an offset that says nothing, as Nomad's often do.
fn frame(file: usize, data: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    let file = format!("{STEM}{file}");
    StreamFrame { file: &file, event: "", offset: 4711, data }.encode(&mut out);
    out.freeze()
}

fn body(pieces: Vec<Result<Bytes, &'static str>>) -> BoxedBody {
    let pieces = pieces.into_iter().map(|piece| piece.map(Frame::data).map_err(Into::into));
    StreamBody::new(stream::iter(pieces.collect::<Vec<_>>())).boxed_unsync()
}

impl Service<Request<SubrequestBody<Empty<Bytes>>>> for ScriptedAgent {
    type Response = Response<BoxedBody>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<SubrequestBody<Empty<Bytes>>>) -> Self::Future {
        ready(Ok(self.respond(request.uri())))
    }
}

/// All that a caller of this agent gets.
async fn read(agent: ScriptedAgent) -> String {
    let call = StreamCall::Logs {
        allocation: "13651909-dd6d-35ce-5da0-5004769668b3".parse::<AllocId>().unwrap(),
        task: "web".to_owned(),
        stem: STEM.to_owned(),
        follow: true,
        origin: Origin::Start,
        offset: 0,
    };
    let shape = ClientFormat::Plain;
    let (until_dead, repair, resume) = (false, true, true);
    let wish = StreamOptions {
        call,
        format: shape,
        until_dead,
        repair_rotation: repair,
        resume,
        resume_point: None,
    };
    let request = Request::new(Empty::<Bytes>::new());
    let mut asking = SubrequestClient::new(agent.clone(), &request);
    let start = stream_start::find_start(&mut asking, &wish).await;
    let first = agent.follow("start");
    let body =
        ResumedBody::from_writer(|sink| session::run(asking, wish, start, first, (None, sink)));
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

fn connections() -> impl Strategy<Value = Vec<ScriptedConnection>> {
    let sent = vec(prop_oneof![2 => Just(255), 1 => any::<u8>()], 1..4);
    let one = (0..3usize, 0..3usize, sent, 1..20usize, any::<bool>());
    vec(
        one.prop_map(|(rotated, moves, sent, frame, is_clean)| ScriptedConnection {
            rotated,
            moves,
            sent_fractions: sent,
            frame,
            is_clean,
        }),
        0..6,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_byte_comes_once(
        files in vec("[a-z]{0,40}", 1..8),
        connections in connections(),
        may_read_files in any::<bool>(),
    ) {
        let expect = files.concat() + "the end";
        let files = files.into_iter().map(String::into_bytes).collect();
        let agent = ScriptedAgent::new(files, connections, may_read_files);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        prop_assert_eq!(runtime.block_on(read(agent)), expect);
    }
}

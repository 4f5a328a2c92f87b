//! `/v1/agent/monitor`

use std::time::Duration;

use http::{Response, Uri};
use nomad_frames::FramerConfig;
use nomad_wire::{Call, Query, call::Params};
use tokio::time::{self, Instant, MissedTickBehavior};

use crate::{
    agent::{Agent, level_filter},
    body::{Body, ChunkSender},
    error::AgentError,
    frame_writer::{FrameWriter, StreamFormat},
    handlers::target::{self, ErrorStyle},
    log::{LineStyle, LogEntry, LogReceiver},
    response,
};

/// How often a monitor reports dropped lines, if any were.
const NOTICE_INTERVAL: Duration = Duration::from_secs(3);

/// The event of every frame of a monitor.
const FRAME_EVENT: &str = "log";

/// The live log of this agent, until the client disconnects.
pub(crate) async fn monitor(
    agent: &Agent,
    call: &Call,
    uri: &Uri,
) -> Result<Response<Body>, AgentError> {
    let Params::Monitor(wanted) = call.params.clone()? else {
        return Err(AgentError::UnknownPath);
    };
    check_target(agent, call, &Query::from_uri(uri))?;
    let style = LineStyle::new().json(wanted.log_json).location(wanted.log_include_location);
    let feed = agent.log().subscribe(level_filter(wanted.log_level));
    let form = StreamFormat::from_plain(wanted.plain);
    let body = agent.stream(|chunks| stream_log(feed, style, form, chunks)).await?;
    Ok(response::stream(wanted.plain, body))
}

/// A client without servers ignores `server_id`, as Nomad's does, and shows its own log.
pub(super) fn check_target(
    agent: &Agent,
    call: &Call,
    query: &Query<'_>,
) -> Result<(), AgentError> {
    if let Some(node_id) = query.non_empty("node_id") {
        let is_own = agent.node_id().is_some_and(|own| own.as_str() == node_id);
        return if is_own {
            Ok(())
        } else {
            Err(target::unknown_node(&node_id, ErrorStyle::Monitor))
        };
    }
    match query.non_empty("server_id") {
        Some(server_id) if agent.role().is_server() => {
            target::check_server(agent, &server_id, call, ErrorStyle::Monitor).map(drop)
        }
        Some(_) | None => Ok(()),
    }
}

/// Never ends by itself: it is dropped with the body.
async fn stream_log(
    mut feed: LogReceiver,
    style: LineStyle,
    form: StreamFormat,
    chunks: ChunkSender,
) -> Result<(), AgentError> {
    let mut frames = FrameWriter::new(FramerConfig::monitor(), form, chunks);
    let mut notices = time::interval_at(Instant::now() + NOTICE_INTERVAL, NOTICE_INTERVAL);
    notices.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let due = frames.deadline();
        tokio::select! {
            // Timers first: a log that never pauses must not hold back heartbeats and notices.
            biased;
            () = time::sleep_until(due) => frames.tick().await,
            _ = notices.tick() => feed.report_dropped(),
            entry = feed.next() => {
                frames.send("", FRAME_EVENT, render(&entry, style).as_bytes(), 0).await;
            }
        }
    }
}

/// The notice is plain text without a time, also between JSON lines, as Nomad's is.
fn render(entry: &LogEntry, style: LineStyle) -> String {
    match entry {
        LogEntry::Line(line) => line.render(style),
        LogEntry::Dropped(count) => {
            format!("[WARN] Monitor dropped {count} logs during monitor request\n")
        }
    }
}

//! The hub: the receivers of a log and their levels.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

use tokio::sync::Notify;
use tracing::{Dispatch, Level, level_filters::LevelFilter};
use tracing_subscriber::{Registry, layer::SubscriberExt as _};

use super::{
    layer::HubLayer,
    line::LogLine,
    queue::{LOG_QUEUE_CAPACITY, LineQueue, LogEntry},
};

/// A further destination of the lines of all agents of a process, a terminal for example.
pub trait LogSink: Send + Sync {
    /// Writes one line of the named agent. Called where the event happens, so it must not block.
    fn write_line(&self, agent: &str, line: &LogLine);
}

/// The live log of one agent.
#[derive(Debug, Clone)]
pub struct LogHub {
    shared: Arc<Shared>,
    shows_spans: bool,
}

/// One receiver. Dropping it ends its subscription at once.
#[derive(Debug)]
pub struct LogReceiver {
    shared: Arc<Shared>,
    channel: Arc<Channel>,
}

pub(super) struct Shared {
    agent: String,
    sink: Option<Arc<dyn LogSink>>,
    /// The level of the sink, as a rank; it may change while the agent runs.
    sink_rank: AtomicU8,
    channels: Mutex<Vec<Arc<Channel>>>,
    /// The most verbose level of any receiver or sink: 0 for none, 5 for trace. Events beyond it are not even
    /// built.
    verbosity: AtomicU8,
}

#[derive(Debug)]
pub(super) struct Channel {
    level: LevelFilter,
    queue: Mutex<LineQueue>,
    ready: Notify,
}

impl LogHub {
    /// A log that only its receivers see.
    #[must_use]
    pub fn new(agent: impl Into<String>) -> Self {
        Self::build(agent.into(), None)
    }

    /// A log whose lines, down to `level`, also go to the sink.
    #[must_use]
    pub fn with_sink(agent: impl Into<String>, level: LevelFilter, sink: Arc<dyn LogSink>) -> Self {
        Self::build(agent.into(), Some((level, sink)))
    }

    fn build(agent: String, sink: Option<(LevelFilter, Arc<dyn LogSink>)>) -> Self {
        let own = sink.as_ref().map_or(0, |sink| rank(sink.0));
        Self {
            shared: Arc::new(Shared {
                agent,
                sink: sink.map(|sink| sink.1),
                sink_rank: AtomicU8::new(own),
                channels: Mutex::default(),
                verbosity: AtomicU8::new(own),
            }),
            shows_spans: false,
        }
    }

    /// Shows the fields of the enclosing spans after a line's own. Nomad's lines have no spans.
    #[must_use]
    pub fn show_spans(mut self) -> Self {
        self.shows_spans = true;
        self
    }

    /// Changes the level of the sink; receivers keep theirs. Without a sink nothing changes.
    pub fn set_level(&self, level: LevelFilter) {
        if self.shared.sink.is_some() {
            self.shared.sink_rank.store(rank(level), Ordering::Relaxed);
            self.shared.update_channels(|_| {});
        }
    }

    /// The subscriber that must be active around the agent's tasks and requests.
    #[must_use]
    pub fn dispatch(&self) -> Dispatch {
        let layer = HubLayer::new(Arc::clone(&self.shared), self.shows_spans);
        Dispatch::new(Registry::default().with(layer))
    }

    /// Subscribes at `level`; earlier lines are not received.
    #[must_use]
    pub fn subscribe(&self, level: LevelFilter) -> LogReceiver {
        self.subscribe_with_capacity(level, LOG_QUEUE_CAPACITY)
    }

    fn subscribe_with_capacity(&self, level: LevelFilter, capacity: usize) -> LogReceiver {
        let channel = Arc::new(Channel {
            level,
            queue: Mutex::new(LineQueue::new(capacity)),
            ready: Notify::new(),
        });
        self.shared.update_channels(|channels| channels.push(Arc::clone(&channel)));
        LogReceiver { shared: Arc::clone(&self.shared), channel }
    }

    /// Number of receivers.
    #[must_use]
    pub fn receiver_count(&self) -> usize {
        lock(&self.shared.channels).len()
    }
}

impl LogReceiver {
    /// The next entry, as soon as there is one.
    ///
    /// # Cancel safety
    ///
    /// An entry is taken only when it is returned; dropping the future loses nothing.
    pub async fn next(&mut self) -> LogEntry {
        loop {
            if let Some(entry) = lock(&self.channel.queue).pop() {
                return entry;
            }
            // `Notify` stores a permit if a line comes between the check and the wait.
            self.channel.ready.notified().await;
        }
    }

    /// Queues a notice of the lines dropped since the last one, if any were.
    pub fn report_dropped(&self) {
        if lock(&self.channel.queue).push_notice() {
            self.channel.ready.notify_one();
        }
    }
}

impl Drop for LogReceiver {
    fn drop(&mut self) {
        self.shared.update_channels(|channels| {
            channels.retain(|channel| !Arc::ptr_eq(channel, &self.channel));
        });
    }
}

impl Shared {
    pub(super) fn is_enabled(&self, level: Level) -> bool {
        rank(LevelFilter::from_level(level)) <= self.verbosity.load(Ordering::Relaxed)
    }

    pub(super) fn publish(&self, line: LogLine) {
        let line = Arc::new(line);
        for channel in lock(&self.channels).iter().filter(|channel| channel.level >= line.level) {
            lock(&channel.queue).push(Arc::clone(&line));
            channel.ready.notify_one();
        }
        // Outside the lock, because a sink may log.
        if let Some(sink) = &self.sink
            && rank(LevelFilter::from_level(line.level)) <= self.sink_rank.load(Ordering::Relaxed)
        {
            sink.write_line(&self.agent, &line);
        }
    }

    /// Changes the receivers and recomputes the most verbose level.
    fn update_channels(&self, edit: impl FnOnce(&mut Vec<Arc<Channel>>)) {
        let mut channels = lock(&self.channels);
        edit(&mut channels);
        let listeners = channels.iter().map(|channel| rank(channel.level)).max().unwrap_or(0);
        let own = self.sink_rank.load(Ordering::Relaxed);
        self.verbosity.store(listeners.max(own), Ordering::Relaxed);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("agent", &self.agent)
            .field("verbosity", &self.verbosity)
            .finish_non_exhaustive()
    }
}

fn rank(level: LevelFilter) -> u8 {
    match level.into_level() {
        None => 0,
        Some(Level::ERROR) => 1,
        Some(Level::WARN) => 2,
        Some(Level::INFO) => 3,
        Some(Level::DEBUG) => 4,
        Some(Level::TRACE) => 5,
    }
}

/// A panic elsewhere leaves these lists valid, so a poisoned lock is still usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tracing::{debug, error, error_span, field::Empty, info};

    use super::*;
    use crate::log::LineStyle;

    fn text(entry: &LogEntry) -> String {
        match entry {
            LogEntry::Line(line) => line.render(LineStyle::new())[25..].to_owned(),
            LogEntry::Dropped(count) => format!("dropped {count}"),
        }
    }

    #[tokio::test]
    async fn each_listener_has_its_own_level() {
        let hub = LogHub::new("a");
        let (mut all, mut few) =
            (hub.subscribe(LevelFilter::DEBUG), hub.subscribe(LevelFilter::ERROR));
        tracing::dispatcher::with_default(&hub.dispatch(), || {
            debug!(target: "http", method = "GET", duration = 1_500_000_u64, "request complete");
            error!(target: "client", "no servers");
        });
        let line = text(&all.next().await);
        assert_eq!(line, "[DEBUG] http: request complete: method=GET duration=1.5ms\n");
        assert_eq!(text(&all.next().await), "[ERROR] client: no servers\n");
        assert_eq!(text(&few.next().await), "[ERROR] client: no servers\n");
    }

    #[tokio::test]
    async fn two_agents_in_one_process_do_not_hear_each_other() {
        let (one, two) = (LogHub::new("one"), LogHub::new("two"));
        let (mut ear, mut other) =
            (one.subscribe(LevelFilter::TRACE), two.subscribe(LevelFilter::TRACE));
        let (first, second) = (one.dispatch(), two.dispatch());
        tracing::dispatcher::with_default(&first, || info!(target: "agent", "one speaks"));
        tracing::dispatcher::with_default(&second, || info!(target: "agent", "two speaks"));
        assert!(text(&ear.next().await).contains("one speaks"));
        assert!(text(&other.next().await).contains("two speaks"));
    }

    #[tokio::test]
    async fn lines_show_the_fields_of_the_spans_around_them_where_that_is_wanted() {
        let speak = |hub: &LogHub| {
            tracing::dispatcher::with_default(&hub.dispatch(), || {
                let outer = error_span!("outer", id = "1", agent = Empty, hidden = "by the inner");
                let inner = outer.in_scope(|| error_span!("inner", hidden = %7));
                outer.record("agent", "client 1");
                inner.in_scope(|| error!(target: "http", id = 2, "lost"));
            });
        };
        let hub = LogHub::new("a").show_spans();
        let mut feed = hub.subscribe(LevelFilter::ERROR);
        speak(&hub);
        let line = text(&feed.next().await);
        assert_eq!(line, "[ERROR] http: lost: id=2 hidden=7 agent=\"client 1\"\n");
        let hub = LogHub::new("a");
        let mut feed = hub.subscribe(LevelFilter::ERROR);
        speak(&hub);
        assert_eq!(text(&feed.next().await), "[ERROR] http: lost: id=2\n");
    }

    #[test]
    fn a_dropped_listener_is_gone_at_once() {
        let hub = LogHub::new("a");
        let feed = hub.subscribe(LevelFilter::TRACE);
        assert!(hub.receiver_count() == 1 && hub.shared.is_enabled(Level::TRACE));
        drop(feed);
        assert!(hub.receiver_count() == 0 && !hub.shared.is_enabled(Level::ERROR));
    }

    #[tokio::test]
    async fn a_slow_listener_is_told_what_it_lost() {
        let hub = LogHub::new("a");
        let mut feed = hub.subscribe_with_capacity(LevelFilter::INFO, 5);
        tracing::dispatcher::with_default(&hub.dispatch(), || {
            for _ in 0..105 {
                info!("again");
            }
        });
        feed.report_dropped();
        for _ in 0..4 {
            assert!(matches!(feed.next().await, LogEntry::Line(_)));
        }
        assert_eq!(text(&feed.next().await), "dropped 101");
    }

    #[test]
    fn the_outlet_hears_its_level_without_any_listener() {
        #[derive(Default)]
        struct RecordingSink(Mutex<Vec<String>>);
        impl LogSink for RecordingSink {
            fn write_line(&self, agent: &str, line: &LogLine) {
                lock(&self.0).push(format!("{agent}: {}", line.message));
            }
        }
        let paper = Arc::new(RecordingSink::default());
        let sink: Arc<dyn LogSink> = Arc::<RecordingSink>::clone(&paper);
        let hub = LogHub::with_sink("server1", LevelFilter::INFO, sink);
        tracing::dispatcher::with_default(&hub.dispatch(), || {
            info!("started");
            debug!("not for the terminal");
        });
        assert_eq!(*lock(&paper.0), ["server1: started"]);
    }

    // Receivers that come and go at other agents must not silence this one.
    #[test]
    fn agents_on_many_threads_do_not_silence_each_other() {
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    let hub = LogHub::new("a");
                    let dispatch = hub.dispatch();
                    for _ in 0..200 {
                        let feed = hub.subscribe(LevelFilter::TRACE);
                        tracing::dispatcher::with_default(&dispatch, || tracing::trace!("heard"));
                        assert!(lock(&feed.channel.queue).pop().is_some());
                    }
                });
            }
        });
    }
}

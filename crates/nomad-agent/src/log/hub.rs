//! The hub: who listens, and at which level.

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
    queue::{Entry, LOG_QUEUE, Queue},
};

/// Where the lines of all agents of a process may also go, a terminal for instance.
pub trait LogOutlet: Send + Sync {
    /// Takes one line of the named agent. It is called where the event happens: it must not wait.
    fn line(&self, agent: &str, line: &LogLine);
}

/// The live log of one agent.
#[derive(Debug, Clone)]
pub struct LogHub {
    shared: Arc<Shared>,
    shows_spans: bool,
}

/// One listener. Dropping it ends its subscription at once.
#[derive(Debug)]
pub struct LogFeed {
    shared: Arc<Shared>,
    sink: Arc<Sink>,
}

pub(super) struct Shared {
    agent: String,
    outlet: Option<Arc<dyn LogOutlet>>,
    /// The level of the outlet, as a rank; it may change while the agent runs.
    outlet_rank: AtomicU8,
    sinks: Mutex<Vec<Arc<Sink>>>,
    /// The most verbose level that anybody wants: 0 for none, 5 for trace. Events beyond it are
    /// not even built.
    verbosity: AtomicU8,
}

#[derive(Debug)]
pub(super) struct Sink {
    level: LevelFilter,
    queue: Mutex<Queue>,
    ready: Notify,
}

impl LogHub {
    /// A log that nobody but its listeners sees.
    #[must_use]
    pub fn new(agent: impl Into<String>) -> Self {
        Self::build(agent.into(), None)
    }

    /// A log whose lines, down to `level`, also go to `outlet`.
    #[must_use]
    pub fn with_outlet(
        agent: impl Into<String>,
        level: LevelFilter,
        outlet: Arc<dyn LogOutlet>,
    ) -> Self {
        Self::build(agent.into(), Some((level, outlet)))
    }

    fn build(agent: String, outlet: Option<(LevelFilter, Arc<dyn LogOutlet>)>) -> Self {
        let own = outlet.as_ref().map_or(0, |outlet| rank(outlet.0));
        Self {
            shared: Arc::new(Shared {
                agent,
                outlet: outlet.map(|outlet| outlet.1),
                outlet_rank: AtomicU8::new(own),
                sinks: Mutex::default(),
                verbosity: AtomicU8::new(own),
            }),
            shows_spans: false,
        }
    }

    /// Lines show the fields of the spans they stand in, behind their own. Nomad's lines know no spans.
    #[must_use]
    pub fn show_spans(mut self) -> Self {
        self.shows_spans = true;
        self
    }

    /// Changes the level of the outlet; listeners keep theirs. Without an outlet nothing changes.
    pub fn set_level(&self, level: LevelFilter) {
        if self.shared.outlet.is_some() {
            self.shared.outlet_rank.store(rank(level), Ordering::Relaxed);
            self.shared.change(|_| {});
        }
    }

    /// The subscriber under which the agent's tasks and requests must run.
    #[must_use]
    pub fn dispatch(&self) -> Dispatch {
        let layer = HubLayer::new(Arc::clone(&self.shared), self.shows_spans);
        Dispatch::new(Registry::default().with(layer))
    }

    /// Starts to listen at `level`; lines of earlier are not seen.
    #[must_use]
    pub fn listen(&self, level: LevelFilter) -> LogFeed {
        self.listen_with(level, LOG_QUEUE)
    }

    fn listen_with(&self, level: LevelFilter, capacity: usize) -> LogFeed {
        let sink =
            Arc::new(Sink { level, queue: Mutex::new(Queue::new(capacity)), ready: Notify::new() });
        self.shared.change(|sinks| sinks.push(Arc::clone(&sink)));
        LogFeed { shared: Arc::clone(&self.shared), sink }
    }

    /// How many listen now.
    #[must_use]
    pub fn listeners(&self) -> usize {
        locked(&self.shared.sinks).len()
    }
}

impl LogFeed {
    /// The next entry, as soon as there is one.
    ///
    /// # Cancel safety
    ///
    /// An entry is taken only when it is returned; dropping the future loses nothing.
    pub async fn next(&mut self) -> Entry {
        loop {
            if let Some(entry) = locked(&self.sink.queue).pop() {
                return entry;
            }
            // A permit is kept when a line comes between the look and the wait.
            self.sink.ready.notified().await;
        }
    }

    /// Queues a notice of the lines lost since the last one, if any were.
    pub fn report_dropped(&self) {
        if locked(&self.sink.queue).report() {
            self.sink.ready.notify_one();
        }
    }
}

impl Drop for LogFeed {
    fn drop(&mut self) {
        self.shared.change(|sinks| sinks.retain(|sink| !Arc::ptr_eq(sink, &self.sink)));
    }
}

impl Shared {
    pub(super) fn wants(&self, level: Level) -> bool {
        rank(LevelFilter::from_level(level)) <= self.verbosity.load(Ordering::Relaxed)
    }

    pub(super) fn publish(&self, line: LogLine) {
        let line = Arc::new(line);
        for sink in locked(&self.sinks).iter().filter(|sink| sink.level >= line.level) {
            locked(&sink.queue).push(Arc::clone(&line));
            sink.ready.notify_one();
        }
        // Outside the lock, for an outlet may log.
        if let Some(outlet) = &self.outlet
            && rank(LevelFilter::from_level(line.level)) <= self.outlet_rank.load(Ordering::Relaxed)
        {
            outlet.line(&self.agent, &line);
        }
    }

    /// Changes the listeners and, with them, the most verbose level.
    fn change(&self, edit: impl FnOnce(&mut Vec<Arc<Sink>>)) {
        let mut sinks = locked(&self.sinks);
        edit(&mut sinks);
        let listeners = sinks.iter().map(|sink| rank(sink.level)).max().unwrap_or(0);
        let own = self.outlet_rank.load(Ordering::Relaxed);
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

/// A panic elsewhere leaves these lists whole, so a poisoned lock is still a good one.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tracing::{debug, error, error_span, field::Empty, info};

    use super::*;
    use crate::log::LineStyle;

    fn text(entry: &Entry) -> String {
        match entry {
            Entry::Line(line) => line.render(LineStyle::new())[25..].to_owned(),
            Entry::Dropped(count) => format!("dropped {count}"),
        }
    }

    #[tokio::test]
    async fn each_listener_has_its_own_level() {
        let hub = LogHub::new("a");
        let (mut all, mut few) = (hub.listen(LevelFilter::DEBUG), hub.listen(LevelFilter::ERROR));
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
        let (mut ear, mut other) = (one.listen(LevelFilter::TRACE), two.listen(LevelFilter::TRACE));
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
        let mut feed = hub.listen(LevelFilter::ERROR);
        speak(&hub);
        let line = text(&feed.next().await);
        assert_eq!(line, "[ERROR] http: lost: id=2 hidden=7 agent=\"client 1\"\n");
        let hub = LogHub::new("a");
        let mut feed = hub.listen(LevelFilter::ERROR);
        speak(&hub);
        assert_eq!(text(&feed.next().await), "[ERROR] http: lost: id=2\n");
    }

    #[test]
    fn a_dropped_listener_is_gone_at_once() {
        let hub = LogHub::new("a");
        let feed = hub.listen(LevelFilter::TRACE);
        assert!(hub.listeners() == 1 && hub.shared.wants(Level::TRACE));
        drop(feed);
        assert!(hub.listeners() == 0 && !hub.shared.wants(Level::ERROR));
    }

    #[tokio::test]
    async fn a_slow_listener_is_told_what_it_lost() {
        let hub = LogHub::new("a");
        let mut feed = hub.listen_with(LevelFilter::INFO, 5);
        tracing::dispatcher::with_default(&hub.dispatch(), || {
            for _ in 0..105 {
                info!("again");
            }
        });
        feed.report_dropped();
        for _ in 0..4 {
            assert!(matches!(feed.next().await, Entry::Line(_)));
        }
        assert_eq!(text(&feed.next().await), "dropped 101");
    }

    #[test]
    fn the_outlet_hears_its_level_without_any_listener() {
        #[derive(Default)]
        struct Paper(Mutex<Vec<String>>);
        impl LogOutlet for Paper {
            fn line(&self, agent: &str, line: &LogLine) {
                locked(&self.0).push(format!("{agent}: {}", line.message));
            }
        }
        let paper = Arc::new(Paper::default());
        let outlet: Arc<dyn LogOutlet> = Arc::<Paper>::clone(&paper);
        let hub = LogHub::with_outlet("server1", LevelFilter::INFO, outlet);
        tracing::dispatcher::with_default(&hub.dispatch(), || {
            info!("started");
            debug!("not for the terminal");
        });
        assert_eq!(*locked(&paper.0), ["server1: started"]);
    }

    // Listeners that come and go at other agents must not silence this one.
    #[test]
    fn agents_on_many_threads_do_not_silence_each_other() {
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    let hub = LogHub::new("a");
                    let dispatch = hub.dispatch();
                    for _ in 0..200 {
                        let feed = hub.listen(LevelFilter::TRACE);
                        tracing::dispatcher::with_default(&dispatch, || tracing::trace!("heard"));
                        assert!(locked(&feed.sink.queue).pop().is_some());
                    }
                });
            }
        });
    }
}

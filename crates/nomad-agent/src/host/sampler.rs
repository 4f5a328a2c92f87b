//! The latest statistics of the host, sampled once a second.

use std::{sync::Arc, time::Duration};

use nomad_wire::client::HostStats;
use tokio::{
    sync::watch,
    task::{self, AbortHandle},
    time::{self, MissedTickBehavior},
};
use tracing::instrument::WithSubscriber as _;

use super::HostSource;

/// The sampling interval: Nomad's default for `telemetry.collection_interval`.
const INTERVAL: Duration = Duration::from_secs(1);

/// Samples the statistics of a host in the background until it is dropped.
#[derive(Debug)]
pub(crate) struct HostSampler {
    latest: watch::Receiver<Option<HostStats>>,
    task: AbortHandle,
}

impl HostSampler {
    /// Starts to sample; must be called inside a tokio runtime.
    pub(crate) fn start(node: Arc<dyn HostSource>) -> Self {
        let (to, latest) = watch::channel(None);
        let run = run(node, to).with_current_subscriber();
        Self { latest, task: tokio::spawn(run).abort_handle() }
    }

    /// The latest statistics; waits for the first sample if there is none yet.
    pub(crate) async fn latest(&self) -> HostStats {
        let mut latest = self.latest.clone();
        match latest.wait_for(Option::is_some).await {
            Ok(stats) => stats.clone().unwrap_or_default(),
            // The task ended, which only the runtime's shutdown causes: no statistics, no error.
            Err(_) => HostStats::default(),
        }
    }
}

impl Drop for HostSampler {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(node: Arc<dyn HostSource>, to: watch::Sender<Option<HostStats>>) {
    let mut tick = time::interval(INTERVAL);
    // After a pause one sample is enough.
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let source = Arc::clone(&node);
        match task::spawn_blocking(move || source.stats()).await {
            Ok(stats) => {
                to.send_replace(Some(stats));
            }
            Err(error) => {
                tracing::warn!(target: "client.host_stats", error = %error, "error collecting host stats");
                to.send_if_modified(|latest| latest.replace(HostStats::default()).is_none());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use nomad_wire::agent::HostData;

    use super::*;

    #[derive(Debug, Default)]
    struct Counting(AtomicU64);

    impl HostSource for Counting {
        fn facts(&self) -> HostData {
            HostData::default()
        }

        fn stats(&self) -> HostStats {
            let uptime = self.0.fetch_add(1, Ordering::SeqCst) + 1;
            HostStats { uptime, ..HostStats::default() }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_sample_a_second_and_the_first_is_waited_for() {
        let node = Arc::new(Counting::default());
        let source: Arc<dyn HostSource> = Arc::<Counting>::clone(&node);
        let sampler = HostSampler::start(source);
        assert_eq!(sampler.latest().await.uptime, 1);
        // A second call takes no further sample.
        assert_eq!(sampler.latest().await.uptime, 1);
        let mut latest = sampler.latest.clone();
        latest
            .wait_for(|stats| stats.as_ref().is_some_and(|stats| stats.uptime == 3))
            .await
            .unwrap();
        assert_eq!(sampler.latest().await.uptime, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_sampler_stops() {
        let node: Arc<dyn HostSource> = Arc::new(Counting::default());
        let sampler = HostSampler::start(Arc::clone(&node));
        let mut latest = sampler.latest.clone();
        drop(sampler);
        // The sender goes with the task.
        while latest.changed().await.is_ok() {}
        assert_eq!(Arc::strong_count(&node), 1);
    }
}

//! CPU profiles.

use std::time::Duration;

use super::{Profile, ProfileError};

/// Profiles the whole process for `duration`.
///
/// The profiler belongs to the process and not to an agent, so there is one profile at a time. Dropping the future
/// ends it.
///
/// # Errors
/// [`ProfileError`].
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) async fn cpu(duration: Duration) -> Result<Profile, ProfileError> {
    sampler::record(duration).await
}

/// There is no profiler on this system.
///
/// # Errors
/// Always.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(crate) async fn cpu(_: Duration) -> Result<Profile, ProfileError> {
    Err(ProfileError::Unsupported)
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod sampler {
    use std::time::Duration;

    use jiff::Timestamp;
    use pprof::{Frames, ProfilerGuard, ProfilerGuardBuilder, Symbol};
    use tokio::{task, time};

    use super::super::{Frame, Profile, ProfileError, Sample};

    /// Samples per second of CPU time, as in Go.
    const FREQUENCY: i32 = 100;

    /// Nanoseconds of CPU time that one sample stands for.
    const PERIOD: i64 = 1_000_000_000 / FREQUENCY as i64;

    pub(super) async fn record(duration: Duration) -> Result<Profile, ProfileError> {
        let taken = Timestamp::now();
        let guard = ProfilerGuardBuilder::default()
            .frequency(FREQUENCY)
            .build()
            .map_err(into_profile_error)?;
        time::sleep(duration).await;
        // Symbolizing reads the debug information of the program.
        let resolved = task::spawn_blocking(move || resolve(&guard, taken, duration)).await;
        resolved.map_err(|error| ProfileError::Failed(error.into()))?
    }

    fn resolve(
        guard: &ProfilerGuard<'_>,
        taken: Timestamp,
        duration: Duration,
    ) -> Result<Profile, ProfileError> {
        let report = guard.report().build().map_err(into_profile_error)?;
        let samples = report.data.iter().map(|(frames, count)| {
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            sample(frames, count)
        });
        Ok(Profile {
            kinds: vec![("samples", "count"), ("cpu", "nanoseconds")],
            samples: samples.collect(),
            timestamp: i64::try_from(taken.as_nanosecond()).unwrap_or(i64::MAX),
            duration: i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX),
            period: Some(("cpu", "nanoseconds", PERIOD)),
        })
    }

    fn sample(frames: &Frames, count: i64) -> Sample {
        Sample {
            // A frame holds several symbols where functions were inlined, innermost first too.
            stack: frames.frames.iter().flatten().map(frame).collect(),
            values: vec![count, count.saturating_mul(PERIOD)],
            thread: frames.thread_name_or_id(),
        }
    }

    fn frame(symbol: &Symbol) -> Frame {
        let file = symbol.filename().into_owned();
        Frame {
            name: qualified_name(symbol.name(), &file),
            system_name: symbol.sys_name().into_owned(),
            file,
            line: symbol.lineno.map_or(0, i64::from),
        }
    }

    /// Of an inlined function only the last name is known, `{closure#0}` for example; the file tells it from others
    /// of that name.
    fn qualified_name(name: String, file: &str) -> String {
        let mut parts = file.rsplit('/');
        match (name.contains("::"), parts.next(), parts.next()) {
            (false, Some(file), Some(folder)) => format!("{name} ({folder}/{file})"),
            _ => name,
        }
    }

    fn into_profile_error(error: pprof::Error) -> ProfileError {
        match error {
            pprof::Error::Running => ProfileError::Running,
            error => ProfileError::Failed(error.into()),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::qualified_name;

        #[test]
        fn a_bare_name_is_told_apart_by_its_file() {
            let qualified = |name: &str, file: &str| qualified_name(name.to_owned(), file);
            assert_eq!(
                qualified("{closure#0}", "/src/agent/start.rs"),
                "{closure#0} (agent/start.rs)"
            );
            assert_eq!(qualified("tokio::park", "/src/agent/start.rs"), "tokio::park");
            assert_eq!(qualified("malloc", "Unknown"), "malloc");
        }
    }
}

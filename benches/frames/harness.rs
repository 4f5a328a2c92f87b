//! Every method in each round, and the medians of what the rounds say.

use std::fmt;
use std::hint::black_box;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// One way to do the work. A run does all of it once and returns something that depends on it.
pub(crate) struct Method<'a> {
    pub(crate) name: &'static str,
    pub(crate) run: Box<dyn FnMut() -> u64 + 'a>,
}

impl<'a> Method<'a> {
    pub(crate) fn new(name: &'static str, run: impl FnMut() -> u64 + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }
}

/// How long a method is timed in one round: long against the clock, short against the seconds
/// over which the machine changes its speed.
const SLICE: Duration = Duration::from_millis(1);
/// How often each method is timed in a round; the best counts, being the least disturbed.
const TRIES: usize = 3;
/// Odd, so that the median is one of them.
const ROUNDS: usize = 31;
/// A round over a cold stream takes long enough without being repeated.
const COLD_ROUNDS: usize = 9;
const COLD_TRIES: usize = 1;

/// The times of all methods, by round. The first method is the reference.
pub(crate) struct Table {
    names: Vec<&'static str>,
    /// Nanoseconds per run: one row per round, one column per method.
    rounds: Vec<Vec<f64>>,
    bytes: usize,
}

impl Table {
    /// Measures methods that each work through `bytes` bytes.
    pub(crate) fn measure(mut methods: Vec<Method<'_>>, bytes: usize) -> Self {
        let names = methods.iter().map(|m| m.name).collect();
        let runs: Vec<u32> = methods.iter_mut().map(runs_per_slice).collect();
        let cold = bytes > 8 << 20;
        let (rounds, tries) = if cold { (COLD_ROUNDS, COLD_TRIES) } else { (ROUNDS, TRIES) };
        let count = methods.len();
        let rounds = (0..rounds)
            .map(|round| {
                let mut times = vec![f64::INFINITY; count];
                // Each round begins with another method, so that none always follows the same.
                for i in (0..tries * count).map(|i| (i + round) % count) {
                    let once = time(&mut methods[i], runs[i]) / f64::from(runs[i]);
                    times[i] = times[i].min(once);
                }
                times
            })
            .collect();
        Self { names, rounds, bytes }
    }

    fn median(&self, value: impl Fn(&[f64]) -> f64) -> f64 {
        let mut values: Vec<f64> = self.rounds.iter().map(|round| value(round)).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.names.iter().position(|name| *name == "memchr");
        writeln!(f, "  {:<54} {:>9} {:>10} {:>10}", "", "GB/s", "x naive", "x memchr")?;
        for (i, name) in self.names.iter().enumerate() {
            let speed = self.median(|times| self.bytes as f64 / times[i]);
            let ratio = self.median(|times| times[0] / times[i]);
            write!(f, "  {name:<54} {speed:>9.2} {ratio:>10.2}")?;
            match limit {
                Some(m) => writeln!(f, " {:>10.2}", self.median(|times| times[m] / times[i]))?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

/// Nanoseconds that the processor worked for this thread: while another program has the core, the
/// clock stands.
fn time(method: &mut Method<'_>, runs: u32) -> f64 {
    let now = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
    };
    let start = now();
    for _ in 0..runs {
        black_box((method.run)());
    }
    now() - start
}

/// Also warms the method up.
fn runs_per_slice(method: &mut Method<'_>) -> u32 {
    let once = (time(method, 1) + time(method, 1)).max(1.0) / 2.0;
    (SLICE.as_nanos() as f64 / once).clamp(1.0, 1e6) as u32
}

//! Durations as Go prints them.

/// Nanoseconds as Go prints them: `0s`, `89.98µs`, `1.5s`, `72h0m0s`.
pub(crate) fn go_duration(nanos: u64) -> String {
    const SECOND: u64 = 1_000_000_000;
    match nanos {
        0 => "0s".into(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => fraction(nanos, 1_000, "µs"),
        1_000_000..SECOND => fraction(nanos, 1_000_000, "ms"),
        _ => {
            let (minutes, rest) = (nanos / SECOND / 60, nanos % (60 * SECOND));
            let seconds = fraction(rest, SECOND, "s");
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, minutes) => format!("{minutes}m{seconds}"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
            }
        }
    }
}

/// `nanos` in `unit`s, with as many decimals as needed and no trailing zero.
fn fraction(nanos: u64, unit: u64, name: &str) -> String {
    let (whole, rest) = (nanos / unit, nanos % unit);
    if rest == 0 {
        return format!("{whole}{name}");
    }
    let digits = unit.ilog10() as usize;
    let decimals = format!("{rest:0digits$}");
    format!("{whole}.{}{name}", decimals.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::go_duration;

    #[test]
    fn reads_as_go_prints() {
        for (nanos, text) in [
            (0, "0s"),
            (999, "999ns"),
            (89_980, "89.98µs"),
            (106_623, "106.623µs"),
            (1_500_000, "1.5ms"),
            (1_000_000_000, "1s"),
            (13_050_000_000, "13.05s"),
            (60_000_000_000, "1m0s"),
            (90_500_000_000, "1m30.5s"),
            (259_200_000_000_000, "72h0m0s"),
        ] {
            assert_eq!(go_duration(nanos), text);
        }
    }
}

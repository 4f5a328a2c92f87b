//! `/v1/client/*`

mod stats;

pub(crate) use self::stats::stats;

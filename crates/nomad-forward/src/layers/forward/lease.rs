//! How long a call holds its connection.

use nomad_wire::call::CallClass;

use crate::connect::Lease;

/// How long it will hold its connection. An agent stops counting a connection when it is upgraded. What changes something
/// may wait for minutes, but that it must be possible counts for more.
pub(super) const fn lease(class: CallClass) -> Lease {
    match class {
        CallClass::Read
        | CallClass::SlowRead
        | CallClass::Profile(_)
        | CallClass::Change
        | CallClass::Upgrade => Lease::Short,
        CallClass::Blocking(_) => Lease::Blocking,
        CallClass::Stream(_) => Lease::Stream,
    }
}

//! [`Route`] → path.

use super::{Parameter, Route, path::encode};

/// The template of the call, with its parameter in place.
pub(super) fn path(route: &Route) -> String {
    let template = route.spec().path;
    let parameter = match route.parameter() {
        Parameter::None => return template.into(),
        Parameter::Profile(profile) => encode(profile),
        Parameter::Allocation(id) => encode(id.to_string()),
    };
    let (before, rest) = template.split_once(':').unwrap_or((template, ""));
    let after = rest.find('/').map_or("", |slash| &rest[slash..]);
    format!("{before}{parameter}{after}")
}

//! What the other `/v1` calls require, as far as that can be known without the server's state.
//!
//! A gateway leaves these calls to the servers. The table is for whoever asks *why*.

mod table;

use std::fmt;

use http::Method;

use super::Requirement;

/// What a call below `/v1` that is no agent or client call demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerRequirement {
    /// These rights, about this object.
    Capabilities(Requirement, SubjectSource),
    /// It depends on what the servers hold or on the body of the request; ask a server.
    ServerDecides,
}

/// Which object the rights of a [`ServerRequirement`] are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubjectSource {
    /// No object.
    Nothing,
    /// The namespace that the request names.
    Request,
    /// The namespace of the allocation, deployment or volume that the path names.
    Object,
    /// What the path names itself: a node pool, a namespace, a variable.
    Path,
}

impl ServerRequirement {
    /// What a call demands, by its method and path; the path starts with `/v1/`.
    ///
    /// ```
    /// use http::Method;
    /// use nomad_acl::ServerRequirement;
    ///
    /// let demand = ServerRequirement::for_call(&Method::GET, "/v1/job/web/versions");
    /// assert_eq!(demand.to_string(), "namespace:read-job in the namespace of the request");
    /// assert_eq!(ServerRequirement::for_call(&Method::PUT, "/v1/jobs"), ServerRequirement::ServerDecides);
    /// ```
    #[must_use]
    pub fn for_call(method: &Method, path: &str) -> Self {
        let path = path.strip_prefix("/v1/").unwrap_or(path);
        let changes = !matches!(*method, Method::GET | Method::HEAD);
        let verb = match *method {
            Method::DELETE => table::Verb::Delete,
            _ if changes => table::Verb::Write,
            _ => table::Verb::Read,
        };
        table::ROWS
            .iter()
            .find(|row| row.verb == verb && matches_path(row.path, path))
            .map_or(Self::ServerDecides, |row| row.requirement)
    }
}

/// Segment by segment; `:` stands for one segment, `*` for whatever follows.
fn matches_path(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    for wanted in pattern.split('/') {
        match (wanted, segments.next()) {
            ("*", Some(_)) => return true,
            (":", Some(found)) if !found.is_empty() => {}
            (wanted, Some(found)) if wanted == found => {}
            _ => return false,
        }
    }
    segments.next().is_none()
}

impl fmt::Display for ServerRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServerDecides => f.write_str("the server decides"),
            Self::Capabilities(requirement, about) => {
                let about = match about {
                    SubjectSource::Nothing => "",
                    SubjectSource::Request => " in the namespace of the request",
                    SubjectSource::Object => " in the namespace of the object",
                    SubjectSource::Path => " on what the path names",
                };
                write!(f, "{requirement}{about}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fit_segment_by_segment() {
        assert!(matches_path("job/:", "job/web") && matches_path("system/*", "system/gc/x"));
        assert!(
            !matches_path("job/:", "job/")
                && !matches_path("job/:", "job/web/plan")
                && !matches_path("jobs", "job")
        );
    }

    #[test]
    fn no_row_hides_behind_an_earlier_one() {
        for (index, row) in table::ROWS.iter().enumerate() {
            let path = row.path.replace(':', "some").replace('*', "more");
            let first = table::ROWS
                .iter()
                .position(|other| other.verb == row.verb && matches_path(other.path, &path));
            assert_eq!(first, Some(index), "{}", row.path);
        }
    }
}

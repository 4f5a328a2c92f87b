//! Which service names may be looked up in the journal.

use http::StatusCode;

use crate::error::AgentError;

/// systemd's limit for unit names.
const MAX_NAME: usize = 255;

/// systemd's unit types.
const SUFFIXES: [&str; 11] = [
    "service",
    "socket",
    "device",
    "mount",
    "automount",
    "swap",
    "target",
    "path",
    "timer",
    "slice",
    "scope",
];

/// Refuses what is not the name of a unit of Nomad's: it becomes an argument of a program.
///
/// # Errors
/// 422 with Nomad's text.
pub(super) fn check(name: &str) -> Result<(), AgentError> {
    let refused =
        |text: String| Err(AgentError::with_status(StatusCode::UNPROCESSABLE_ENTITY, text));
    if name.len() > MAX_NAME {
        return refused("service name too long".to_owned());
    }
    if !name.contains("nomad") {
        // The quote is unterminated in Nomad, too.
        return refused("service name must include 'nomad".to_owned());
    }
    let prefix = match name.rsplit_once('.') {
        Some((_, suffix)) if !SUFFIXES.contains(&suffix) => {
            return refused("invalid suffix".to_owned());
        }
        Some((prefix, _)) => prefix.replace('.', ""),
        None => name.to_owned(),
    };
    if is_unit(&prefix) {
        Ok(())
    } else {
        refused(format!("{prefix} does not meet systemd conventions"))
    }
}

/// A name, or a name and an instance with an `@` between them; neither can be an option of the program.
fn is_unit(prefix: &str) -> bool {
    let is_word = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'\\' | b'-'))
    };
    match prefix.split_once('@') {
        None => is_word(prefix),
        Some((name, instance)) => is_word(name) && !instance.is_empty() && is_word(instance),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_nomad_may_be_looked_up() {
        for name in [
            "nomad",
            "nomad.socket",
            "nomad-client.service",
            "nomad.client.02.swap",
            "nomadhelper@54.device",
        ] {
            assert!(check(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn everything_else_is_refused_in_nomads_words() {
        let said = |name: &str| check(name).unwrap_err().into_http_error();
        for (name, text) in [
            ("1.\\@_-nomad@", "invalid suffix"),
            ("1./@_-nomad@.automount", "1/@_-nomad@ does not meet systemd conventions"),
            ("docker.path", "service name must include 'nomad"),
            ("nomad.path.gotcha", "invalid suffix"),
            ("nomad/8.path", "nomad/8 does not meet systemd conventions"),
            ("nomad%.path", "nomad% does not meet systemd conventions"),
            ("nom4ad.path", "service name must include 'nomad"),
            ("nomad,.path", "nomad, does not meet systemd conventions"),
            ("nomad.client", "invalid suffix"),
            ("nomad!.path", "nomad! does not meet systemd conventions"),
            ("nomad%http.timer", "nomad%http does not meet systemd conventions"),
            ("nomad,http.mount", "nomad,http does not meet systemd conventions"),
            ("nomad$http.service", "nomad$http does not meet systemd conventions"),
            ("nomad$.http.service", "nomad$http does not meet systemd conventions"),
            ("nomad$", "nomad$ does not meet systemd conventions"),
            ("nomad%", "nomad% does not meet systemd conventions"),
        ] {
            assert_eq!((said(name).status().as_u16(), said(name).text()), (422, text), "{name}");
        }
        assert_eq!(said(&"nomad".repeat(52)).text(), "service name too long");
    }
}

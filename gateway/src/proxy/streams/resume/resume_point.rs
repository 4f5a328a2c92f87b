//! The file and the byte at which a client's stream continues.

/// The position after the last byte that a caller has, or was said to begin at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResumePoint {
    /// The file, as frames name it.
    pub(super) file: String,
    /// The next byte in it.
    pub(super) next_byte: u64,
    /// Counted from a beginning that is known, and not from an offset that an agent claimed.
    pub(super) is_exact: bool,
}

/// The number of a log file: what follows the stem that all files of this log share.
pub(super) fn log_file_number(stem: &str, file: &str) -> Option<u64> {
    let digits = file.strip_prefix(stem)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_this_log_have_a_number() {
        let stem = "alloc/logs/web.stdout.";
        assert_eq!(log_file_number(stem, "alloc/logs/web.stdout.12"), Some(12));
        for other in
            ["alloc/logs/web.stderr.1", "alloc/logs/web.stdout.", "alloc/logs/web.stdout.+1"]
        {
            assert_eq!(log_file_number(stem, other), None, "{other}");
        }
    }
}

//! The log file and position to start with.

use nomad_wire::query::Origin;

/// One log file of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogFileInfo {
    pub(crate) index: i64,
    pub(crate) size: u64,
}

/// The file and position that an offset means. `files` are ordered by index; `None` if there are none.
///
/// Offsets run over the files as if they were one. From the end, an offset of 0 means the whole newest file, and a
/// negative one a position in it; from the start, a negative one counts back from the end of the oldest. That is
/// how Nomad reads them, and `nomad alloc logs -f` requests the end with offset 0.
pub(crate) fn start_position(
    files: &[LogFileInfo],
    origin: Origin,
    offset: i64,
) -> Option<(i64, u64)> {
    match origin {
        Origin::Start => position_from(files, i64::MIN, offset),
        Origin::End => position_from(files, i64::MAX, offset.saturating_neg()),
    }
}

/// The position `offset` bytes after the beginning of file `index`, or before its end if negative. Takes the first
/// file that is not older than `index`, or the newest.
fn position_from(files: &[LogFileInfo], index: i64, offset: i64) -> Option<(i64, u64)> {
    let last = files.len().checked_sub(1)?;
    let at = files.partition_point(|file| file.index < index).min(last);
    let bytes = offset.unsigned_abs();
    Some(if offset < 0 { backward(&files[..=at], bytes) } else { forward(&files[at..], bytes) })
}

/// Walks from the beginning of the first file. An offset past everything is the end of the last.
fn forward(files: &[LogFileInfo], mut bytes: u64) -> (i64, u64) {
    let mut position = (0, 0);
    for file in files {
        position = (file.index, bytes.min(file.size));
        if bytes <= file.size {
            break;
        }
        bytes -= file.size;
    }
    position
}

/// Walks from the end of the last file. An offset before everything is the beginning of the first.
fn backward(files: &[LogFileInfo], mut bytes: u64) -> (i64, u64) {
    let mut position = (0, 0);
    for file in files.iter().rev() {
        position = (file.index, file.size.saturating_sub(bytes));
        if bytes <= file.size {
            break;
        }
        bytes -= file.size;
    }
    position
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn files<const N: usize>() -> [LogFileInfo; N] {
        let mut files = [LogFileInfo { index: 0, size: 100 }; N];
        let mut index = 0;
        while index < N {
            files[index].index = index as i64;
            index += 1;
        }
        files
    }

    #[test]
    fn offsets_lead_where_nomad_goes() {
        let stdout = files::<4>();
        let max = i64::MAX;
        let cases = [
            (0, 0, (0, 0)),
            (0, -100, (0, 0)),
            (1, -1000, (0, 0)),
            (1, 0, (1, 0)),
            (1, 10, (1, 10)),
            (1, 110, (2, 10)),
            (max, 0, (3, 0)),
            (max, max, (3, 100)),
            (max, -10, (3, 90)),
        ];
        for (index, offset, expected) in cases {
            assert_eq!(position_from(&stdout, index, offset), Some(expected), "{index}, {offset}");
        }
        let stderr = files::<3>();
        assert_eq!(
            [0, 1, max].map(|index| position_from(&stderr, index, 0)),
            [Some((0, 0)), Some((1, 0)), Some((2, 0))]
        );
        assert_eq!(position_from(&[], 0, 0), None);
    }

    #[test]
    fn origins_count_from_their_side() {
        let logs = files::<4>();
        let cases = [
            (Origin::Start, 0, (0, 0)),
            (Origin::Start, 100, (0, 100)),
            (Origin::Start, 101, (1, 1)),
            (Origin::Start, 1_000_000, (3, 100)),
            (Origin::Start, -30, (0, 70)),
            (Origin::Start, -1000, (0, 0)),
            (Origin::End, 0, (3, 0)),
            (Origin::End, 150, (2, 50)),
            (Origin::End, 1_000_000, (0, 0)),
            (Origin::End, -30, (3, 30)),
            (Origin::End, -130, (3, 100)),
            (Origin::End, i64::MIN, (3, 100)),
        ];
        for (origin, offset, expected) in cases {
            assert_eq!(
                start_position(&logs, origin, offset),
                Some(expected),
                "{origin:?}, {offset}"
            );
        }
    }

    #[test]
    fn purged_files_and_gaps_are_nothing_special() {
        let logs = [LogFileInfo { index: 7, size: 10 }, LogFileInfo { index: 13, size: 10 }];
        assert_eq!(start_position(&logs, Origin::Start, 0), Some((7, 0)));
        assert_eq!(start_position(&logs, Origin::Start, 15), Some((13, 5)));
        assert_eq!(start_position(&logs, Origin::End, 15), Some((7, 5)));
    }
}

//! File modes as Go writes them.

use rustix::fs::FileType;

const SET_USER: u32 = 0o4000;
const SET_GROUP: u32 = 0o2000;
const STICKY: u32 = 0o1000;

/// The mode as Go's `FileMode` prints it: letters for special bits, then nine for the permissions.
pub(super) fn go_mode(raw: u32) -> String {
    let special = match FileType::from_raw_mode(raw) {
        FileType::Directory => "d",
        FileType::Symlink => "L",
        FileType::Fifo => "p",
        FileType::Socket => "S",
        FileType::BlockDevice => "D",
        // Go puts the letter of character devices after those of set-user and set-group, which no device has.
        FileType::CharacterDevice => "Dc",
        FileType::RegularFile => "",
        FileType::Unknown => "?",
    };
    let mut text = special.to_owned();
    for (bit, letter) in [(SET_USER, 'u'), (SET_GROUP, 'g'), (STICKY, 't')] {
        if raw & bit != 0 {
            text.push(letter);
        }
    }
    if text.is_empty() {
        text.push('-');
    }
    let permissions = "rwxrwxrwx".chars().zip((0..9).rev());
    text.extend(permissions.map(|(letter, bit)| if raw & (1 << bit) == 0 { '-' } else { letter }));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_read_as_go_prints_them() {
        let modes = [
            0o040_777, 0o100_644, 0o041_777, 0o120_777, 0o010_600, 0o104_755, 0o020_666, 0o060_660,
        ]
        .map(go_mode);
        let expected = [
            "drwxrwxrwx",
            "-rw-r--r--",
            "dtrwxrwxrwx",
            "Lrwxrwxrwx",
            "prw-------",
            "urwxr-xr-x",
            "Dcrw-rw-rw-",
            "Drw-rw----",
        ];
        assert_eq!(modes, expected);
    }
}

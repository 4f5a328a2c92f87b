//! What Go accepts, what it refuses, and where.

use std::io::Read as _;

use super::*;

/// Every way to decode says the same.
fn check(raw: &[u8], expect: Result<&[u8], PayloadError>) {
    let payload = Payload::new(raw);
    let shown = String::from_utf8_lossy(raw);
    let (mut vec, mut bytes) = (b"before".to_vec(), BytesMut::from(&b"before"[..]));
    let result = payload.decode_into(&mut vec);
    assert_eq!(payload.decode_into(&mut bytes), result, "{shown}");
    assert_eq!(vec, bytes);
    assert_eq!(result.map(|_| &vec[6..]), expect, "{shown}");
    let mut read = Vec::new();
    assert_eq!(payload.reader().read_to_end(&mut read).is_ok(), expect.is_ok(), "{shown}");
    if let Ok(expect) = expect {
        assert_eq!(read, expect, "{shown}");
        assert_eq!(payload.decoded_len(), expect.len(), "{shown}");
        let mut slice = vec![0; expect.len()];
        assert_eq!(payload.decode_slice(&mut slice), Ok(expect.len()), "{shown}");
        if let Some(short) = expect.len().checked_sub(1) {
            let no_room = Err(PayloadError::BufferTooSmall { needed: expect.len() });
            assert_eq!(payload.decode_slice(&mut slice[..short]), no_room, "{shown}");
        }
    } else {
        assert_eq!(vec, b"before");
    }
}

#[test]
fn what_go_accepts() {
    check(b"", Ok(b""));
    check(b"eA==", Ok(b"x"));
    check(b"eHg=", Ok(b"xx"));
    check(b"eHh4", Ok(b"xxx"));
    check(b"eB==", Ok(b"x"));
    check(br"e\nA\r=\n=\r\n", Ok(b"x"));
    check(br"\n", Ok(b""));
    check(br"\u0065\u0048\u0068\u0034", Ok(b"xxx"));
    check(br"\/\/\/\/++++", Ok(&[255, 255, 255, 0xfb, 0xef, 0xbe]));
}

#[test]
fn what_go_refuses_and_where() {
    check(b"eA", Err(PayloadError::Incomplete { at: 2 }));
    check(b"eA=", Err(PayloadError::Incomplete { at: 3 }));
    check(b"e", Err(PayloadError::Incomplete { at: 1 }));
    check(b"=", Err(PayloadError::Padding { at: 0 }));
    check(b"e===", Err(PayloadError::Padding { at: 1 }));
    check(b"eA=A", Err(PayloadError::Padding { at: 3 }));
    check(b"eA==eA==", Err(PayloadError::Padding { at: 4 }));
    check(b"eHg==", Err(PayloadError::Padding { at: 4 }));
    check(b"eHh4=", Err(PayloadError::Padding { at: 4 }));
    check(b"eH-4", Err(PayloadError::Symbol { at: 2 }));
    check(b"eH 4", Err(PayloadError::Symbol { at: 2 }));
    check("eHé4".as_bytes(), Err(PayloadError::Symbol { at: 2 }));
    check(br"eH\t4", Err(PayloadError::Symbol { at: 2 }));
    check(br"eH\u00e94", Err(PayloadError::Symbol { at: 2 }));
    check(b"eH\n4", Err(PayloadError::Control { at: 2 }));
    check(br"eH\q4", Err(PayloadError::Escape { at: 2 }));
    check(br"eH\u12", Err(PayloadError::Escape { at: 2 }));
}

#[test]
fn a_small_buffer_changes_no_result() {
    let mut room = [0; 6];
    let mut decode = |raw, room_for| Payload::new(raw).decode_slice(&mut room[..room_for]);
    assert_eq!(decode(b"eHh4eA==", 4), Ok(4));
    assert_eq!(decode(b"eHh4eB==", 4), Ok(4));
    assert_eq!(decode(b"eA==eA==", 4), Err(PayloadError::Padding { at: 4 }));
    assert_eq!(decode(b"eA==eHh4", 4), Err(PayloadError::Padding { at: 4 }));
    assert_eq!(decode(b"eHh4e===", 4), Err(PayloadError::Padding { at: 5 }));
    assert_eq!(decode(b"eHh4eA==", 3), Err(PayloadError::BufferTooSmall { needed: 4 }));
}

#[test]
fn long_payloads_are_decoded_across_pieces() {
    for len in [3_069, 3_072, 3_073, 4_095, 12_289, 65_536] {
        let data: Vec<u8> = (0..len).map(|i| (i * 7 % 251) as u8).collect();
        let mut plain = vec![0; base64::encoded_len(len)];
        base64::encode(&data, &mut plain);
        check(&plain, Ok(&data));
        // One escape, and a line break that throws all groups after it out of step.
        for at in [1, 4_085, 4_090, 4_091] {
            let escaped = [&plain[..at], br"\r\n", &plain[at..]].concat();
            check(&escaped, Ok(&data));
        }
        let mut wrong = plain.clone();
        wrong[len / 2] = b'*';
        check(&wrong, Err(PayloadError::Symbol { at: len / 2 }));
        wrong[len / 2] = b'=';
        check(&wrong, Err(PayloadError::Padding { at: len / 2 + usize::from(len / 2 % 4 >= 2) }));
    }
}

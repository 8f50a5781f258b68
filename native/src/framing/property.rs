//! Whatever comes, however it is cut: messages are found as by a reader that has it all at once.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Encoding, Unframer, code};

const MOST_BYTES: usize = 40;

/// What the bytes hold: messages, then the code of the failure that ends them, if any.
type Found = (Vec<Vec<u8>>, Option<i32>);

fn naive(mut bytes: &[u8]) -> Found {
    let mut found = Vec::new();
    while let [flag, a, b, c, d, rest @ ..] = bytes {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        if length > MOST_BYTES {
            return (found, Some(code::RESOURCE_EXHAUSTED));
        }
        let Some((message, rest)) = rest.split_at_checked(length) else { break };
        match flag {
            0 => found.push(message.to_vec()),
            1 => {
                let (mut rest, mut expanded) = (message, Vec::new());
                let is_whole = GzDecoder::new(&mut rest).read_to_end(&mut expanded).is_ok();
                if expanded.len() > MOST_BYTES {
                    return (found, Some(code::RESOURCE_EXHAUSTED));
                } else if !is_whole {
                    return (found, Some(code::INTERNAL));
                }
                found.push(expanded);
            }
            _ => return (found, Some(code::INTERNAL)),
        }
        bytes = rest;
    }
    (found, None)
}

fn found_in_parts(bytes: &[u8], cuts: &[usize]) -> Found {
    let mut unframer = Unframer::new(Encoding::Gzip, MOST_BYTES);
    let mut found = Vec::new();
    let mut rest = bytes;
    for cut in cuts.iter().copied().chain([usize::MAX]) {
        let (part, after) = rest.split_at(cut.min(rest.len()));
        unframer.push(&Bytes::copy_from_slice(part));
        rest = after;
        loop {
            match unframer.next() {
                Ok(Some(message)) => found.push(message.to_vec()),
                Ok(None) => break,
                Err(status) => return (found, Some(status.code)),
            }
        }
    }
    (found, None)
}

fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[flag][..], &length.to_be_bytes(), message].concat()
}

fn gzipped(message: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(message).unwrap();
    encoder.finish().unwrap()
}

/// Frames that are mostly well made: plain, compressed, compressed badly, beyond the limit; or any bytes.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => vec(any::<u8>(), 0..=MOST_BYTES + 2).prop_map(|message| framed(0, &message)),
        3 => vec(0u8..2, 0..=MOST_BYTES + 2).prop_map(|message| framed(1, &gzipped(&message))),
        1 => (0u8..4, vec(any::<u8>(), 0..20)).prop_map(|(flag, message)| framed(flag, &message)),
        1 => vec(any::<u8>(), 0..20),
    ]
}

proptest! {
    #[test]
    fn messages_are_those_a_naive_reader_finds(pieces in vec(pieces(), 0..6), cuts in vec(0usize..30, 0..12)) {
        let bytes = pieces.concat();
        prop_assert_eq!(found_in_parts(&bytes, &cuts), naive(&bytes));
    }
}

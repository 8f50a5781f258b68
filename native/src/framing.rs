//! gRPC's own layer: messages in their frames, timeouts, statuses. Pure, without I/O.
//! Source: the gRPC over HTTP/2 protocol description, "Requests" and "Responses".

use std::io::Read;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use flate2::bufread::{GzDecoder, ZlibDecoder};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode, percent_encode};

const PREFIX_BYTES: usize = 5;
/// What a status message may not hold as it is: all but printable ASCII, and the percent sign itself.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

pub const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// The codes this layer gives itself.
pub mod code {
    pub const OK: i32 = 0;
    pub const CANCELLED: i32 = 1;
    pub const DEADLINE_EXCEEDED: i32 = 4;
    pub const RESOURCE_EXHAUSTED: i32 = 8;
    pub const UNIMPLEMENTED: i32 = 12;
    pub const INTERNAL: i32 = 13;
    pub const UNAVAILABLE: i32 = 14;
}

/// How a call ends. `details` is a serialized google.rpc.Status, or empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub code: i32,
    pub message: String,
    pub details: Vec<u8>,
}

impl Status {
    pub fn ok() -> Self {
        Self::new(code::OK, "")
    }

    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new() }
    }

    /// What trailers say; None if they say nothing of a status.
    pub fn of_trailers(trailers: &HeaderMap) -> Option<Self> {
        let code = trailers.get(GRPC_STATUS)?.to_str().ok()?.parse().ok()?;
        let message = trailers.get(GRPC_MESSAGE).map_or(&[][..], |value| value.as_bytes());
        Some(Self::new(code, percent_decode(message).decode_utf8_lossy()))
    }

    /// The trailers that say it.
    pub fn trailers(&self) -> HeaderMap {
        let mut trailers = HeaderMap::with_capacity(3);
        trailers.insert(GRPC_STATUS, HeaderValue::from(self.code));
        if !self.message.is_empty() {
            let escaped = percent_encode(self.message.as_bytes(), ESCAPED).to_string();
            if let Ok(value) = HeaderValue::from_str(&escaped) {
                trailers.insert(GRPC_MESSAGE, value);
            }
        }
        if !self.details.is_empty() {
            let encoded = STANDARD_NO_PAD.encode(&self.details);
            if let Ok(value) = HeaderValue::from_str(&encoded) {
                trailers.insert(GRPC_DETAILS, value);
            }
        }
        trailers
    }
}

/// A message in its frame, never compressed.
pub fn framed(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).expect("the caller bounds messages"));
    frame.put_slice(message);
    frame.freeze()
}

/// The time a client allows, from `grpc-timeout`: up to eight digits and a unit. None if it cannot be read.
pub fn timeout_of(header: &str) -> Option<Duration> {
    let (digits, unit) = header.split_at_checked(header.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// How the messages of a request are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
    Deflate,
}

/// What a server of this kind accepts, for `grpc-accept-encoding`.
pub const ACCEPTED: &str = "identity,deflate,gzip";

impl Encoding {
    /// The encoding of that name. Fails with the status that refuses it.
    pub fn of(name: &str) -> Result<Self, Status> {
        match name {
            "identity" => Ok(Self::Identity),
            "gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            _ => Err(Status::new(
                code::UNIMPLEMENTED,
                format!("messages compressed by {name} are not supported, only {ACCEPTED}"),
            )),
        }
    }
}

/// Takes messages out of the bytes of a request as they come in.
pub struct Unframer {
    bytes: BytesMut,
    encoding: Encoding,
    most_bytes: usize,
}

impl Unframer {
    /// `most_bytes`: of a message, compressed or not.
    pub fn new(encoding: Encoding, most_bytes: usize) -> Self {
        Self { bytes: BytesMut::new(), encoding, most_bytes }
    }

    /// How many bytes wait for the rest of their message.
    pub fn waiting_bytes(&self) -> usize {
        self.bytes.len()
    }

    pub fn push(&mut self, part: &Bytes) {
        self.bytes.extend_from_slice(part);
    }

    /// The next message if it is complete. Fails with the status that ends the call: too large, or not what it says.
    pub fn next(&mut self) -> Result<Option<Bytes>, Status> {
        if self.bytes.len() < PREFIX_BYTES {
            return Ok(None);
        }
        let length = u32::from_be_bytes([self.bytes[1], self.bytes[2], self.bytes[3], self.bytes[4]]) as usize;
        if length > self.most_bytes {
            return Err(self.too_large(length));
        }
        if self.bytes.len() < PREFIX_BYTES + length {
            return Ok(None);
        }
        let flag = self.bytes[0];
        self.bytes.advance(PREFIX_BYTES);
        let message = self.bytes.split_to(length).freeze();
        match flag {
            0 => Ok(Some(message)),
            1 => self.expanded(&message).map(Some),
            _ => Err(Status::new(code::INTERNAL, format!("a message begins with {flag}, and only 0 and 1 are known"))),
        }
    }

    fn expanded(&self, message: &[u8]) -> Result<Bytes, Status> {
        let (expanded, rest) = match self.encoding {
            Encoding::Gzip => {
                let mut decoder = GzDecoder::new(message);
                (self.read(&mut decoder)?, decoder.into_inner())
            }
            Encoding::Deflate => {
                let mut decoder = ZlibDecoder::new(message);
                (self.read(&mut decoder)?, decoder.into_inner())
            }
            Encoding::Identity => {
                return Err(Status::new(code::INTERNAL, "a message is compressed and grpc-encoding does not say how"));
            }
        };
        if !rest.is_empty() {
            let text = format!("a message cannot be decompressed: {} bytes are left over", rest.len());
            return Err(Status::new(code::INTERNAL, text));
        }
        Ok(expanded)
    }

    fn read(&self, decoder: &mut impl Read) -> Result<Bytes, Status> {
        let mut expanded = Vec::new();
        match decoder.take(self.most_bytes as u64 + 1).read_to_end(&mut expanded) {
            Ok(read) if read > self.most_bytes => Err(self.too_large(read)),
            Ok(_) => Ok(Bytes::from(expanded)),
            Err(error) => Err(Status::new(code::INTERNAL, format!("a message cannot be decompressed: {error}"))),
        }
    }

    fn too_large(&self, length: usize) -> Status {
        let most = self.most_bytes;
        Status::new(code::RESOURCE_EXHAUSTED, format!("Received message larger than max ({length} vs. {most})"))
    }
}

#[cfg(test)]
mod property;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn compressed_frame(bytes: &[u8]) -> Bytes {
        let mut frame = BytesMut::from(&framed(bytes)[..]);
        frame[0] = 1;
        frame.freeze()
    }

    #[test]
    fn a_message_is_found_however_its_bytes_come_in() {
        let stream = [framed(b"one"), framed(b""), framed(b"three")].concat();
        let mut unframer = Unframer::new(Encoding::Identity, 100);
        let mut found = Vec::new();
        for byte in stream {
            unframer.push(&Bytes::from(vec![byte]));
            while let Some(message) = unframer.next().unwrap() {
                found.push(message);
            }
        }
        assert_eq!(found, [&b"one"[..], b"", b"three"]);
        assert_eq!(unframer.waiting_bytes(), 0);
    }

    #[test]
    fn a_message_that_says_it_is_too_large_is_refused_before_it_comes() {
        let mut unframer = Unframer::new(Encoding::Identity, 10);
        unframer.push(&Bytes::from_static(&[0, 0, 0, 0, 11]));
        let refusal = unframer.next().unwrap_err();
        assert_eq!((refusal.code, refusal.message.as_str()), (8, "Received message larger than max (11 vs. 10)"));
    }

    #[test]
    fn compressed_messages_are_expanded_within_the_bound() {
        for most in [1_000_000, 999_999] {
            let mut unframer = Unframer::new(Encoding::Gzip, most);
            unframer.push(&compressed_frame(&gzipped(&vec![7; 1_000_000])));
            match unframer.next() {
                Ok(message) => assert_eq!((most, message.unwrap().len()), (1_000_000, 1_000_000)),
                Err(refusal) => assert_eq!((most, refusal.code), (999_999, code::RESOURCE_EXHAUSTED)),
            }
        }
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"hello").unwrap();
        let mut unframer = Unframer::new(Encoding::Deflate, 100);
        unframer.push(&compressed_frame(&encoder.finish().unwrap()));
        assert_eq!(unframer.next().unwrap().unwrap(), &b"hello"[..]);
    }

    #[test]
    fn what_is_not_compressed_as_it_says_is_refused() {
        let followed = [gzipped(b"one"), b"two".to_vec()].concat();
        let cut = &gzipped(b"whole")[..10];
        for (encoding, message) in [
            (Encoding::Gzip, &b"no gzip"[..]),
            (Encoding::Gzip, &followed),
            (Encoding::Gzip, cut),
            (Encoding::Deflate, &gzipped(b"gzip")),
            (Encoding::Identity, b"whatever"),
        ] {
            let mut unframer = Unframer::new(encoding, 100);
            unframer.push(&compressed_frame(message));
            assert_eq!(unframer.next().unwrap_err().code, code::INTERNAL);
        }
        let mut unframer = Unframer::new(Encoding::Identity, 100);
        unframer.push(&Bytes::from_static(&[2, 0, 0, 0, 0]));
        assert_eq!(unframer.next().unwrap_err().code, code::INTERNAL);
        assert_eq!(Encoding::of("br").unwrap_err().code, code::UNIMPLEMENTED);
    }

    #[test]
    fn timeouts_are_read_in_every_unit_and_nothing_else_is() {
        let read = |text| timeout_of(text).map(|timeout| timeout.as_nanos());
        assert_eq!(read("2H"), Some(7_200_000_000_000));
        assert_eq!(read("99999999S"), Some(99_999_999_000_000_000));
        assert_eq!(read("1M"), Some(60_000_000_000));
        assert_eq!((read("5m"), read("5u"), read("5n")), (Some(5_000_000), Some(5_000), Some(5)));
        for wrong in ["", "S", "1", "123456789S", "-1S", "1.5S", "1s", "1é", "é"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn trailers_escape_what_headers_cannot_hold() {
        let status = Status { code: 3, message: "100 % é\n".into(), details: vec![0, 255] };
        let trailers = status.trailers();
        assert_eq!(trailers["grpc-status"], "3");
        assert_eq!(trailers["grpc-message"], "100 %25 %C3%A9%0A");
        assert_eq!(trailers["grpc-status-details-bin"], "AP8");
        assert_eq!(Status::of_trailers(&trailers), Some(Status::new(3, "100 % é\n")));
        assert_eq!(Status::of_trailers(&HeaderMap::new()), None);
        assert_eq!(Status::ok().trailers().len(), 1);
    }
}

//! Any text as a frame, and any bytes as what is in a message that was sealed by
//! its key: no panic, a frame has one text, and what was opened is sealed and
//! opened alike.
#![no_main]

use aws_lc_rs::cipher::{AES_128, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_server::sinch::frame::Frame;
use countersign_server::sinch::sealed::{IV_BYTES, KEY_BYTES, TransportKey};
use libfuzzer_sys::fuzz_target;

const KEY: [u8; KEY_BYTES] = [0x22; KEY_BYTES];
const IV: [u8; IV_BYTES] = [7; IV_BYTES];

fuzz_target!(|bytes: &[u8]| {
    let key = TransportKey::new(KEY);
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(frame) = Frame::parse(text)
    {
        assert_eq!(frame.to_string(), text);
        drop(key.open(frame.chunk));
    }
    if let Ok(payload) = key.open(&sealed(bytes)) {
        let again = key.open(&key.seal(IV, &payload));
        assert_eq!(again, Ok(payload));
    }
});

fn sealed(text: &[u8]) -> String {
    let key = UnboundCipherKey::new(&AES_128, &KEY).expect("the key has 16 bytes");
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).expect("the key is one of AES");
    let mut sealed = text.to_vec();
    key.less_safe_encrypt(&mut sealed, EncryptionContext::Iv128(FixedLength::from(IV)))
        .expect("any bytes can be encrypted");
    STANDARD.encode([&IV[..], &sealed].concat())
}

//! Any text: no panic, and a text that was taken apart is the only one for its
//! parts.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_credential::jws::{compact, header};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(compact) = compact::split(text) else {
        return;
    };
    let again = [&compact.header, &compact.payload, &compact.signature]
        .map(|part| URL_SAFE_NO_PAD.encode(part))
        .join(".");
    assert_eq!(again, text);
    drop(header::read_header(&compact.header));
});

//! Any bytes: no panic, and what was read is read alike again.
#![no_main]

use countersign_credential::json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let value = json::read(bytes);
    assert_eq!(value, json::read(bytes));
    let object = json::read_object(bytes);
    assert_eq!(
        object.is_ok(),
        value.is_ok_and(|value| value.as_object().is_some())
    );
});

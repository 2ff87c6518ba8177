//! Any text as a user's name, id and address: no panic, and what was taken is
//! taken again as it is.
#![no_main]

use countersign_credential::subject::{Email, ExternalId, UserName};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(name) = UserName::parse(text) {
        assert_eq!(name.as_str(), text);
    }
    if let Ok(external_id) = ExternalId::parse(text) {
        assert_eq!(external_id.as_str(), text);
    }
    if let Ok(email) = Email::parse(text) {
        assert_eq!(Email::parse(email.as_str()).as_ref(), Ok(&email));
    }
});

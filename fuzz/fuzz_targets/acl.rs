//! Any bytes as an ACL: no panic, and its text reads back as the same ACL.
#![no_main]

use countersign_credential::acl::Acl;
use countersign_credential::acl::call::{Call, Method};
use countersign_credential::json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = json::read(bytes) else {
        return;
    };
    let Ok(acl) = Acl::from_json(&value) else {
        return;
    };
    let text = acl.to_json_text();
    let again = json::read(text.as_bytes()).expect("an ACL is written as JSON");
    assert_eq!(Acl::from_json(&again).as_ref(), Ok(&acl));
    for path in ["/v1/sessions", "/v1/conversations/CON-1/events"] {
        let call = Call {
            method: Method::Post,
            path,
            parameters: &[],
        };
        assert_eq!(acl.permits(&call), acl.explain(&call).is_permitted());
    }
});

//! Any bytes as a JWK, a JWK set and a key in PEM: no panic, and no signature
//! of nothing that fits.
#![no_main]

use countersign_credential::jws::algorithm::Algorithm;
use countersign_credential::jws::jwk;
use countersign_credential::jws::key::{VerifyingKey, WeakSecret};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for key in jwk::read_jwk_set(bytes, WeakSecret::Refuse).unwrap_or_default() {
        assert!(key.key.verify(b"message", b"").is_err());
        assert!(key.key.verify(b"message", &[0; 64]).is_err());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        for algorithm in Algorithm::ALL {
            drop(VerifyingKey::from_public_key_pem(algorithm, text));
        }
    }
});

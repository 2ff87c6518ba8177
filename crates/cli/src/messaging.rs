//! The name that sinch clients are told of the listener for their messages.

use crate::exit::Failure;
use crate::setting::Setting;

/// A host, as clients put `https://` before it and nothing else.
///
/// # Errors
/// If they would not reach it.
pub(crate) fn host(text: &Setting<String>) -> Result<Setting<String>, Failure> {
    let host = text.value.as_str();
    let refused = |why: &str| {
        Err(Failure::usage(format!(
            "{} is {host:?}, {why}",
            text.label()
        )))
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(allowed) {
        return refused(
            "which is no host; write a name or an address, with a port where it is not 443, such \
             as messages.example.com",
        );
    }
    // The SDK takes such a host for one of the vendor's, and asks others in turn.
    if host.starts_with("ps") || host.starts_with("pubsub") {
        return refused(
            "and clients take a host that begins with ps for another; call it otherwise",
        );
    }
    Ok(text.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::Origin;

    #[test]
    fn a_host_is_one_that_clients_reach() {
        for good in [
            "messages.example.com",
            "127.0.0.1:7084",
            "[::1]:7084",
            "localhost",
            "PS",
        ] {
            let told = host(&given(good)).unwrap();
            assert_eq!(told.value, good);
        }
        for bad in [
            "",
            "https://a.example",
            "a.example/",
            "a b",
            "pubsub.local",
            "ps",
            "ä",
        ] {
            let failure = host(&given(bad)).unwrap_err();
            let begins = format!("host (by default) is {bad:?}, ");
            assert!(
                failure.sentence.starts_with(&begins),
                "{}",
                failure.sentence
            );
        }
    }

    fn given(host: &str) -> Setting<String> {
        Setting {
            key: "host",
            origin: Origin::Default,
            value: host.to_owned(),
        }
    }
}

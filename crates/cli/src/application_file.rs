//! The file that `application export` writes: an application's id, keys and
//! settings, which is all that judging a credential needs.
//!
//! A key whose material is refused, such as an RSA key of 1024 bits, is left
//! out with a note; a credential that asks for it is told why. The file stays
//! usable, because an application that still has such a key registered has
//! others too. Anything else that is wrong refuses the file, by the name of the
//! member: guessing at a setting would make the doctor lie.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use countersign_credential::jws::key::WeakSecret;
use countersign_credential::key::{Key, KeyAlgorithm, KeyState, Kid, RingKey, RingKeyError};
use countersign_credential::ring::KeyRing;
use countersign_credential::verifier::{Rules, Verifier};
use serde_json::{Map, Value};

use crate::exit::Failure;
use crate::output::Output;

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// An object of the file, with the path that leads to it.
struct Section<'a> {
    path: String,
    members: &'a Map<String, Value>,
}

/// What a key of the file turned out to be.
enum Entry {
    Usable(RingKey),
    LeftOut(Kid, RingKeyError),
}

/// Reads an application from its file.
///
/// # Errors
/// If the file cannot be read, or a member is missing or wrong.
pub(crate) fn read(file: &Path, output: &mut Output) -> Result<Verifier, Failure> {
    let about = |sentence: String| Failure::usage(format!("{}: {sentence}", file.display()));
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", file.display())))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(about(format!("more than {FILE_BYTES_MAX} bytes")));
    }
    let value: Value =
        serde_json::from_slice(&bytes).map_err(|error| about(format!("not JSON: {error}")))?;
    let mut notes = Vec::new();
    let verifier = application(&value, &mut notes).map_err(about)?;
    for note in notes {
        output.note(&format!("{}: {note}", file.display()));
    }
    Ok(verifier)
}

/// Decodes base64 in either alphabet, padded or not: which one was meant is
/// never in doubt.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [&alphabet::STANDARD, &alphabet::URL_SAFE]
        .into_iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(text).ok())
}

fn application(value: &Value, notes: &mut Vec<String>) -> Result<Verifier, String> {
    let file = Section::new(String::new(), value)?;
    let mut aliases = Vec::new();
    if let Some(alias) = file.optional_text("alias")? {
        aliases.push(alias.to_owned());
    }
    for (index, alias) in file.array("aliases")?.iter().enumerate() {
        let alias = alias
            .as_str()
            .ok_or_else(|| format!("`aliases[{index}]` is not a string"))?;
        aliases.push(alias.to_owned());
    }
    if file.get("keys").is_none() {
        return Err("`keys` is missing".to_owned());
    }
    let mut keys = Vec::new();
    let mut left_out = Vec::new();
    for (index, entry) in file.array("keys")?.iter().enumerate() {
        match key(&Section::new(format!("keys[{index}]"), entry)?)? {
            Entry::Usable(key) => {
                if key.key.is_weak() {
                    notes.push(format!("the secret {} is short: replace it", key.kid));
                }
                keys.push(key);
            }
            Entry::LeftOut(kid, error) => {
                notes.push(format!("the key {kid} is left out: {error}"));
                left_out.push((kid, error));
            }
        }
    }
    let ring = KeyRing::new(keys).map_err(|error| format!("`keys`: {error}"))?;
    let ring = left_out.into_iter().fold(ring, |ring, (kid, error)| {
        ring.leave_out(kid, error.to_string())
    });
    Ok(Verifier {
        application_id: file.text("id")?.to_owned(),
        aliases,
        ring,
        rules: rules(&file)?,
    })
}

fn key(entry: &Section<'_>) -> Result<Entry, String> {
    let kid = Kid::parse(entry.text("kid")?).map_err(|error| entry.wrong("kid", error))?;
    let state = entry.text("state")?;
    let state = KeyState::from_name(state)
        .ok_or_else(|| entry.wrong("state", "is none of current, previous, standby and revoked"))?;
    let algorithm = entry.text("algorithm")?;
    let algorithm = KeyAlgorithm::from_name(algorithm).ok_or_else(|| {
        entry.wrong(
            "algorithm",
            "is none of RS256, ES256, EdDSA, HS256 and sinch-hmac-sha256",
        )
    })?;
    // An export may hold a short secret that was allowed when it was imported.
    let from_secret = |secret: &[u8]| Key::from_secret(algorithm, secret, WeakSecret::Allow);
    let material = (
        entry.optional_text("public_key_pem")?,
        entry.optional_text("secret")?,
        entry.optional_text("secret_base64")?,
    );
    let key = match material {
        (Some(pem), None, None) => Key::from_public_key_pem(algorithm, pem),
        (None, Some(secret), None) => from_secret(secret.as_bytes()),
        (None, None, Some(text)) => {
            let secret =
                decode_base64(text).ok_or_else(|| entry.wrong("secret_base64", "is not base64"))?;
            from_secret(&secret)
        }
        _ => {
            return Err(format!(
                "`{}` has not exactly one of `public_key_pem`, `secret` and `secret_base64`",
                entry.path
            ));
        }
    };
    Ok(match key {
        Ok(key) => Entry::Usable(RingKey { kid, state, key }),
        Err(error) => Entry::LeftOut(kid, error),
    })
}

/// The settings that verdicts depend on; the others are for a server.
fn rules(file: &Section<'_>) -> Result<Rules, String> {
    let mut rules = Rules::default();
    let Some(settings) = file.optional_section("settings")? else {
        return Ok(rules);
    };
    if let Some(leeway) = settings.get("leeway_s") {
        rules.leeway_s = leeway
            .as_u64()
            .and_then(|seconds| u32::try_from(seconds).ok())
            .ok_or_else(|| settings.wrong("leeway_s", "is not a whole number of seconds"))?;
    }
    if let Some(one_time) = settings.optional_section("one_time")?
        && let Some(native) = one_time.get("native")
    {
        rules.one_time_native = native
            .as_bool()
            .ok_or_else(|| one_time.wrong("native", "is neither true nor false"))?;
    }
    Ok(rules)
}

// === impl Section ===

impl<'a> Section<'a> {
    fn new(path: String, value: &'a Value) -> Result<Self, String> {
        match (value.as_object(), path.is_empty()) {
            (Some(members), _) => Ok(Self { path, members }),
            (None, true) => Err("not a JSON object".to_owned()),
            (None, false) => Err(format!("`{path}` is not an object")),
        }
    }

    /// A member; one that is null counts as absent.
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn optional_text(&self, name: &str) -> Result<Option<&'a str>, String> {
        let text = |value: &'a Value| {
            value
                .as_str()
                .ok_or_else(|| self.wrong(name, "is not a string"))
        };
        self.get(name).map(text).transpose()
    }

    fn text(&self, name: &str) -> Result<&'a str, String> {
        self.optional_text(name)?
            .ok_or_else(|| self.wrong(name, "is missing"))
    }

    fn array(&self, name: &str) -> Result<&'a [Value], String> {
        match self.get(name) {
            None => Ok(&[]),
            Some(value) => value
                .as_array()
                .map(Vec::as_slice)
                .ok_or_else(|| self.wrong(name, "is not an array")),
        }
    }

    fn optional_section(&self, name: &str) -> Result<Option<Section<'a>>, String> {
        self.get(name)
            .map(|value| Section::new(self.name_of(name), value))
            .transpose()
    }

    fn wrong(&self, name: &str, problem: impl std::fmt::Display) -> String {
        format!("`{}` {problem}", self.name_of(name))
    }

    fn name_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }
}

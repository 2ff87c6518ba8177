//! Where the key comes from that seals every secret in the database.
//!
//! By default it lies beside the database, which protects copies of the database
//! alone. Who keeps secrets elsewhere names a file, such as a credential of the
//! service manager, or gives it in the environment; never on the command line,
//! which every process of the machine may read.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use countersign_store::secrets::{KEY_BYTES, KeyEncryptionKey, SecretError};
use zeroize::Zeroizing;

use crate::exit::Failure;
use crate::setting::Setting;

/// Where the key-encryption key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// The data folder, into which the first start puts it.
    Folder,
    /// A file, which its owner alone may read.
    File(Setting<PathBuf>),
    /// A file of the service manager's, whose access list gives it to this process.
    Credential(Setting<PathBuf>),
    /// A variable of the environment, in base64.
    Variable(Setting<SecretText>),
}

/// A text that is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SecretText(Zeroizing<String>);

// === impl KeySource ===

impl KeySource {
    /// Where an operator finds it, given where the data folder keeps one.
    pub(crate) fn place(&self, in_folder: &Path) -> String {
        match self {
            Self::Folder => in_folder.display().to_string(),
            Self::File(file) | Self::Credential(file) => file.value.display().to_string(),
            Self::Variable(text) => text.origin.to_string(),
        }
    }

    /// The key, where it is not the data folder's.
    ///
    /// # Errors
    /// If there is none, or others could know it.
    pub(crate) fn read(&self) -> Result<Option<KeyEncryptionKey>, Failure> {
        let (file, key) = match self {
            Self::Folder => return Ok(None),
            Self::Variable(text) => return decode(text).map(Some),
            Self::File(file) => (file, KeyEncryptionKey::read(&file.value)),
            Self::Credential(file) => (file, KeyEncryptionKey::read_credential(&file.value)),
        };
        key.map(Some).map_err(|error| {
            let advice = match error {
                SecretError::File { .. } => "; name the file that holds this installation's key",
                SecretError::Malformed
                | SecretError::Version(_)
                | SecretError::UnknownKey(_)
                | SecretError::NotAuthentic
                | SecretError::Seal
                | SecretError::Exposed { .. }
                | SecretError::NotAKey { .. } => "",
            };
            Failure::usage(format!("{}: {error}{advice}", file.label()))
        })
    }
}

fn decode(text: &Setting<SecretText>) -> Result<KeyEncryptionKey, Failure> {
    let bytes = BASE64_STANDARD.decode(text.value.0.trim());
    let bytes = bytes.map(Zeroizing::new).ok();
    let material = bytes.and_then(|bytes| <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).ok());
    let material = material.map(Zeroizing::new).ok_or_else(|| {
        Failure::usage(format!(
            "{} is not {KEY_BYTES} bytes in base64; set it to what `base64 key-encryption-key` \
             prints",
            text.origin
        ))
    })?;
    Ok(KeyEncryptionKey::from_bytes(material))
}

// === impl SecretText ===

impl SecretText {
    pub(crate) fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretText")
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::setting::Origin;

    const BYTES: [u8; KEY_BYTES] = [7; KEY_BYTES];

    fn setting<T>(origin: Origin, value: T) -> Setting<T> {
        Setting {
            key: "key",
            origin,
            value,
        }
    }

    #[test]
    fn a_variable_holds_the_bytes_of_the_file() {
        let given = |text: &str| {
            let origin = Origin::Variable("KEY".to_owned());
            KeySource::Variable(setting(origin, SecretText::new(text)))
        };
        let good = BASE64_STANDARD.encode(BYTES);
        let id = KeyEncryptionKey::from_bytes(Zeroizing::new(BYTES)).id();
        for text in [good.clone(), format!("{good}\n")] {
            assert_eq!(
                given(&text).read().unwrap().map(|key| key.id()),
                Some(id.clone())
            );
        }
        let short = BASE64_STANDARD.encode(&BYTES[1..]);
        for bad in ["", "secret!", &short, &"07".repeat(KEY_BYTES)] {
            let sentence = given(bad).read().unwrap_err().sentence;
            assert!(
                sentence.starts_with("KEY is not 32 bytes in base64; "),
                "{sentence}"
            );
            assert!(bad.is_empty() || !sentence.contains(bad), "{sentence}");
        }
        assert!(!format!("{:?}", given(&good)).contains(&good));
    }

    #[test]
    fn a_file_is_its_owners_and_a_credential_may_be_its_groups() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, BYTES).unwrap();
        let file = || setting(Origin::Default, path.clone());
        for (mode, of_file, of_credential) in [
            (0o400, true, true),
            (0o600, true, true),
            // What an access list lets through shows as the group's.
            (0o440, false, true),
            (0o640, false, true),
            (0o460, false, false),
            (0o404, false, false),
            (0o644, false, false),
        ] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let (one, other) = (KeySource::File(file()), KeySource::Credential(file()));
            assert_eq!(one.read().is_ok(), of_file, "{mode:o}");
            assert_eq!(other.read().is_ok(), of_credential, "{mode:o}");
        }
        let sentence = KeySource::File(file()).read().unwrap_err().sentence;
        assert!(
            sentence.contains("is open to other users (mode 0644): run chmod 600"),
            "{sentence}"
        );
        fs::remove_file(&path).unwrap();
        let sentence = KeySource::File(file()).read().unwrap_err().sentence;
        assert!(
            sentence.ends_with("; name the file that holds this installation's key"),
            "{sentence}"
        );
        assert!(KeySource::Folder.read().unwrap().is_none());
    }
}

//! Secrets at rest: sealed under a key that is not in the database.
//!
//! A sealed secret is `version ‖ key id ‖ nonce ‖ ciphertext and tag`, by AES-256-GCM-SIV
//! (RFC 8452), which stays safe should a nonce ever repeat. What it belongs to (table, column,
//! row) is authenticated with it, so that a secret copied to another row cannot be opened.
//!
//! Several key-encryption keys may be known: the current one seals, all of them open. The id of a
//! key is derived from the key, so that nothing has to be named or counted.
//!
//! Invariants: random bytes come in from the caller; no key and no secret is ever shown by `Debug`
//! or in an error.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Bytes of a key-encryption key, and of a derived key.
pub const KEY_BYTES: usize = 32;

const VERSION: u8 = 1;
const KEY_ID_BYTES: usize = 8;
const TAG_BYTES: usize = 16;
const HEADER_BYTES: usize = 1 + KEY_ID_BYTES;
/// How much longer a sealed secret is than the secret.
pub const OVERHEAD_BYTES: usize = HEADER_BYTES + NONCE_LEN + TAG_BYTES;

const KEY_ID_LABEL: &str = "countersign key-encryption key id v1";
const SEALING_LABEL: &str = "countersign sealing key v1";
const DERIVED_LABEL: &str = "countersign derived key v1: ";

/// Where a secret belongs. The same must be named to open it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The column.
    pub column: &'a str,
    /// What tells the row from all others of the table.
    pub row: &'a [u8],
}

/// A key-encryption key. Its memory is wiped when it is dropped.
pub struct KeyEncryptionKey {
    id: [u8; KEY_ID_BYTES],
    material: Zeroizing<[u8; KEY_BYTES]>,
    sealing: LessSafeKey,
}

/// The key-encryption keys that a store knows.
#[derive(Debug)]
pub struct Keyring {
    current: KeyEncryptionKey,
    previous: Vec<KeyEncryptionKey>,
}

/// Why a secret or a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It does not have the form of a sealed secret.
    #[error("not a sealed secret")]
    Malformed,
    /// It was sealed in a form that this program does not know.
    #[error("the secret was sealed by a newer program (form {0})")]
    Version(u8),
    /// None of the known keys sealed it.
    #[error("the secret was sealed under key-encryption key {0}, which is not known here")]
    UnknownKey(String),
    /// It was changed, or belongs elsewhere.
    #[error("the secret was changed, or copied from another place")]
    NotAuthentic,
    /// The secret could not be sealed.
    #[error("the secret cannot be sealed")]
    Seal,
    /// Others may read or write the key file.
    #[error("{} is open to other users (mode {mode:04o}): run chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file does not hold a key.
    #[error("{} does not hold exactly {KEY_BYTES} bytes, so it is not a key-encryption key", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// The key file cannot be read or made.
    #[error("cannot {action} the key file {}: {reason}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
}

/// The length of what HKDF shall make.
struct Length(usize);

// === impl KeyEncryptionKey ===

impl KeyEncryptionKey {
    /// A key of bytes that came from elsewhere, such as a credential of the service manager.
    pub fn from_bytes(material: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let mut id = [0; KEY_ID_BYTES];
        expand(&material, &[KEY_ID_LABEL], &mut id);
        let mut sealing = Zeroizing::new([0; KEY_BYTES]);
        expand(&material, &[SEALING_LABEL], sealing.as_mut_slice());
        let sealing = UnboundKey::new(&AES_256_GCM_SIV, sealing.as_slice())
            .expect("AES-256-GCM-SIV takes 32 bytes");
        Self {
            id,
            material,
            sealing: LessSafeKey::new(sealing),
        }
    }

    /// Reads a key file, which nobody else may be able to read.
    ///
    /// # Errors
    /// [`SecretError::Exposed`], [`SecretError::NotAKey`] or [`SecretError::File`].
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        Self::read_unless(path, 0o077)
    }

    /// Reads a file that the service manager gives to this process. It may do that by an access
    /// list, and then the file's mode shows what the list lets through as rights of the group.
    ///
    /// # Errors
    /// As [`KeyEncryptionKey::read`].
    pub fn read_credential(path: &Path) -> Result<Self, SecretError> {
        Self::read_unless(path, 0o037)
    }

    /// Reads a key file, unless its mode has one of these bits.
    fn read_unless(path: &Path, exposed: u32) -> Result<Self, SecretError> {
        let failed = file_error("read", path);
        let mut file = File::open(path).map_err(&failed)?;
        let mode = file.metadata().map_err(&failed)?.permissions().mode() & 0o7777;
        if mode & exposed != 0 {
            return Err(SecretError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
        // One byte more than a key has, so that a longer file is seen; never grown, never copied.
        let mut content = Zeroizing::new([0; KEY_BYTES + 1]);
        let mut length = 0;
        loop {
            match file.read(&mut content[length..]).map_err(&failed)? {
                0 => break,
                read => length += read,
            }
        }
        let mut material = Zeroizing::new([0; KEY_BYTES]);
        if length != KEY_BYTES {
            return Err(SecretError::NotAKey {
                path: path.to_owned(),
            });
        }
        material.copy_from_slice(&content[..KEY_BYTES]);
        Ok(Self::from_bytes(material))
    }

    /// Makes a key of random bytes and a file for it, with mode 0600; both are durable when this
    /// returns. A file that exists is never replaced.
    ///
    /// # Errors
    /// [`SecretError::File`].
    pub fn create(path: &Path, random: impl FnOnce(&mut [u8])) -> Result<Self, SecretError> {
        let failed = file_error("make", path);
        let mut material = Zeroizing::new([0; KEY_BYTES]);
        random(material.as_mut_slice());
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(&failed)?;
        file.write_all(material.as_slice()).map_err(&failed)?;
        file.sync_all().map_err(&failed)?;
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(&failed)?;
        Ok(Self::from_bytes(material))
    }

    /// A key for another purpose, by HKDF-SHA256 (RFC 5869) with the label in its `info`. Labels
    /// must differ where purposes do.
    pub fn derive(&self, label: &str) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut derived = Zeroizing::new([0; KEY_BYTES]);
        expand(
            &self.material,
            &[DERIVED_LABEL, label],
            derived.as_mut_slice(),
        );
        derived
    }

    /// The id that sealed secrets carry, in hexadecimal digits. It says nothing about the key.
    pub fn id(&self) -> String {
        hexadecimal(&self.id)
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyEncryptionKey({})", self.id())
    }
}

// === impl Keyring ===

impl Keyring {
    /// A ring that seals under `current`, and opens what any of the keys has sealed.
    pub fn new(current: KeyEncryptionKey, previous: Vec<KeyEncryptionKey>) -> Self {
        Self { current, previous }
    }

    /// The key that seals.
    pub fn current(&self) -> &KeyEncryptionKey {
        &self.current
    }

    /// Seals a secret for its place. `random` fills the nonce.
    ///
    /// # Errors
    /// [`SecretError::Seal`] for a secret beyond what the cipher takes (64 GiB).
    pub fn seal(
        &self,
        place: Place<'_>,
        secret: &[u8],
        random: impl FnOnce(&mut [u8]),
    ) -> Result<Vec<u8>, SecretError> {
        let mut nonce = [0; NONCE_LEN];
        random(&mut nonce);
        let mut header = [VERSION; HEADER_BYTES];
        header[1..].copy_from_slice(&self.current.id);
        // The secret is encrypted where it will stay: no second copy of it is left behind.
        let mut sealed = Vec::with_capacity(secret.len() + OVERHEAD_BYTES);
        sealed.extend_from_slice(&header);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(secret);
        let tag = self
            .current
            .sealing
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(authenticated(&header, place)),
                &mut sealed[HEADER_BYTES + NONCE_LEN..],
            )
            .map_err(|_| SecretError::Seal)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens a secret that was sealed for this place.
    ///
    /// # Errors
    /// [`SecretError::Malformed`], [`SecretError::Version`], [`SecretError::UnknownKey`] or
    /// [`SecretError::NotAuthentic`].
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        let (header, rest) = parse_header(sealed)?;
        let (nonce, encrypted) = rest
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(SecretError::Malformed)?;
        let key = std::iter::once(&self.current)
            .chain(&self.previous)
            .find(|key| key.id == header[1..])
            .ok_or_else(|| SecretError::UnknownKey(hexadecimal(&header[1..])))?;
        let mut secret = Zeroizing::new(encrypted.to_vec());
        let length = key
            .sealing
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(authenticated(header, place)),
                &mut secret,
            )
            .map_err(|_| SecretError::NotAuthentic)?
            .len();
        secret.truncate(length);
        Ok(secret)
    }

    /// Whether the current key sealed it. If not, it should be sealed anew.
    ///
    /// # Errors
    /// [`SecretError::Malformed`] or [`SecretError::Version`].
    pub fn is_current(&self, sealed: &[u8]) -> Result<bool, SecretError> {
        let (header, _) = parse_header(sealed)?;
        Ok(header[1..] == self.current.id)
    }
}

// === impl Length ===

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand(material: &[u8; KEY_BYTES], label: &[&str], key: &mut [u8]) {
    let info: Vec<&[u8]> = label.iter().map(|part| part.as_bytes()).collect();
    Salt::new(HKDF_SHA256, &[])
        .extract(material)
        .expand(&info, Length(key.len()))
        .and_then(|output| output.fill(key))
        .expect("HKDF-SHA256 makes up to 8160 bytes");
}

fn parse_header(sealed: &[u8]) -> Result<(&[u8; HEADER_BYTES], &[u8]), SecretError> {
    match sealed.first() {
        Some(&VERSION) if sealed.len() >= OVERHEAD_BYTES => {}
        Some(&version) if version > VERSION => return Err(SecretError::Version(version)),
        _ => return Err(SecretError::Malformed),
    }
    sealed.split_first_chunk().ok_or(SecretError::Malformed)
}

/// What is authenticated but not encrypted: each part after its length, so that no two places
/// read the same.
fn authenticated(header: &[u8; HEADER_BYTES], place: Place<'_>) -> Vec<u8> {
    let mut bytes = header.to_vec();
    for part in [place.table.as_bytes(), place.column.as_bytes(), place.row] {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn file_error(action: &'static str, path: &Path) -> impl Fn(io::Error) -> SecretError {
    let path = path.to_owned();
    move |error| SecretError::File {
        action,
        path: path.clone(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const PLACE: Place<'_> = Place {
        table: "keys",
        column: "secret",
        row: b"row 1",
    };

    fn key(byte: u8) -> KeyEncryptionKey {
        KeyEncryptionKey::from_bytes(Zeroizing::new([byte; KEY_BYTES]))
    }

    fn fill(byte: u8) -> impl Fn(&mut [u8]) {
        move |bytes| bytes.fill(byte)
    }

    #[test]
    fn the_forms_are_frozen() {
        // Computed by another implementation of HKDF-SHA256 and AES-256-GCM-SIV.
        let derived = "f5173393a98cd810c2998b254472e319cf87b53c579176a96c5a5fc81e42d375";
        let sealed = "017aeede9d9a562a7e\
                      090909090909090909090909\
                      81e05b7d9808b7e23e3d4027b0700e438da20a541fc1a8af";
        assert_eq!(
            hexadecimal(key(7).derive("access token").as_slice()),
            derived
        );
        let ring = Keyring::new(key(7), Vec::new());
        let made = ring.seal(PLACE, b"a secret", fill(9)).unwrap();
        assert_eq!(hexadecimal(&made), sealed);
        assert_eq!(ring.current().id(), "7aeede9d9a562a7e");
        assert_eq!(format!("{ring:?}").matches("0707").count(), 0);
    }

    #[test]
    fn secrets_of_every_length_open_at_their_place_only() {
        let ring = Keyring::new(key(1), Vec::new());
        for length in [0, 1, 15, 16, 17, 32, 5000] {
            let secret = vec![0x5A; length];
            let sealed = ring.seal(PLACE, &secret, fill(3)).unwrap();
            assert_eq!(sealed.len(), length + OVERHEAD_BYTES);
            assert_eq!(*ring.open(PLACE, &sealed).unwrap(), secret);
            for elsewhere in [
                Place {
                    table: "key",
                    ..PLACE
                },
                Place {
                    column: "secrets",
                    ..PLACE
                },
                Place {
                    row: b"row 2",
                    ..PLACE
                },
                Place {
                    table: "key",
                    column: "ssecret",
                    ..PLACE
                },
            ] {
                let opened = ring.open(elsewhere, &sealed);
                assert_eq!(opened, Err(SecretError::NotAuthentic));
            }
        }
    }

    #[test]
    fn nothing_of_a_sealed_secret_can_be_changed() {
        let ring = Keyring::new(key(1), Vec::new());
        let sealed = ring.seal(PLACE, b"a secret", fill(3)).unwrap();
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 0x40;
            let expected = match position {
                0 => SecretError::Version(0x41),
                1..HEADER_BYTES => SecretError::UnknownKey(hexadecimal(&changed[1..HEADER_BYTES])),
                _ => SecretError::NotAuthentic,
            };
            assert_eq!(ring.open(PLACE, &changed), Err(expected));
        }
        for length in 0..OVERHEAD_BYTES {
            assert_eq!(
                ring.open(PLACE, &sealed[..length]),
                Err(SecretError::Malformed)
            );
        }
        assert_eq!(
            ring.open(PLACE, &sealed[..sealed.len() - 1]),
            Err(SecretError::NotAuthentic)
        );
    }

    #[test]
    fn a_rotated_key_opens_and_no_longer_seals() {
        let old = Keyring::new(key(1), Vec::new());
        let both = Keyring::new(key(2), vec![key(1)]);
        let new = Keyring::new(key(2), Vec::new());
        let sealed = old.seal(PLACE, b"a secret", fill(3)).unwrap();
        assert_eq!(both.is_current(&sealed), Ok(false));
        let opened = both.open(PLACE, &sealed).unwrap();
        let again = both.seal(PLACE, &opened, fill(4)).unwrap();
        assert_eq!(both.is_current(&again), Ok(true));
        assert_eq!(*new.open(PLACE, &again).unwrap(), b"a secret");
        assert_eq!(
            new.open(PLACE, &sealed),
            Err(SecretError::UnknownKey(key(1).id()))
        );
    }

    #[test]
    fn derived_keys_differ_by_label_and_by_key() {
        let derived = [
            key(1).derive("a"),
            key(1).derive("b"),
            key(1).derive(""),
            key(2).derive("a"),
        ];
        for (index, one) in derived.iter().enumerate() {
            assert!(derived[index + 1..].iter().all(|other| other != one));
        }
    }

    #[test]
    fn key_files_are_private_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key-encryption-key");
        let made = KeyEncryptionKey::create(&path, fill(7)).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode, fs::read(&path).unwrap()), (0o600, vec![7; 32]));
        assert_eq!(KeyEncryptionKey::read(&path).unwrap().id(), made.id());
        let again = KeyEncryptionKey::create(&path, fill(8)).unwrap_err();
        assert!(
            again.to_string().starts_with("cannot make the key file"),
            "{again}"
        );
        assert_eq!(fs::read(&path).unwrap(), vec![7; 32]);
    }

    #[test]
    fn key_files_that_are_exposed_or_no_key_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let check = |length: usize, mode: u32, expected: Option<&str>| {
            fs::write(&path, vec![7; length]).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refusal = KeyEncryptionKey::read(&path).err();
            let refusal = refusal.map(|error| error.to_string());
            let expected = expected.map(|text| text.replace("PATH", path.to_str().unwrap()));
            assert_eq!(refusal, expected);
        };
        check(32, 0o600, None);
        check(32, 0o400, None);
        for (mode, shown) in [(0o640, "0640"), (0o604, "0604"), (0o620, "0620")] {
            let text = format!("PATH is open to other users (mode {shown}): run chmod 600 PATH");
            check(32, mode, Some(&text));
        }
        let no_key = "PATH does not hold exactly 32 bytes, so it is not a key-encryption key";
        for length in [0, 31, 33, 4096] {
            check(length, 0o600, Some(no_key));
        }
        fs::remove_file(&path).unwrap();
        let missing = KeyEncryptionKey::read(&path).unwrap_err().to_string();
        assert!(missing.starts_with("cannot read the key file"), "{missing}");
    }
}

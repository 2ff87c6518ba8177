//! The keys of the configuration: one table, from which flags and variables
//! have their names.

use crate::vendor_door::VendorDoor;

/// What the name of every variable begins with.
pub(super) const VARIABLE_PREFIX: &str = "COUNTERSIGN_";

/// The variable that names the configuration file, as `--config` does.
pub(crate) const CONFIG_VARIABLE: &str = "COUNTERSIGN_CONFIG";

/// The variable that holds the key-encryption key itself. It has no flag and no
/// key of the file: a secret stands in neither.
pub(crate) const SECRET_VARIABLE: &str = "COUNTERSIGN_KEY_ENCRYPTION_KEY";

/// Where the service manager puts credentials (systemd.exec(5)).
pub(super) const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";

/// Variables of this program that are no keys of a server's configuration.
pub(super) const OTHER_VARIABLES: [&str; 5] = [
    CONFIG_VARIABLE,
    SECRET_VARIABLE,
    "COUNTERSIGN_URL",
    "COUNTERSIGN_KEY",
    "COUNTERSIGN_KEY_FILE",
];

/// A key of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Listen,
    DataDir,
    LogLevel,
    LogFormat,
    TrustedProxies,
    SealingKeyFile,
    TlsCertificateFile,
    TlsKeyFile,
    PlainDoors,
    Door(VendorDoor),
    MessagingTls,
    MessagingCertificateFile,
    MessagingKeyFile,
    MessagingHost,
}

// === impl Key ===

impl Key {
    /// Every key, in the order in which a person is told them.
    pub(crate) const ALL: [Self; 17] = [
        Self::Listen,
        Self::DataDir,
        Self::LogLevel,
        Self::LogFormat,
        Self::TrustedProxies,
        Self::SealingKeyFile,
        Self::TlsCertificateFile,
        Self::TlsKeyFile,
        Self::PlainDoors,
        Self::Door(VendorDoor::Nexmo),
        Self::Door(VendorDoor::Kustomer),
        Self::Door(VendorDoor::Sinch),
        Self::Door(VendorDoor::SinchMessaging),
        Self::MessagingTls,
        Self::MessagingCertificateFile,
        Self::MessagingKeyFile,
        Self::MessagingHost,
    ];

    /// The tables of the configuration file.
    pub(super) const TABLES: [&str; 3] = ["tls", "doors", "sinch_messaging"];

    /// Its name in the configuration file; what stands before a dot is a table.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::DataDir => "data_dir",
            Self::LogLevel => "log_level",
            Self::LogFormat => "log_format",
            Self::TrustedProxies => "trusted_proxies",
            Self::SealingKeyFile => "key_encryption_key_file",
            Self::TlsCertificateFile => "tls.certificate_file",
            Self::TlsKeyFile => "tls.key_file",
            Self::PlainDoors => "tls.plain_doors",
            Self::Door(VendorDoor::Nexmo) => "doors.nexmo",
            Self::Door(VendorDoor::Kustomer) => "doors.kustomer",
            Self::Door(VendorDoor::Sinch) => "doors.sinch",
            Self::Door(VendorDoor::SinchMessaging) => "doors.sinch_messaging",
            Self::MessagingTls => "sinch_messaging.tls",
            Self::MessagingCertificateFile => "sinch_messaging.certificate_file",
            Self::MessagingKeyFile => "sinch_messaging.key_file",
            Self::MessagingHost => "sinch_messaging.host",
        }
    }

    /// What counts where nobody says anything, if that is a value by itself.
    pub(crate) fn default(self) -> Option<&'static str> {
        match self {
            Self::Listen => Some("127.0.0.1:7080"),
            Self::DataDir => Some("/var/lib/countersign"),
            Self::LogLevel => Some("info"),
            Self::LogFormat => Some("text"),
            Self::MessagingTls => Some("own"),
            Self::TrustedProxies
            | Self::SealingKeyFile
            | Self::TlsCertificateFile
            | Self::TlsKeyFile
            | Self::PlainDoors
            | Self::Door(_)
            | Self::MessagingCertificateFile
            | Self::MessagingKeyFile
            | Self::MessagingHost => None,
        }
    }

    /// A value for an example, where there is no default.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::Listen
            | Self::DataDir
            | Self::LogLevel
            | Self::LogFormat
            | Self::MessagingTls => self.default().unwrap_or_default(),
            Self::TrustedProxies => "127.0.0.1, 10.0.0.0/8",
            Self::SealingKeyFile => "/etc/countersign/key-encryption-key",
            Self::TlsCertificateFile | Self::MessagingCertificateFile => {
                "/etc/countersign/certificate.pem"
            }
            Self::TlsKeyFile | Self::MessagingKeyFile => "/etc/countersign/key.pem",
            Self::PlainDoors => "native, nexmo",
            Self::Door(VendorDoor::Nexmo) => "127.0.0.1:7081",
            Self::Door(VendorDoor::Kustomer) => "127.0.0.1:7082",
            Self::Door(VendorDoor::Sinch) => "127.0.0.1:7083",
            Self::Door(VendorDoor::SinchMessaging) => "127.0.0.1:7084",
            Self::MessagingHost => "messages.example.com",
        }
    }

    /// Its flag, such as `--doors-nexmo`.
    pub(crate) fn flag(self) -> String {
        format!("--{}", self.path().replace(['.', '_'], "-"))
    }

    /// Its variable, such as `COUNTERSIGN_DOORS_NEXMO`.
    pub(crate) fn variable(self) -> String {
        let name = self.path().replace('.', "_").to_uppercase();
        format!("{VARIABLE_PREFIX}{name}")
    }
}

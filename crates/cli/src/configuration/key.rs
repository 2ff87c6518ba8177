//! The keys of the configuration: one table, from which flags and variables
//! have their names.

use crate::vendor_door::VendorDoor;

/// What the name of every variable begins with.
pub(super) const VARIABLE_PREFIX: &str = "COUNTERSIGN_";

/// The variable that names the configuration file, as `--config` does.
pub(crate) const CONFIG_VARIABLE: &str = "COUNTERSIGN_CONFIG";

/// Variables of this program that configure no server.
pub(super) const OTHER_VARIABLES: [&str; 4] = [
    CONFIG_VARIABLE,
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
    Door(VendorDoor),
    TlsBy,
    CertificateFile,
    PrivateKeyFile,
    MessagingHost,
}

// === impl Key ===

impl Key {
    /// Every key, in the order in which a person is told them.
    pub(crate) const ALL: [Self; 13] = [
        Self::Listen,
        Self::DataDir,
        Self::LogLevel,
        Self::LogFormat,
        Self::TrustedProxies,
        Self::Door(VendorDoor::Nexmo),
        Self::Door(VendorDoor::Kustomer),
        Self::Door(VendorDoor::Sinch),
        Self::Door(VendorDoor::SinchMessaging),
        Self::TlsBy,
        Self::CertificateFile,
        Self::PrivateKeyFile,
        Self::MessagingHost,
    ];

    /// Its name in the configuration file; what stands before a dot is a table.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::DataDir => "data_dir",
            Self::LogLevel => "log_level",
            Self::LogFormat => "log_format",
            Self::TrustedProxies => "trusted_proxies",
            Self::Door(VendorDoor::Nexmo) => "doors.nexmo",
            Self::Door(VendorDoor::Kustomer) => "doors.kustomer",
            Self::Door(VendorDoor::Sinch) => "doors.sinch",
            Self::Door(VendorDoor::SinchMessaging) => "doors.sinch_messaging",
            Self::TlsBy => "sinch_messaging.tls",
            Self::CertificateFile => "sinch_messaging.certificate_file",
            Self::PrivateKeyFile => "sinch_messaging.key_file",
            Self::MessagingHost => "sinch_messaging.host",
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

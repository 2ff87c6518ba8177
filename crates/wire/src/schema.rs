//! How the texts on the wire are spelled, for the API's description: ids,
//! words of a closed set, names with their limits.
//!
//! A field is a `String` where a door decides what it may hold; what that is
//! stands here as a schema of its own name. No value has one of these types.
//! A limit is a number of characters here and of bytes at the door: it is the
//! most that can be said in JSON Schema, and never too little.

use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The longest name of anything.
const NAME_CHARACTERS_MAX: usize = 255;
/// The longest id that a client makes itself, and the longest nonce.
const CLIENT_ID_CHARACTERS_MAX: usize = 255;
/// The longest slug.
const SLUG_CHARACTERS_MAX: usize = 63;

const UUID: &str = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

macro_rules! texts {
    ($($(#[doc = $doc:literal])* $name:ident = $schema:expr;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug)]
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let object: ObjectBuilder = $schema;
                let description = concat!($($doc),*).trim();
                object.description(Some(description)).build().into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

texts! {
    /// The id of an application.
    ApplicationId = id("");
    /// The id of a user.
    UserId = id("USR-");
    /// The id of a conversation.
    ConversationId = id("CON-");
    /// The id of a user's place in a conversation.
    MemberId = id("MEM-");
    /// The id of a session.
    SessionId = id("SES-");
    /// The id of a device.
    DeviceId = id("DEV-");
    /// The id of an API key.
    ApiKeyId = id("KEY-");
    /// The id of a file.
    AttachmentId = id("ATT-");
    /// The id of an entry of the audit log.
    AuditId = id("AUD-");
    /// The form of a credential.
    Dialect = one_of(&["nexmo", "kustomer", "sinch", "native"]);
    /// What a signing key signs with.
    KeyAlgorithm = one_of(&["RS256", "ES256", "EdDSA", "HS256", "sinch-hmac-sha256"]);
    /// The place of a signing key in the ring.
    KeyState = one_of(&["current", "previous", "standby", "revoked"]);
    /// What an API key may do.
    Role = one_of(&["operator", "admin", "user", "tracking"]);
    /// How well the sender of an event was known.
    Assurance = one_of(&["anonymous", "described", "verified"]);
    /// A text by which people call something, without control characters.
    Name = between(1, NAME_CHARACTERS_MAX);
    /// A client's own id of what it makes, without control characters.
    ClientId = between(1, CLIENT_ID_CHARACTERS_MAX);
    /// The short name of an application in URLs.
    Slug = between(2, SLUG_CHARACTERS_MAX).pattern(Some("^[a-z][a-z0-9-]+$"));
    /// The name of a signing key.
    Kid = text().pattern(Some("^[A-Za-z0-9._-]{1,64}$"));
    /// The type of an event.
    EventType = text()
        .pattern(Some("^(text|message|image|custom:[A-Za-z0-9_.:-]{1,100}|member:(invited|joined|left|adopted)|edit|delete)$"))
        .examples(["text", "custom:order"]);
    /// The type of an event that is sent, or of a position that is reached.
    SentType = text()
        .pattern(Some("^(text|message|image|custom:[A-Za-z0-9_.:-]{1,100}|edit|delete|delivered|seen)$"))
        .examples(["text", "custom:order"]);
    /// The type of an event that has no number.
    SignalType = one_of(&["typing", "delivered", "seen", "ephemeral"]);
    /// The origin of web pages, as browsers send it (RFC 6454 section 6.2).
    Origin = between(1, NAME_CHARACTERS_MAX)
        .pattern(Some("^https?://[^/?#@]+$"))
        .examples(["https://chat.example"]);
    /// A network, by its first address and the length of its prefix.
    Cidr = text().examples(["192.0.2.0/24", "2001:db8::/32"]);
    /// An application in a path: its id, or `current` for the bearer's own.
    ApplicationPlace = text().pattern(Some(format!("^(current|{UUID})$")));
    /// The number of an event in its conversation.
    EventNumber = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
    /// A place in a conversation, 0 before its first event.
    EventPlace = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    /// The number of an entry of the audit log.
    EntryNumber = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
    /// A place in the audit log, 0 before its first entry.
    EntryPlace = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    /// Where a page ends and the next begins; to be sent back as it is.
    Cursor = text().pattern(Some("^[A-Za-z0-9_-]+$"));
}

/// A digest of 32 bytes.
pub(crate) fn digest() -> Object {
    let about = "32 bytes, as hexadecimal digits.";
    text()
        .description(Some(about))
        .pattern(Some("^[0-9a-f]{64}$"))
        .build()
}

fn id(prefix: &str) -> ObjectBuilder {
    let example = format!("{prefix}01932d4c-7e58-7c21-9b0a-3f6f0d3f6a11");
    text()
        .pattern(Some(format!("^{prefix}{UUID}$")))
        .examples([example])
}

fn one_of(words: &'static [&'static str]) -> ObjectBuilder {
    text().enum_values(Some(words.iter().copied()))
}

fn between(least: usize, most: usize) -> ObjectBuilder {
    text().min_length(Some(least)).max_length(Some(most))
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// A time, for the schema of [`Time`](crate::time::Time).
pub(crate) fn time() -> Object {
    text()
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some(
            "A moment: RFC 3339, in UTC and with milliseconds where the server says it.",
        ))
        .examples(["2027-01-15T08:00:00.000Z"])
        .build()
}

/// A secret text, for the schema of [`Secret`](crate::secret::Secret).
pub(crate) fn secret() -> Object {
    text()
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
        .description(Some("A credential, token or secret: not for logs."))
        .build()
}

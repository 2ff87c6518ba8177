//! A revocation: one row that ends what it covers, now and after a restart.

use countersign_credential::claims::{Claims, Subject};
use countersign_credential::time::Timestamp;

use super::pseudonym::Pseudonym;
use super::user::Identifier;
use crate::id::{ApiKeyId, ApplicationId, SessionId, UserId};

/// What a revocation names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// One session, for ever.
    Session(SessionId),
    /// One credential by its `jti`, for ever.
    Jti(Pseudonym),
    /// One credential by the SHA-256 of its signed bytes, for ever.
    Digest([u8; 32]),
    /// Every credential of a signing key, for ever.
    Kid(String),
    /// Every session that was opened with an API key, for ever.
    ApiKey(ApiKeyId),
    /// A user, up to a moment.
    User(UserId),
    /// Whoever bears a name, up to a moment.
    Name(Pseudonym),
    /// Whoever bears an external id, up to a moment.
    ExternalId(Pseudonym),
    /// Whoever bears an e-mail address, up to a moment.
    Email(Pseudonym),
    /// A whole application, up to a moment.
    Application(ApplicationId),
}

/// What a session can be revoked by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// The session; when it was opened stands in its id.
    pub session: SessionId,
    /// Its user.
    pub user: UserId,
    /// Its application.
    pub application: ApplicationId,
    /// The API key that it was opened with.
    pub api_key: Option<ApiKeyId>,
    /// The credential that opened it; a visitor's session has none.
    pub credential: Option<CredentialMarks>,
}

/// What a credential can be revoked by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialMarks {
    /// The key that verified it.
    pub kid: Box<str>,
    /// Its `jti`, where it has one.
    pub jti: Option<Pseudonym>,
    /// SHA-256 of its signed bytes.
    pub digest: [u8; 32],
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// What it names.
    pub target: Target,
    /// Sessions opened and credentials issued up to this moment, equality
    /// included, are covered. A kind that holds for ever ignores it.
    pub before: Timestamp,
    /// When the row was made.
    pub made_at: Timestamp,
    /// When nothing that it covers can live any more, so that the row may go.
    pub forget_at: Timestamp,
}

// === impl Revocation ===

impl Revocation {
    /// Whether it ends a session of its own application. The store says the
    /// same of rows; what identifies users covers credentials alone, which
    /// have yet to open a session.
    #[must_use]
    pub fn covers(&self, marks: &Marks) -> bool {
        let credential = marks.credential.as_ref();
        let in_time = marks.session.made_at() <= self.before;
        match &self.target {
            Target::Session(id) => *id == marks.session,
            Target::Jti(jti) => credential.is_some_and(|it| it.jti == Some(*jti)),
            Target::Digest(digest) => credential.is_some_and(|it| it.digest == *digest),
            Target::Kid(kid) => credential.is_some_and(|it| *it.kid == **kid),
            Target::ApiKey(id) => marks.api_key == Some(*id),
            Target::User(id) => *id == marks.user && in_time,
            Target::Application(id) => *id == marks.application && in_time,
            Target::Name(_) | Target::ExternalId(_) | Target::Email(_) => false,
        }
    }

    /// Whether it covers a credential that is a bearer: by its own bytes, its id and its key for
    /// ever, by application, and by the user whom it may name, where it was issued up to the moment.
    #[must_use]
    pub fn covers_bearer(
        &self,
        application: ApplicationId,
        claims: &Claims,
        user: Option<UserId>,
    ) -> bool {
        match &self.target {
            Target::Jti(jti) => {
                let own = claims.jti.as_deref();
                own.map(|own| Pseudonym::of(application, Kind::Jti, own)) == Some(*jti)
            }
            Target::Digest(digest) => claims.digest == *digest,
            Target::Kid(kid) => claims.kid.as_str() == kid,
            Target::Application(id) => application == *id && claims.issued_at <= self.before,
            Target::User(id) => user == Some(*id) && claims.issued_at <= self.before,
            Target::Name(name) => {
                let named = matches!(&claims.subject, Some(Subject::Name(own))
                    if Pseudonym::of(application, Kind::Name, own.as_str()) == *name);
                named && claims.issued_at <= self.before
            }
            Target::Session(_) | Target::ApiKey(_) | Target::ExternalId(_) | Target::Email(_) => {
                false
            }
        }
    }
}

// === impl Target ===

impl Target {
    /// A credential by its `jti`.
    #[must_use]
    pub fn jti(application: ApplicationId, jti: &str) -> Self {
        Self::Jti(Pseudonym::of(application, Kind::Jti, jti))
    }

    /// Whoever an identifier names; a user's id is [`Target::User`].
    #[must_use]
    pub fn whoever(application: ApplicationId, identifier: &Identifier) -> Self {
        let of = |kind, text: &str| Pseudonym::of(application, kind, text);
        match identifier {
            Identifier::Id(id) => Self::User(*id),
            Identifier::Name(name) => Self::Name(of(Kind::Name, name.as_str())),
            Identifier::ExternalId(id) => Self::ExternalId(of(Kind::ExternalId, id.as_str())),
            Identifier::Email(email) => Self::Email(of(Kind::Email, email.as_str())),
        }
    }

    /// The kind as the store numbers it, and whether it holds for ever.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Session(_) => Kind::Session,
            Self::Jti(_) => Kind::Jti,
            Self::Digest(_) => Kind::Digest,
            Self::Kid(_) => Kind::Kid,
            Self::ApiKey(_) => Kind::ApiKey,
            Self::User(_) => Kind::User,
            Self::Name(_) => Kind::Name,
            Self::ExternalId(_) => Kind::ExternalId,
            Self::Email(_) => Kind::Email,
            Self::Application(_) => Kind::Application,
        }
    }

    /// What the store keeps as kind and value; `None` where they are none of ours.
    #[must_use]
    pub fn from_parts(kind: i64, value: &[u8]) -> Option<Self> {
        let kind = Kind::ALL.into_iter().find(|known| known.number() == kind)?;
        let id = || <[u8; 16]>::try_from(value).ok();
        let pseudonym = || value.try_into().ok().map(Pseudonym::from_bytes);
        let text = || String::from_utf8(value.to_vec()).ok();
        match kind {
            Kind::Session => id().map(SessionId::from_bytes).map(Self::Session),
            Kind::Jti => pseudonym().map(Self::Jti),
            Kind::Digest => value.try_into().ok().map(Self::Digest),
            Kind::Kid => text().map(Self::Kid),
            Kind::ApiKey => id().map(ApiKeyId::from_bytes).map(Self::ApiKey),
            Kind::User => id().map(UserId::from_bytes).map(Self::User),
            Kind::Name => pseudonym().map(Self::Name),
            Kind::ExternalId => pseudonym().map(Self::ExternalId),
            Kind::Email => pseudonym().map(Self::Email),
            Kind::Application => id().map(ApplicationId::from_bytes).map(Self::Application),
        }
    }

    /// The value as bytes: what the store compares.
    #[must_use]
    pub fn value(&self) -> Vec<u8> {
        match self {
            Self::Session(id) => id.bytes().to_vec(),
            Self::ApiKey(id) => id.bytes().to_vec(),
            Self::User(id) => id.bytes().to_vec(),
            Self::Application(id) => id.bytes().to_vec(),
            Self::Digest(digest) => digest.to_vec(),
            Self::Kid(text) => text.as_bytes().to_vec(),
            Self::Jti(pseudonym)
            | Self::Name(pseudonym)
            | Self::ExternalId(pseudonym)
            | Self::Email(pseudonym) => pseudonym.bytes().to_vec(),
        }
    }
}

/// The kind of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Of one session.
    Session,
    /// Of a `jti`.
    Jti,
    /// Of a credential's digest.
    Digest,
    /// Of a signing key.
    Kid,
    /// Of an API key.
    ApiKey,
    /// Of a user.
    User,
    /// Of a name.
    Name,
    /// Of an external id.
    ExternalId,
    /// Of an e-mail address.
    Email,
    /// Of an application.
    Application,
}

// === impl Kind ===

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Session,
        Self::Jti,
        Self::Digest,
        Self::Kid,
        Self::ApiKey,
        Self::User,
        Self::Name,
        Self::ExternalId,
        Self::Email,
        Self::Application,
    ];

    /// The number that the store keeps.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::Session => 1,
            Self::Jti => 2,
            Self::Digest => 3,
            Self::Kid => 4,
            Self::ApiKey => 5,
            Self::User => 6,
            Self::Name => 7,
            Self::ExternalId => 8,
            Self::Email => 9,
            Self::Application => 10,
        }
    }

    /// Whether a row of this kind covers whatever it names, at any time.
    #[must_use]
    pub fn is_for_ever(self) -> bool {
        match self {
            Self::Session | Self::Jti | Self::Digest | Self::Kid | Self::ApiKey => true,
            Self::User | Self::Name | Self::ExternalId | Self::Email | Self::Application => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_comes_back_from_its_parts() {
        let id = [7; 16];
        let pseudonym = || Pseudonym::from_bytes([8; 32]);
        let all = [
            Target::Session(SessionId::from_bytes(id)),
            Target::Jti(pseudonym()),
            Target::Digest([7; 32]),
            Target::Kid("a text".to_owned()),
            Target::ApiKey(ApiKeyId::from_bytes(id)),
            Target::User(UserId::from_bytes(id)),
            Target::Name(pseudonym()),
            Target::ExternalId(pseudonym()),
            Target::Email(pseudonym()),
            Target::Application(ApplicationId::from_bytes(id)),
        ];
        for (target, kind) in all.iter().zip(Kind::ALL) {
            assert_eq!(target.kind(), kind);
            let back = Target::from_parts(kind.number(), &target.value());
            assert_eq!(back.as_ref(), Some(target));
        }
        for (kind, value) in [
            (0, &id[..]),
            (11, &id),
            (1, &id[..15]),
            (3, &id),
            (4, &[0xFF]),
            (2, &id),
        ] {
            assert_eq!(Target::from_parts(kind, value), None, "{kind}");
        }
    }
}

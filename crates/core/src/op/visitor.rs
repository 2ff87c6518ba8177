//! A visitor's rows: they are written with the visitor's first write.

use countersign_credential::time::Timestamp;

use crate::access::principal::Principal;
use crate::context::Judge;
use crate::model::session::{Session, SessionIdentity};
use crate::model::settings::Settings;
use crate::model::user::User;
use crate::ports::change::{Change, Visitor};

const DAY_S: i64 = 86_400;

/// The rows that a visitor's token stands for.
pub(super) fn visitor(
    identity: SessionIdentity,
    settings: &Settings,
    rotated_at: Timestamp,
) -> Visitor {
    let opened_at = identity.session.made_at();
    Visitor {
        user: User {
            anonymous: true,
            ..User::new(identity.user, opened_at)
        },
        session: Session {
            id: identity.session,
            user: identity.user,
            device: identity.device,
            device_name: None,
            api_key: identity.api_key,
            credential: None,
            generation: 0,
            nonce_digest: None,
            rotated_at,
            expires_at: opened_at.plus_seconds(i64::from(settings.absolute_days) * DAY_S),
            ended: None,
        },
    }
}

/// What a visitor's write begins with: the upsert of its rows, which misses its
/// expectation where the session is over.
pub(super) fn keep(principal: &Principal, judge: &Judge, now: Timestamp) -> Vec<Change> {
    match principal.session() {
        Some(identity) if identity.anonymous => {
            let visitor = visitor(*identity, &judge.application.settings, now);
            vec![Change::KeepVisitor(Box::new(visitor))]
        }
        Some(_) | None => Vec::new(),
    }
}

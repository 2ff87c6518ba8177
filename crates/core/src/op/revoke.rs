//! Revoke: what is named ends, now and after a restart.
//!
//! A revocation is one insert; what it covers is found dead at its next use,
//! and disappears from lists. The row of a session that somebody can be told
//! of is ended too, so that it says when and why.

use countersign_credential::key::{KeyState, Kid};
use countersign_credential::time::Timestamp;

use super::api_keys::known_of;
use super::audit::entry;
use super::sessions::tombstone;
use super::signing_keys::states;
use crate::access::action::Action;
use crate::access::principal::Principal;
use crate::access::{Permit, authorize};
use crate::context::{Ctx, Judge};
use crate::error::{Code, Error};
use crate::id::{ApiKeyId, ApplicationId, DeviceId, SessionId, UserId};
use crate::limit;
use crate::model::audit::{AuditEntry, Details};
use crate::model::password::PASSWORD_KID;
use crate::model::revocation::{Revocation, Target};
use crate::model::session::EndReason;
use crate::ports::change::{Change, Expectation, LateSessions};
use crate::ports::fanout::Notice;
use crate::ports::store::CommitError;

/// What is to be revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoke {
    /// One session, and the credential that opened it.
    Session(SessionId),
    /// The sessions that are open on a device, and their credentials.
    Device(DeviceId),
    /// A user's sessions that were opened, and credentials that were issued,
    /// up to a moment; up to now where none is named.
    User(UserId, Option<Timestamp>),
    /// The credential with this `jti`, and the sessions that it opened.
    Jti(String),
    /// A signing key, with every credential and session of it.
    Kid(Kid),
    /// An API key, and the sessions that were opened with it.
    ApiKey(ApiKeyId),
    /// Everything of the application up to now.
    Application(ApplicationId),
}

/// Revokes.
///
/// # Errors
/// `not_permitted`; `bad_request` for a moment that is yet to come;
/// `not_found` where there is no such device or API key here; `wrong_audience`
/// for another application than the bearer's.
///
/// Answers the moment up to which the revocation holds.
pub async fn revoke(ctx: &Ctx, principal: &Principal, revoke: &Revoke) -> Result<Timestamp, Error> {
    let permit = permitted(principal, revoke)?;
    let judge = ctx.judge_of(permit.application()).await?;
    let revoker = Revoker {
        ctx,
        permit,
        judge: &judge,
        now: ctx.now(),
    };
    let mut before = revoker.now;
    match revoke {
        Revoke::Session(id) => revoker.session(*id).await?,
        Revoke::Device(id) => revoker.device(*id).await?,
        Revoke::User(id, moment) => before = revoker.user(*id, *moment).await?,
        Revoke::Jti(jti) => revoker.jti(jti).await?,
        Revoke::Kid(kid) if kid.as_str() == PASSWORD_KID => return Err(no_key()),
        Revoke::Kid(kid) => revoker.kid(kid).await?,
        Revoke::ApiKey(id) => revoker.api_key(*id).await?,
        Revoke::Application(id) => revoker.application(*id).await?,
    }
    Ok(before)
}

/// An operator who names an application by revoking it needs no other name.
fn permitted(principal: &Principal, revoke: &Revoke) -> Result<Permit, Error> {
    let mut principal = principal.clone();
    if let Revoke::Application(id) = revoke
        && *principal.application.get_or_insert(*id) != *id
    {
        return Err(Error::new(
            Code::WrongAudience,
            "the bearer is of another application than the one to be revoked",
        ));
    }
    let action = match revoke {
        Revoke::Session(_) | Revoke::Device(_) | Revoke::User(..) | Revoke::Jti(_) => {
            Action::Revoke
        }
        Revoke::Kid(_) | Revoke::ApiKey(_) | Revoke::Application(_) => Action::RevokeKey,
    };
    authorize(&principal, &action)?.outright()
}

/// Such a revocation would hold for ever, and nobody could sign in again.
fn no_key() -> Error {
    Error::new(
        Code::BadRequest,
        format!("{PASSWORD_KID} is no key: it stands for the passwords of users"),
    )
    .hint("switch the setting managed_users off, or revoke the user")
}

struct Revoker<'a> {
    ctx: &'a Ctx,
    permit: Permit,
    judge: &'a Judge,
    now: Timestamp,
}

// === impl Revoker ===

impl Revoker<'_> {
    async fn session(&self, id: SessionId) -> Result<(), Error> {
        let revocation = self.tombstone(Target::Session(id));
        let application = self.permit.application();
        let view = self.ctx.store.session(application, id).await?;
        let mut audit = self.told("session.revoke", &id, Details::default());
        audit.user = view.map(|view| view.session.user);
        let mut changes = self.end_session(id);
        changes.push(Change::Audit(audit));
        self.commit(changes).await?;
        self.tell(revocation);
        Ok(())
    }

    /// In rounds, until no session is open there: a login that was committed
    /// after a round's read is ended by the next one.
    async fn device(&self, id: DeviceId) -> Result<(), Error> {
        let application = self.permit.application();
        if !self.ctx.store.device_known(application, id).await? {
            return Err(Error::not_found("device"));
        }
        let audit = self.told("device.revoke", &id, Details::default());
        let mut changes = vec![Change::Audit(audit)];
        let mut ended = 0;
        while ended < limit::SESSIONS_ENDED_MAX {
            let open = self.ctx.store.sessions_on(application, id).await?;
            changes.extend(open.iter().flat_map(|session| self.end_session(*session)));
            if !changes.is_empty() {
                self.commit(std::mem::take(&mut changes)).await?;
            }
            if open.is_empty() {
                break;
            }
            ended += open.len();
            for session in open {
                self.tell(self.tombstone(Target::Session(session)));
            }
        }
        Ok(())
    }

    async fn user(&self, id: UserId, moment: Option<Timestamp>) -> Result<Timestamp, Error> {
        if moment.is_some_and(|moment| moment > self.now) {
            return Err(Error::new(
                Code::BadRequest,
                format!("before lies ahead: it is {} here", self.now),
            ));
        }
        let before = moment.unwrap_or(self.now);
        let revocation = Revocation {
            before,
            ..self.tombstone(Target::User(id))
        };
        let mut changes = vec![
            Change::RevokeDigestsOf {
                user: id,
                opened_by: moment,
                issued_after: before,
                at: self.now,
                forget_at: revocation.forget_at,
            },
            Change::Revoke(revocation.clone()),
        ];
        if moment.is_none() {
            changes.push(self.end_late(Some(id)));
        }
        let remark = Details::remark(format!("before {before}"));
        let audit = self.told("user.revoke", &id, remark).about(id);
        changes.push(Change::Audit(audit));
        self.commit(changes).await?;
        self.tell(revocation);
        Ok(before)
    }

    async fn jti(&self, jti: &str) -> Result<(), Error> {
        let revocation = self.tombstone(Target::jti(self.permit.application(), jti));
        let audit = self.told("credential.revoke", &jti, Details::default());
        let changes = vec![Change::Revoke(revocation.clone()), Change::Audit(audit)];
        self.commit(changes).await?;
        self.tell(revocation);
        Ok(())
    }

    /// A key of the ring gets the state that it cannot leave again. One that
    /// is not there any more may have verified credentials that still live.
    async fn kid(&self, kid: &Kid) -> Result<(), Error> {
        let revocation = self.tombstone(Target::Kid(kid.as_str().to_owned()));
        let mut keys = self.judge.application.keys.iter();
        let live = keys.find(|key| key.kid == *kid && key.state != KeyState::Revoked);
        let details = live.map(|key| states(key.state, KeyState::Revoked));
        let audit = self.told("key.revoke", kid, details.unwrap_or_default());
        let mut changes = vec![Change::Revoke(revocation.clone()), Change::Audit(audit)];
        if live.is_some() {
            changes.push(Change::SetKeyState(kid.clone(), KeyState::Revoked));
        }
        self.commit_or_without(changes, Expectation::Key).await?;
        self.tell(revocation);
        let application = self.permit.application();
        self.ctx.publish(Notice::Application(application));
        Ok(())
    }

    async fn api_key(&self, id: ApiKeyId) -> Result<(), Error> {
        let application = self.permit.application();
        let found = self.ctx.registry.api_key(id).await?;
        let key = found
            .filter(|key| key.application == Some(application))
            .ok_or_else(|| Error::not_found("API key"))?;
        let revocation = self.tombstone(Target::ApiKey(id));
        let was = known_of(self.ctx, id).await?;
        let audit = self.told("api_key.revoke", &id, was);
        let mut changes = vec![Change::Revoke(revocation.clone()), Change::Audit(audit)];
        if !key.revoked {
            changes.push(Change::RevokeApiKey(id));
        }
        self.commit_or_without(changes, Expectation::Key).await?;
        self.ctx.publish(Notice::ApiKey(id));
        self.tell(revocation);
        Ok(())
    }

    async fn application(&self, id: ApplicationId) -> Result<(), Error> {
        let revocation = self.tombstone(Target::Application(id));
        let audit = self.told("application.revoke", &id, Details::default());
        let changes = vec![
            Change::Revoke(revocation.clone()),
            self.end_late(None),
            Change::Audit(audit),
        ];
        self.commit(changes).await?;
        self.tell(revocation);
        Ok(())
    }

    /// What ends a session, whether it has a row or is a visitor's without one.
    fn end_session(&self, session: SessionId) -> Vec<Change> {
        let revocation = self.tombstone(Target::Session(session));
        vec![
            Change::EndIfOpen {
                session,
                why: EndReason::Revoked,
                at: self.now,
            },
            Change::RevokeDigestOf {
                session,
                at: self.now,
                forget_at: revocation.forget_at,
            },
            Change::Revoke(revocation),
        ]
    }

    /// What ends the sessions of logins that read the clock after this
    /// revocation did, and were committed before it.
    fn end_late(&self, user: Option<UserId>) -> Change {
        Change::EndOpenedAfter(LateSessions {
            user,
            moment: self.now,
            why: EndReason::Revoked,
            at: self.now,
        })
    }

    fn tombstone(&self, target: Target) -> Revocation {
        tombstone(target, &self.judge.application.settings, self.now)
    }

    fn told(&self, action: &'static str, target: &impl ToString, details: Details) -> AuditEntry {
        entry(self.ctx, self.permit.actor(), action, target, details)
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        let committed = self.ctx.store.commit(&self.permit, changes).await?;
        self.ctx.tally.committed(&committed);
        Ok(())
    }

    /// Commits; where the key was revoked or removed in between, without the
    /// last change, which says so once more.
    async fn commit_or_without(
        &self,
        mut changes: Vec<Change>,
        expectation: Expectation,
    ) -> Result<(), CommitError> {
        match self.commit(changes.clone()).await {
            Err(CommitError::Missed(missed)) if missed == expectation => {
                changes.pop();
                self.commit(changes).await
            }
            done => done,
        }
    }

    fn tell(&self, revocation: Revocation) {
        self.ctx.publish(Notice::Revoked {
            application: self.permit.application(),
            revocation,
        });
    }
}

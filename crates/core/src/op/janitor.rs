//! The janitor: what nothing needs any more is removed, a little at a time.
//!
//! Four tasks take turns: what deleted conversations have left behind, files
//! that no event came to name, old revocations, and a sweep over each
//! application's sessions and visitors. A
//! run ends with the first batch that removes something, and looks at a few
//! pages at most where there is nothing to remove. Every batch says by itself
//! what may go, so that a row which went on meanwhile stays, and another node
//! may do the same.
//!
//! # Invariants
//! - Nothing changes that anybody could see, but for the silent visitors and
//!   the files that have waited for too long: a row goes once no token and no
//!   credential can ask for it.
//! - A revocation goes only after a sweep that began when it was there already
//!   has come through: what it covered is ended by then, or gone.

use countersign_credential::time::Timestamp;

use crate::access::Permit;
use crate::context::Ctx;
use crate::error::Error;
use crate::id::{ApplicationId, SessionId, UserId};
use crate::limit;
use crate::model::page::Window;
use crate::model::session::EndReason;
use crate::model::settings::Settings;
use crate::ports::change::Change;
use crate::ports::upkeep::{Remains, SweptSession, Visitors};

const DAY_S: i64 = 86_400;

/// How far the janitor of a node has come. A new one begins anew.
#[derive(Debug, Default)]
pub struct Progress {
    /// How long after the beginning of a sweep another one may begin, in seconds.
    sweep_every_s: i64,
    /// The task whose turn it is.
    turn: usize,
    place: Place,
    /// When the sweep that is under way began.
    begun_at: Option<Timestamp>,
    /// When the last sweep began that has come through.
    swept_since: Option<Timestamp>,
}

/// What a run has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// It has written, and there may be more to do.
    Worked,
    /// It has found nothing to do where it looked.
    Idle,
}

/// Where the sweep goes on.
#[derive(Debug, Clone, Copy, Default)]
enum Place {
    /// With the first application.
    #[default]
    Begin,
    /// With the application that follows this one.
    After(ApplicationId),
    Sessions(ApplicationId, Option<SessionId>),
    Visitors(ApplicationId, Option<UserId>),
}

#[derive(Debug, Clone, Copy)]
enum Task {
    Leftovers,
    WaitingFiles,
    Tombstones,
    Sweep,
}

enum Step {
    Worked,
    /// There was nothing to do here.
    Looked,
    /// There is no further application.
    CameThrough,
}

/// What becomes of a session's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stays,
    /// It is over, and does not say so yet.
    Ends,
    Goes,
}

const TASKS: [Task; 4] = [
    Task::Leftovers,
    Task::WaitingFiles,
    Task::Tombstones,
    Task::Sweep,
];

// === impl Progress ===

impl Progress {
    /// A beginning, with how long after the beginning of a sweep another one may begin: what it
    /// looks for is over after days, and where there is little it soon has seen all of it.
    #[must_use]
    pub fn sweeping_every(seconds: i64) -> Self {
        Self {
            sweep_every_s: seconds,
            ..Self::default()
        }
    }
}

/// Does one run.
///
/// # Errors
/// If the store fails; the next run goes on with another task.
pub async fn clean(ctx: &Ctx, progress: &mut Progress) -> Result<Run, Error> {
    for _ in TASKS {
        let task = TASKS[progress.turn % TASKS.len()];
        progress.turn = (progress.turn + 1) % TASKS.len();
        let run = match task {
            Task::Leftovers => leftovers(ctx).await?,
            Task::WaitingFiles => waiting_files(ctx).await?,
            Task::Tombstones => tombstones(ctx, progress).await?,
            Task::Sweep => sweep(ctx, progress).await?,
        };
        if run == Run::Worked {
            ctx.tally.cleaned(ctx.now());
            return Ok(run);
        }
    }
    ctx.tally.cleaned(ctx.now());
    Ok(Run::Idle)
}

async fn leftovers(ctx: &Ctx) -> Result<Run, Error> {
    let removed = ctx.registry.remove_leftovers(limit::JANITOR_PIECE).await?;
    ctx.tally.removed(&removed);
    Ok(if removed.is_empty() {
        Run::Idle
    } else {
        Run::Worked
    })
}

async fn waiting_files(ctx: &Ctx) -> Result<Run, Error> {
    let stored_by = ctx.now().plus_seconds(-limit::FILE_WAITS_S);
    let most = limit::JANITOR_PIECE.files;
    let removed = ctx.registry.remove_waiting_files(stored_by, most).await?;
    ctx.tally.removed(&[(Remains::File, removed)]);
    Ok(if removed == 0 { Run::Idle } else { Run::Worked })
}

async fn tombstones(ctx: &Ctx, progress: &Progress) -> Result<Run, Error> {
    let Some(swept_since) = progress.swept_since else {
        return Ok(Run::Idle);
    };
    let due = ctx.now().plus_seconds(-limit::JANITOR_GRACE_S);
    let most = limit::JANITOR_TOMBSTONES_MAX;
    let removed = ctx
        .registry
        .remove_tombstones(due, swept_since, most)
        .await?;
    ctx.tally.removed(&[(Remains::Tombstone, removed)]);
    Ok(if removed == 0 { Run::Idle } else { Run::Worked })
}

async fn sweep(ctx: &Ctx, progress: &mut Progress) -> Result<Run, Error> {
    for _ in 0..limit::JANITOR_STEPS_MAX {
        match step(ctx, progress).await? {
            Step::Worked => return Ok(Run::Worked),
            Step::Looked => {}
            Step::CameThrough => break,
        }
    }
    Ok(Run::Idle)
}

async fn step(ctx: &Ctx, progress: &mut Progress) -> Result<Step, Error> {
    match progress.place {
        Place::Begin => {
            let now = ctx.now();
            let rests = |begun: Timestamp| {
                (begun..begun.plus_seconds(progress.sweep_every_s)).contains(&now)
            };
            if progress.begun_at.is_some_and(rests) {
                return Ok(Step::CameThrough);
            }
            progress.begun_at = Some(now);
            next_application(ctx, progress, None).await
        }
        Place::After(application) => next_application(ctx, progress, Some(application)).await,
        Place::Sessions(application, after) => sessions(ctx, progress, application, after).await,
        Place::Visitors(application, after) => visitors(ctx, progress, application, after).await,
    }
}

async fn next_application(
    ctx: &Ctx,
    progress: &mut Progress,
    after: Option<ApplicationId>,
) -> Result<Step, Error> {
    let window = Window {
        after: after.map(|id| id.bytes().to_vec()),
        limit: 1,
    };
    let page = ctx.registry.applications(window).await?;
    let Some(application) = page.items.first() else {
        progress.swept_since = progress.begun_at;
        progress.place = Place::Begin;
        return Ok(Step::CameThrough);
    };
    progress.place = Place::Sessions(application.id, None);
    Ok(Step::Looked)
}

async fn sessions(
    ctx: &Ctx,
    progress: &mut Progress,
    application: ApplicationId,
    after: Option<SessionId>,
) -> Result<Step, Error> {
    // As they are, and not as this node may remember them for a while.
    let Some((settings, _)) = ctx.store.settings(application).await? else {
        progress.place = Place::After(application);
        return Ok(Step::Looked);
    };
    let now = ctx.now();
    let page = ctx
        .registry
        .sessions_after(application, after, limit::JANITOR_PAGE)
        .await?;
    let next = match page.last() {
        Some(last) if page.len() == limit::JANITOR_PAGE => {
            Place::Sessions(application, Some(last.session.id))
        }
        Some(_) | None => Place::Visitors(application, None),
    };
    let mut changes = Vec::new();
    for swept in page {
        match fate(&swept, &settings, now) {
            Fate::Stays => {}
            Fate::Ends => changes.push(Change::EndIfOpen {
                session: swept.session.id,
                why: EndReason::Revoked,
                at: now,
            }),
            Fate::Goes => changes.push(Change::RemoveSession(Box::new(swept.session), now)),
        }
    }
    commit(ctx, progress, application, changes, next).await
}

async fn visitors(
    ctx: &Ctx,
    progress: &mut Progress,
    application: ApplicationId,
    after: Option<UserId>,
) -> Result<Step, Error> {
    let Some((settings, _)) = ctx.store.settings(application).await? else {
        progress.place = Place::After(application);
        return Ok(Step::Looked);
    };
    let silent_s = i64::from(settings.anonymous_days) * DAY_S;
    let silent_since = ctx.now().plus_seconds(-silent_s);
    let wanted = Visitors {
        after,
        silent_since,
        limit: limit::JANITOR_PAGE,
    };
    let page = ctx.registry.visitors_after(application, wanted).await?;
    let mut next = match page.last() {
        Some(last) if page.len() == wanted.limit => Place::Visitors(application, Some(last.user)),
        Some(_) | None => Place::After(application),
    };
    let mut changes = Vec::new();
    for visitor in page.into_iter().filter(|visitor| visitor.removable) {
        changes.push(Change::RemoveVisitor {
            user: visitor.user,
            silent_since,
        });
        if changes.len() == limit::JANITOR_VISITORS_MAX {
            next = Place::Visitors(application, Some(visitor.user));
            break;
        }
    }
    commit(ctx, progress, application, changes, next).await
}

/// Commits, and goes on from the next place.
async fn commit(
    ctx: &Ctx,
    progress: &mut Progress,
    application: ApplicationId,
    changes: Vec<Change>,
    next: Place,
) -> Result<Step, Error> {
    if changes.is_empty() {
        progress.place = next;
        return Ok(Step::Looked);
    }
    let permit = Permit::of_system(application);
    let committed = ctx.store.commit(&permit, changes).await?;
    ctx.tally.committed(&committed);
    progress.place = next;
    Ok(Step::Worked)
}

/// A row is needed as long as a refresh token of it could be shown, which is
/// then told that the session is over, or that it was exchanged already; and
/// as long as its credential could be, which must not open another one.
fn fate(swept: &SweptSession, settings: &Settings, now: Timestamp) -> Fate {
    let session = &swept.session;
    let mut needed_until = session.refresh_expires_at(settings);
    if let Some(credential) = &session.credential
        && credential.one_time_id.is_some()
    {
        needed_until = needed_until.max(credential.expires_at);
    }
    if session.ended.is_none() && swept.revoked {
        Fate::Ends
    } else if now >= needed_until.plus_seconds(limit::JANITOR_GRACE_S) {
        Fate::Goes
    } else {
        Fate::Stays
    }
}

#[cfg(test)]
mod tests {
    use countersign_credential::dialect::Dialect;
    use countersign_credential::key::Kid;

    use super::*;
    use crate::id::DeviceId;
    use crate::model::session::{Ended, Session, SessionCredential};

    const DAY_MS: i64 = DAY_S * 1_000;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(1_800_000_000_000 + milliseconds)
    }

    /// A user's session of moment 0, whose credential is over after a while.
    fn session(credential_ms: i64, one_time: bool) -> Session {
        Session {
            id: SessionId::from_bytes([1; 16]),
            user: UserId::from_bytes([2; 16]),
            device: DeviceId::from_bytes([3; 16]),
            device_name: None,
            api_key: None,
            credential: Some(SessionCredential {
                dialect: Dialect::Native,
                kid: Kid::parse("kid-1").unwrap(),
                jti: None,
                digest: [4; 32],
                one_time_id: one_time.then_some([5; 32]),
                issued_at: at(0),
                expires_at: at(credential_ms),
                acl: None,
            }),
            generation: 0,
            nonce_digest: None,
            rotated_at: at(0),
            expires_at: at(10 * DAY_MS),
            ended: None,
        }
    }

    #[test]
    fn a_row_goes_a_day_after_nothing_needs_it_any_more() {
        let settings = Settings {
            idle_days: 3,
            anonymous_days: 5,
            ..Settings::default()
        };
        let ended = |session: Session| Session {
            ended: Some(Ended {
                at: at(1),
                why: EndReason::RefreshReused,
            }),
            ..session
        };
        let visitor = Session {
            credential: None,
            ..session(0, false)
        };
        let near_its_end = Session {
            rotated_at: at(9 * DAY_MS),
            ..session(0, false)
        };
        for (what, session, needed_ms) in [
            ("idle", session(0, false), 3 * DAY_MS),
            ("ended", ended(session(0, true)), 3 * DAY_MS),
            ("used", session(4 * DAY_MS, true), 4 * DAY_MS),
            (
                "used and ended",
                ended(session(4 * DAY_MS, true)),
                4 * DAY_MS,
            ),
            ("a bearer", session(4 * DAY_MS, false), 3 * DAY_MS),
            ("a visitor", visitor.clone(), 5 * DAY_MS),
            ("an ended visitor", ended(visitor), 5 * DAY_MS),
            ("at its end", near_its_end, 10 * DAY_MS),
        ] {
            let grace_ms = limit::JANITOR_GRACE_S * 1_000;
            for (now, goes) in [(-1, false), (0, true), (DAY_MS, true)] {
                let now = at(needed_ms + grace_ms + now);
                for revoked in [false, true] {
                    let session = session.clone();
                    let swept = SweptSession { session, revoked };
                    let expected = match (revoked && swept.session.ended.is_none(), goes) {
                        (true, _) => Fate::Ends,
                        (false, true) => Fate::Goes,
                        (false, false) => Fate::Stays,
                    };
                    let found = fate(&swept, &settings, now);
                    assert_eq!(found, expected, "{what}, {now}, revoked: {revoked}");
                }
            }
        }
    }
}

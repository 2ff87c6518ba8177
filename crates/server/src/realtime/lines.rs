//! The lines of a node, by how they are found.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use countersign_core::id::{ApplicationId, SessionId, UserId};
use countersign_core::model::revocation::{Revocation, Target};

use super::leaving::Leaving;
use super::line::Line;

/// The lines, by how they are found.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) by_session: HashMap<SessionId, Vec<Arc<Line>>>,
    pub(super) by_user: HashMap<UserId, Vec<Arc<Line>>>,
    pub(super) count: usize,
}

// === impl Lines ===

impl Lines {
    pub(super) fn of_user(&self, user: UserId, tell: impl Fn(&Line)) {
        for line in self.by_user.get(&user).into_iter().flatten() {
            tell(line);
        }
    }

    pub(super) fn of_session(&self, session: SessionId, tell: impl Fn(&Line)) {
        for line in self.by_session.get(&session).into_iter().flatten() {
            tell(line);
        }
    }

    pub(super) fn of_application(&self, application: ApplicationId, tell: impl Fn(&Line)) {
        let all = self.by_session.values().flatten();
        for line in all.filter(|line| line.application == application) {
            tell(line);
        }
    }

    /// Closes what a revocation covers. A login that was committed before it
    /// and read the clock after it is ended by it all the same; so who else is
    /// meant by name is looked at again.
    pub(super) fn revoked(
        &self,
        application: ApplicationId,
        revocation: &Revocation,
        leaving: &Arc<Leaving>,
    ) {
        let close = |line: &Line| {
            let covered = line.application == application && line.has(|it| revocation.covers(it));
            if covered {
                line.end(leaving);
            }
            covered
        };
        let close_or_look = |line: &Line| {
            if !close(line) {
                line.look_again();
            }
        };
        match &revocation.target {
            Target::Session(id) => self.of_session(*id, |line| {
                close(line);
            }),
            Target::User(id) => self.of_user(*id, close_or_look),
            Target::Application(id) => self.of_application(*id, close_or_look),
            Target::Jti(_) | Target::Digest(_) | Target::Kid(_) | Target::ApiKey(_) => {
                self.of_application(application, |line| {
                    close(line);
                });
            }
            // They cover credentials alone.
            Target::Name(_) | Target::ExternalId(_) | Target::Email(_) => {}
        }
    }

    pub(super) fn remove(&mut self, line: &Arc<Line>) {
        self.count -= 1;
        remove_from(&mut self.by_session, &line.session, line);
        remove_from(&mut self.by_user, &line.user, line);
    }
}

fn remove_from<K: Eq + Hash>(map: &mut HashMap<K, Vec<Arc<Line>>>, key: &K, line: &Arc<Line>) {
    if let Some(lines) = map.get_mut(key) {
        lines.retain(|known| !Arc::ptr_eq(known, line));
        if lines.is_empty() {
            map.remove(key);
        }
    }
}

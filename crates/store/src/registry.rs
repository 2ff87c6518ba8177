//! What belongs to no application, or is one.

use crate::change::{self, Plan};
use crate::engine::{Batch, Engine, Statement, Value};
use crate::epoch;
use crate::error::StoreError;
use crate::event_key::is_of;
use crate::read;
use crate::rows::Row;
use crate::secrets::{Place, SecretError};
use crate::settings;
use crate::store::SqlStore;
use async_trait::async_trait;
use countersign_core::access::Permit;
use countersign_core::id::{ApiKeyId, ApplicationId};
use countersign_core::key_use::{KeyUse, UsedKey};
use countersign_core::model::api_key::ApiKey;
use countersign_core::model::application::{Application, ApplicationName};
use countersign_core::model::audit::AuditEntry;
use countersign_core::model::epoch::Epochs;
use countersign_core::model::page::{Page, Window};
use countersign_core::ports::change::{Change, Expectation};
use countersign_core::ports::store as port;
use countersign_core::ports::store::{CommitError, Registry};

const ADD_APPLICATION: &str = "INSERT INTO applications \
     (id, slug, alias, name, settings, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
/// An alias is unique among all ids, slugs and aliases.
const IS_ALIAS: &str = "SELECT 1 FROM applications WHERE alias IN ($1, $2)";
const DELETE_APPLICATION: &str = "DELETE FROM applications WHERE id = $1 RETURNING 1";
/// Its events are found by what is left of conversations: of those that go with it, and of those
/// that were deleted before.
const DELETE_ALL_OF: [&str; 16] = [
    "INSERT INTO leftovers (application_id, conversation_id, number) \
     SELECT every.application_id, every.id, every.number FROM conversations every \
     WHERE every.application_id = $1",
    "DELETE FROM conversations WHERE application_id = $1",
    concat!(
        "DELETE FROM events WHERE key IN (SELECT e.key FROM leftovers l JOIN events e ON ",
        is_of!("e", "l"),
        " WHERE l.application_id = $1)"
    ),
    "DELETE FROM signing_keys WHERE application_id = $1",
    "DELETE FROM api_keys WHERE application_id = $1",
    "DELETE FROM users WHERE application_id = $1",
    "DELETE FROM passwords WHERE application_id = $1",
    "DELETE FROM sessions WHERE application_id = $1",
    "DELETE FROM revocations WHERE application_id = $1",
    "DELETE FROM members WHERE application_id = $1",
    "DELETE FROM attachments WHERE application_id = $1",
    "DELETE FROM leftovers WHERE application_id = $1",
    "DELETE FROM erasures WHERE application_id = $1",
    "DELETE FROM erasure_places WHERE application_id = $1",
    "DELETE FROM audit WHERE application_id = $1",
    "DELETE FROM audit_logs WHERE application_id = $1",
];
const NOTE_API_KEY: &str = "UPDATE api_keys SET last_used_at = $2 \
     WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
const NOTE_SIGNING_KEY: &str = "UPDATE signing_keys SET last_used_at = $3 \
     WHERE application_id = $1 AND kid = $2 AND (last_used_at IS NULL OR last_used_at < $3)";
const MAC_KEYS: &str = "SELECT id, sealed_secret FROM mac_keys ORDER BY id";
const ADD_MAC_KEY: &str =
    "INSERT INTO mac_keys (id, sealed_secret) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    ADD_APPLICATION,
    IS_ALIAS,
    DELETE_APPLICATION,
    DELETE_ALL_OF[0],
    DELETE_ALL_OF[1],
    DELETE_ALL_OF[2],
    DELETE_ALL_OF[3],
    DELETE_ALL_OF[4],
    DELETE_ALL_OF[5],
    DELETE_ALL_OF[6],
    DELETE_ALL_OF[7],
    DELETE_ALL_OF[8],
    DELETE_ALL_OF[9],
    DELETE_ALL_OF[10],
    DELETE_ALL_OF[11],
    DELETE_ALL_OF[12],
    DELETE_ALL_OF[13],
    DELETE_ALL_OF[14],
    DELETE_ALL_OF[15],
    NOTE_API_KEY,
    NOTE_SIGNING_KEY,
    MAC_KEYS,
    ADD_MAC_KEY,
];

const FIRST_MAC_KEY: u8 = 1;

// === impl SqlStore ===

impl<E: Engine> SqlStore<E> {
    /// The keys that our own tokens are MACed under, by id: the last one makes, all of them
    /// check. The first one is made here, where there is none.
    ///
    /// # Errors
    /// If the store fails, or a key was sealed under a key-encryption key that is not known.
    pub async fn token_keys(&self) -> Result<Vec<(u8, [u8; 32])>, port::StoreError> {
        let keys = self.sealed_token_keys().await?;
        if !keys.is_empty() {
            return Ok(keys);
        }
        let mut secret = zeroize::Zeroizing::new([0; 32]);
        self.random.fill(secret.as_mut_slice());
        let random = |bytes: &mut [u8]| self.random.fill(bytes);
        let row = [FIRST_MAC_KEY];
        let sealed = self
            .keyring
            .seal(mac_key_place(&row), secret.as_slice(), random)?;
        let parameters = [i64::from(FIRST_MAC_KEY).into(), sealed.into()];
        let add = Statement::new(ADD_MAC_KEY, parameters);
        self.engine.write(add.into()).await?;
        // Where two began at once, one key was kept, and both read that one.
        self.sealed_token_keys().await
    }

    /// Why the secrets of this database cannot be opened, if that is so: it was made under
    /// another key-encryption key, or its content was changed.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn unopened_secret(&self) -> Result<Option<SecretError>, port::StoreError> {
        let sealed = self.mac_keys().await?;
        let opened = sealed.iter().map(|(id, sealed)| {
            let row = [*id];
            self.keyring.open(mac_key_place(&row), sealed)
        });
        Ok(opened.into_iter().find_map(Result::err))
    }

    async fn sealed_token_keys(&self) -> Result<Vec<(u8, [u8; 32])>, port::StoreError> {
        let sealed = self.mac_keys().await?;
        let mut keys = Vec::with_capacity(sealed.len());
        for (id, sealed) in sealed {
            let row = [id];
            let secret = self.keyring.open(mac_key_place(&row), &sealed)?;
            let secret =
                <[u8; 32]>::try_from(secret.as_slice()).map_err(|_| SecretError::Malformed)?;
            keys.push((id, secret));
        }
        Ok(keys)
    }

    /// The keys as they are stored, sealed.
    async fn mac_keys(&self) -> Result<Vec<(u8, Vec<u8>)>, port::StoreError> {
        let rows = read::ask(&self.engine, Statement::new(MAC_KEYS, [])).await?;
        let keys = read::all(&rows, |columns| {
            Ok((columns.number::<u8>()?, columns.next(Row::blob)?.to_vec()))
        });
        Ok(keys?)
    }
}

#[async_trait]
impl<E: Engine + 'static> Registry for SqlStore<E> {
    async fn add_application(
        &self,
        permit: &Permit,
        application: Application,
        audit: AuditEntry,
    ) -> Result<(), CommitError> {
        debug_assert_eq!(permit.application(), application.id);
        let mut plan = Plan::new(application.id);
        plan_application(&mut plan, &application)?;
        let keys = application.keys.into_iter().map(Change::AddSigningKey);
        let rest = keys.chain([Change::Audit(audit)]).collect();
        let mut with_rest = change::plan(permit.application(), rest, self.sealing())?;
        let mut batch = plan.take_batch();
        batch.extend(with_rest.take_batch().statements().iter().cloned());
        self.engine.write(batch).await?;
        Ok(())
    }

    async fn delete_application(
        &self,
        permit: &Permit,
        audit: AuditEntry,
    ) -> Result<(), CommitError> {
        let mut plan = Plan::new(permit.application());
        let key = [plan.application()];
        plan.expect(Expectation::Application, DELETE_APPLICATION, key.clone());
        for sql in DELETE_ALL_OF {
            plan.run(sql, key.clone());
        }
        let mut batch = plan.take_batch();
        batch.extend(installation_audit(audit).statements().iter().cloned());
        self.engine.write(batch).await?;
        Ok(())
    }

    async fn application(
        &self,
        name: ApplicationName,
    ) -> Result<Option<Application>, port::StoreError> {
        read::application::find(&self.engine, &self.keyring, &name).await
    }

    async fn applications(&self, window: Window) -> Result<Page<Application>, port::StoreError> {
        Ok(read::application::list(&self.engine, &window).await?)
    }

    async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, port::StoreError> {
        Ok(read::api_key::find(&self.engine, id).await?)
    }

    async fn api_keys(
        &self,
        application: Option<ApplicationId>,
        window: Window,
    ) -> Result<Page<ApiKey>, port::StoreError> {
        Ok(read::api_key::list(&self.engine, application, &window).await?)
    }

    async fn add_operator_key(&self, key: ApiKey, audit: AuditEntry) -> Result<(), CommitError> {
        let parameters = change::api_key::parameters(Value::Null, &key);
        let add = Statement::new(change::api_key::ADD_OPERATOR, parameters);
        let mut batch = Batch::from(add);
        batch.extend(installation_audit(audit).statements().iter().cloned());
        self.engine.write(batch).await?;
        Ok(())
    }

    async fn revoke_operator_key(
        &self,
        id: ApiKeyId,
        audit: AuditEntry,
    ) -> Result<(), CommitError> {
        let mut plan = Plan::new(ApplicationId::INSTALLATION);
        plan.expect(
            Expectation::Key,
            change::api_key::REVOKE_OPERATOR,
            [id.bytes().into()],
        );
        change::audit::add(&mut plan, audit);
        self.engine.write(plan.take_batch()).await?;
        Ok(())
    }

    async fn note_used(&self, uses: Vec<KeyUse>) -> Result<(), port::StoreError> {
        let notes: Vec<Statement> = uses.iter().map(note_of).collect();
        self.engine.write(notes.into()).await?;
        Ok(())
    }

    async fn epochs(&self) -> Result<Epochs, port::StoreError> {
        Ok(epoch::find(&self.engine).await?)
    }

    async fn ping(&self) -> Result<(), port::StoreError> {
        Ok(self.engine.ping().await?)
    }
}

/// The row, and before it what no unique index sees: that no name stands for two applications.
fn plan_application(plan: &mut Plan, application: &Application) -> Result<(), StoreError> {
    let slug = Value::from(application.slug.as_str());
    let id = Value::from(application.id.to_string());
    plan.expect_none(Expectation::SlugFree, IS_ALIAS, [slug.clone(), id]);
    if let Some(alias) = &application.alias {
        change::application::expect_alias_free(plan, alias);
    }
    let parameters = [
        plan.application(),
        slug,
        application.alias.as_deref().into(),
        application.name.as_str().into(),
        settings::write(&application.settings)?.into(),
        application.created_at.milliseconds().into(),
    ];
    plan.run(ADD_APPLICATION, parameters);
    Ok(())
}

/// A use, which only moves forward: two nodes write in any order.
fn note_of(used: &KeyUse) -> Statement {
    let at = Value::from(used.at.milliseconds());
    match &used.key {
        UsedKey::Api(id) => Statement::new(NOTE_API_KEY, [id.bytes().into(), at]),
        UsedKey::Signing(application, kid) => {
            let parameters = [application.bytes().into(), kid.as_str().into(), at];
            Statement::new(NOTE_SIGNING_KEY, parameters)
        }
    }
}

/// The statement that adds an entry to the installation's log.
pub(crate) fn installation_audit(audit: AuditEntry) -> Batch {
    let mut plan = Plan::new(ApplicationId::INSTALLATION);
    change::audit::add(&mut plan, audit);
    plan.take_batch()
}

/// Where a key of our own tokens belongs.
pub(crate) fn mac_key_place(row: &[u8]) -> Place<'_> {
    Place {
        table: "mac_keys",
        column: "sealed_secret",
        row,
    }
}

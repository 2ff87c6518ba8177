//! Applications, and their signing keys with the secrets opened.

use super::{FIRST_ID, after, all, ask, first, page, rows_of};
use crate::change::signing_key::{place_of, row_of};
use crate::columns::Columns;
use crate::engine::{Engine, Statement, Value};
use crate::error::StoreError;
use crate::rows::Row;
use crate::secrets::Keyring;
use crate::settings;
use countersign_core::id::ApplicationId;
use countersign_core::model::application::{Application, ApplicationName};
use countersign_core::model::page::{Page, Window};
use countersign_core::model::signing_key::{KeyMaterial, SigningKey};
use countersign_core::ports::store as port;
use countersign_credential::key::{KeyAlgorithm, KeyState, Kid};

macro_rules! application_by {
    ($column:literal) => {
        concat!(
            "SELECT id, slug, name, created_at, alias, settings FROM applications WHERE ",
            $column,
            " = $1"
        )
    };
}

macro_rules! keys_by {
    ($column:literal) => {
        concat!(
            "SELECT k.kid, k.algorithm, k.state, k.public_key_pem, k.sealed_secret, \
             k.created_at, k.last_used_at FROM applications a JOIN signing_keys k \
             ON k.application_id = a.id WHERE a.",
            $column,
            " = $1 ORDER BY k.created_at, k.kid"
        )
    };
}

const BY_ID: [&str; 2] = [application_by!("id"), keys_by!("id")];
const BY_ALIAS: [&str; 2] = [application_by!("alias"), keys_by!("alias")];
const BY_SLUG: [&str; 2] = [application_by!("slug"), keys_by!("slug")];
const LIST: &str = "SELECT id, slug, name, created_at, alias, settings FROM applications \
     WHERE id > $1 ORDER BY id LIMIT $2";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    BY_ID[0],
    BY_ID[1],
    BY_ALIAS[0],
    BY_ALIAS[1],
    BY_SLUG[0],
    BY_SLUG[1],
    LIST,
];

/// An application with its keys.
pub(crate) async fn find(
    engine: &impl Engine,
    keyring: &Keyring,
    name: &ApplicationName,
) -> Result<Option<Application>, port::StoreError> {
    let (texts, value) = match name {
        ApplicationName::Id(id) => (BY_ID, Value::from(id.bytes())),
        ApplicationName::Alias(alias) => (BY_ALIAS, alias.as_str().into()),
        ApplicationName::Slug(slug) => (BY_SLUG, slug.as_str().into()),
    };
    let queries = texts.map(|sql| Statement::new(sql, [value.clone()]));
    let answers = engine.read(queries.into()).await?;
    let [found, keys] = answers.as_slice() else {
        return Ok(None);
    };
    let Some(mut application) = first(found, application)? else {
        return Ok(None);
    };
    for row in keys.iter() {
        let key = signing_key(&mut Columns::of(row), application.id, keyring)?;
        application.keys.push(key);
    }
    Ok(Some(application))
}

/// Applications without their keys, the oldest first.
pub(crate) async fn list(
    engine: &impl Engine,
    window: &Window,
) -> Result<Page<Application>, StoreError> {
    let parameters = [after(window, FIRST_ID), rows_of(window)];
    let rows = ask(engine, Statement::new(LIST, parameters)).await?;
    let applications = all(&rows, application)?;
    Ok(page(applications, window, |application| {
        application.id.bytes().to_vec()
    }))
}

fn application(columns: &mut Columns<'_>) -> Result<Application, StoreError> {
    Ok(Application {
        id: ApplicationId::from_bytes(columns.id()?),
        slug: columns.parsed("a slug", |text| text.parse().ok())?,
        name: columns.text()?.to_owned(),
        created_at: columns.time()?,
        alias: columns.optional_text()?.map(str::to_owned),
        settings: settings::read(columns.text()?)?,
        keys: Vec::new(),
    })
}

fn signing_key(
    columns: &mut Columns<'_>,
    application: ApplicationId,
    keyring: &Keyring,
) -> Result<SigningKey, port::StoreError> {
    let kid = columns.parsed("a kid", |text| Kid::parse(text).ok())?;
    let algorithm = columns.parsed("a key's algorithm", KeyAlgorithm::from_name)?;
    let state = columns.parsed("a key's state", KeyState::from_name)?;
    let public_key = columns.optional_text()?;
    let sealed = columns.optional(Row::blob)?;
    let material = match (public_key, sealed) {
        (_, Some(sealed)) => {
            let row = row_of(application, &kid);
            KeyMaterial::Secret(keyring.open(place_of(&row), sealed)?)
        }
        (public_key, None) => KeyMaterial::Public(public_key.unwrap_or_default().to_owned()),
    };
    Ok(SigningKey {
        kid,
        algorithm,
        state,
        material,
        created_at: columns.time()?,
        last_used_at: columns.optional_time()?,
    })
}

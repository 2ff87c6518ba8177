//! Settings: how an application wants to be served.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{Ref, Schema};

use crate::object;
use crate::patch::Patch;
use crate::schema;

/// An application's settings, the defaults filled in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Settings {
    /// Whether users may sign up and sign in with a name and a password.
    pub managed_users: bool,
    /// What a valid credential of an unknown user does.
    pub unknown_user: PerDialect<UnknownUser>,
    /// Whether a credential opens one session only.
    pub one_time: PerDialect<bool>,
    /// What becomes of a visitor's conversations at the login.
    pub merge: MergePolicy,
    /// What happens when e-mail and external id name two users.
    pub identity_conflict: IdentityConflict,
    /// How far ahead of the server's clock a credential's times may be, in seconds.
    #[schema(minimum = 0, maximum = 300)]
    pub leeway_s: u32,
    /// How long an access token lives, in seconds.
    #[schema(minimum = 10, maximum = 3600)]
    pub access_s: u32,
    /// A session that was not refreshed for so many days has ended.
    #[schema(minimum = 1, maximum = 3650)]
    pub idle_days: u32,
    /// A session ends so many days after its opening.
    #[schema(minimum = 1, maximum = 3650)]
    pub absolute_days: u32,
    /// How many sessions a user has at most.
    #[schema(minimum = 1, maximum = 1000)]
    pub sessions_max: u32,
    /// How many days a visitor's tokens live.
    #[schema(minimum = 1, maximum = 3650)]
    pub anonymous_days: u32,
    /// Origins of web pages that may call the native API.
    #[schema(value_type = Vec<schema::Origin>, max_items = 100)]
    pub allowed_origins: Vec<String>,
    /// What a credential without an ACL, and a visitor, may call.
    #[schema(value_type = schema::Acl)]
    pub default_acl: Box<RawValue>,
    /// Whether a kustomer login upgrades the tracking token in place.
    pub kustomer_keep_token: bool,
}

/// `PATCH /v1/applications/{id}/settings`: null resets a member to its default.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"allowed_origins": ["https://shop.example"], "merge": "keep_separate"})))]
pub struct SettingsPatch {
    /// Whether users may sign up and sign in with a name and a password.
    #[schema(value_type = Option<bool>)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub managed_users: Patch<bool>,
    /// What a valid credential of an unknown user does.
    #[schema(schema_with = per_dialect_patch::<UnknownUser>)]
    #[serde(
        default,
        deserialize_with = "object::patch",
        skip_serializing_if = "Patch::is_absent"
    )]
    pub unknown_user: Patch<PerDialectPatch<UnknownUser>>,
    /// Whether a credential opens one session only.
    #[schema(schema_with = per_dialect_patch::<bool>)]
    #[serde(
        default,
        deserialize_with = "object::patch",
        skip_serializing_if = "Patch::is_absent"
    )]
    pub one_time: Patch<PerDialectPatch<bool>>,
    /// What becomes of a visitor's conversations at the login.
    #[schema(schema_with = or_null::<MergePolicy>)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub merge: Patch<MergePolicy>,
    /// What happens when e-mail and external id name two users.
    #[schema(schema_with = or_null::<IdentityConflict>)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub identity_conflict: Patch<IdentityConflict>,
    /// How far ahead of the server's clock a credential's times may be, in seconds.
    #[schema(value_type = Option<u32>, minimum = 0, maximum = 300)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub leeway_s: Patch<u32>,
    /// How long an access token lives, in seconds.
    #[schema(value_type = Option<u32>, minimum = 10, maximum = 3600)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub access_s: Patch<u32>,
    /// A session that was not refreshed for so many days has ended.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 3650)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub idle_days: Patch<u32>,
    /// A session ends so many days after its opening.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 3650)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub absolute_days: Patch<u32>,
    /// How many sessions a user has at most.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub sessions_max: Patch<u32>,
    /// How many days a visitor's tokens live.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 3650)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub anonymous_days: Patch<u32>,
    /// Origins of web pages that may call the native API.
    #[schema(value_type = Option<Vec<schema::Origin>>, max_items = 100)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub allowed_origins: Patch<Vec<String>>,
    /// What a credential without an ACL, and a visitor, may call.
    #[schema(schema_with = acl_or_null)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub default_acl: Patch<Box<RawValue>>,
    /// Whether a kustomer login upgrades the tracking token in place.
    #[schema(value_type = Option<bool>)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub kustomer_keep_token: Patch<bool>,
}

/// One value for each dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PerDialect<T> {
    /// For nexmo's.
    pub nexmo: T,
    /// For kustomer's.
    pub kustomer: T,
    /// For both of sinch's.
    pub sinch: T,
    /// For ours.
    pub native: T,
}

/// A change of some dialects' values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "T: Deserialize<'de>"))]
pub struct PerDialectPatch<T> {
    /// For nexmo's.
    #[serde(default = "absent", skip_serializing_if = "Patch::is_absent")]
    pub nexmo: Patch<T>,
    /// For kustomer's.
    #[serde(default = "absent", skip_serializing_if = "Patch::is_absent")]
    pub kustomer: Patch<T>,
    /// For both of sinch's.
    #[serde(default = "absent", skip_serializing_if = "Patch::is_absent")]
    pub sinch: Patch<T>,
    /// For ours.
    #[serde(default = "absent", skip_serializing_if = "Patch::is_absent")]
    pub native: Patch<T>,
}

/// What a valid credential of an unknown user does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownUser {
    /// It is refused.
    Refuse,
    /// It creates the user.
    Create,
}

/// What becomes of a visitor's conversations at the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MergePolicy {
    /// They move to the user.
    Merge,
    /// The visitor stays their owner.
    KeepSeparate,
    /// They are deleted.
    Discard,
}

/// What happens when e-mail and external id name two users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityConflict {
    /// The e-mail wins.
    Email,
    /// The login is refused.
    Reject,
}

/// By hand: a derived schema forgets that a value of a type parameter may be null.
fn per_dialect_patch<T: ToSchema>() -> Schema {
    let empty =
        ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(false)));
    let object = ["nexmo", "kustomer", "sinch", "native"]
        .into_iter()
        .fold(empty, |object, dialect| {
            object.property(dialect, or_null::<T>())
        });
    let patch = OneOfBuilder::new()
        .item(object)
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .description(Some(
            "A change of some dialects' values; null resets one, or all, to the default.",
        ));
    Schema::OneOf(patch.build())
}

fn or_null<T: ToSchema>() -> Schema {
    let null = ObjectBuilder::new().schema_type(Type::Null);
    Schema::OneOf(OneOfBuilder::new().item(T::schema()).item(null).build())
}

/// By hand: what is derived for an `Option` of it trips a lint.
fn acl_or_null() -> Schema {
    let null = ObjectBuilder::new().schema_type(Type::Null);
    let acl = Ref::from_schema_name(schema::Acl::name());
    Schema::OneOf(OneOfBuilder::new().item(acl).item(null).build())
}

fn absent<T>() -> Patch<T> {
    Patch::Absent
}

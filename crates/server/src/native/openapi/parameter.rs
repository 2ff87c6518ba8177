//! Parameters of paths and queries.

use countersign_wire::schema;
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{Ref, RefOr, Required, Schema};

/// A schema with its name.
pub(super) type Component = (String, RefOr<Schema>);

/// A parameter of paths: what it is, and how it is spelled.
struct InPath {
    name: &'static str,
    about: &'static str,
    component: fn() -> Component,
}

const IN_PATH: [InPath; 11] = [
    within::<schema::SessionId>("session_id", "The session."),
    within::<schema::DeviceId>("device_id", "The device."),
    within::<schema::UserId>("user_id", "The user."),
    within::<schema::ConversationId>("conversation_id", "The conversation."),
    within::<schema::MemberId>("member_id", "The member."),
    within::<schema::AttachmentId>("attachment_id", "The file."),
    within::<schema::Kid>("kid", "The name of the key."),
    within::<schema::ApiKeyId>("api_key_id", "The API key."),
    within::<schema::ApplicationPlace>(
        "application_id",
        "The application: its id, or `current` for the bearer's own.",
    ),
    within::<schema::EventNumber>("event_id", "The number of the event."),
    within::<schema::ErrorCode>("code", "The code of a refusal."),
];

/// The parameters of a path, in the order in which they stand there.
pub(super) fn in_path(template: &str) -> Vec<(Parameter, Component)> {
    let mut found: Vec<_> = IN_PATH
        .into_iter()
        .filter_map(
            |InPath {
                 name,
                 about,
                 component,
             }| {
                let place = template.find(&format!("{{{name}}}"))?;
                let component = component();
                let parameter = ParameterBuilder::new()
                    .name(name)
                    .parameter_in(ParameterIn::Path)
                    .required(Required::True)
                    .description(Some(about))
                    .schema(Some(Ref::from_schema_name(&component.0)));
                Some((place, (parameter.build(), component)))
            },
        )
        .collect();
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, parameter)| parameter).collect()
}

/// A parameter of a query, which may be left out.
pub(super) fn in_query(name: &str, about: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(schema))
        .build()
}

/// The schema of a type, by its name.
pub(super) fn component<T: ToSchema>() -> Component {
    (T::name().into_owned(), T::schema())
}

const fn within<T: ToSchema>(name: &'static str, about: &'static str) -> InPath {
    InPath {
        name,
        about,
        component: component::<T>,
    }
}

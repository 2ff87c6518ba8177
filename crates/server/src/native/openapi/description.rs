//! The language in which a call is described.
//!
//! What follows from the kind of a call is said once, here: a call with a
//! bearer can be refused with all that a bearer can be, one with a place in its
//! path can miss it. What is left for a description is what makes the call
//! different from others.

use countersign_core::error::Code;
use countersign_core::limit;
use countersign_wire::schema;
use http::{Method, StatusCode};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, Parameter};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, Ref, RefOr, Required, Response, ResponseBuilder, Schema};

use super::bearer::Bearer;
use super::parameter::{Component, component, in_path, in_query};
use super::refusal;
use super::tag::Tag;
use crate::call::Call;

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const FORM: &str = "application/x-www-form-urlencoded";
/// Of whatever type.
const ANY: &str = "*/*";

/// What a client is told of one call.
pub(in crate::native) struct Description {
    tag: Tag,
    id: &'static str,
    summary: &'static str,
    about: &'static str,
    bearers: &'static [Bearer],
    bearer_is_optional: bool,
    query: Vec<Parameter>,
    body: Option<RequestBody>,
    answers: Vec<(StatusCode, Response)>,
    refusals: Vec<Code>,
    schemas: Vec<Component>,
}

/// A description in the words of OpenAPI, with the components that it names.
pub(super) struct Described {
    pub(super) method: HttpMethod,
    pub(super) operation: Operation,
    pub(super) schemas: Vec<Component>,
    pub(super) responses: Vec<(String, RefOr<Response>)>,
}

// === impl Description ===

impl Description {
    /// A call that needs no bearer, and looks at none.
    pub(super) fn open(tag: Tag, id: &'static str, summary: &'static str) -> Self {
        Self {
            tag,
            id,
            summary,
            about: "",
            bearers: &[],
            bearer_is_optional: false,
            query: Vec::new(),
            body: None,
            answers: Vec::new(),
            refusals: refusal::EVERY_CALL.to_vec(),
            schemas: Vec::new(),
        }
    }

    /// A call that needs one of these bearers.
    pub(super) fn by(
        bearers: &'static [Bearer],
        tag: Tag,
        id: &'static str,
        summary: &'static str,
    ) -> Self {
        let mut description = Self::open(tag, id, summary);
        description.bearers = bearers;
        description.refuses(refusal::WITH_BEARER).query::<schema::ApplicationId>(
            "application_id",
            "The application: an operator key names it, and whoever else names one must mean the \
             bearer's own.",
        )
    }

    /// The bearer may be left out.
    pub(super) fn or_nobody(mut self) -> Self {
        self.bearer_is_optional = true;
        self
    }

    /// The call concerns the whole installation: no application need be named.
    pub(super) fn of_the_installation(mut self) -> Self {
        self.refusals
            .retain(|code| *code != Code::ApplicationRequired);
        self
    }

    /// What more there is to know.
    pub(super) fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// A parameter of the query, which may be left out.
    pub(super) fn query<T: ToSchema>(mut self, name: &'static str, about: &'static str) -> Self {
        let schema = self.names::<T>();
        self.query.push(in_query(name, about, schema));
        self
    }

    /// The user whose things are meant, where a backend asks.
    pub(super) fn names_a_user(self) -> Self {
        self.query::<schema::UserId>(
            "user_id",
            "Whose: a backend names the user, and a user means itself.",
        )
    }

    /// How many entries an answer has.
    pub(super) fn limits(mut self) -> Self {
        let limit = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(limit::PAGE_MAX))
            .default(Some(Value::from(limit::PAGE_MAX)))
            .build();
        let limit = in_query("limit", "How many entries are wanted at most.", limit);
        self.query.push(limit);
        self
    }

    /// A list that goes on over pages.
    pub(super) fn pages(self) -> Self {
        self.limits()
            .query::<schema::Cursor>("cursor", "Where to go on: `next` of the page before.")
    }

    /// A JSON body that must be there.
    pub(super) fn takes<T: ToSchema>(self) -> Self {
        self.takes_as::<T>(&[JSON], Required::True)
    }

    /// A JSON body whose members may all be left out, and so the body.
    pub(super) fn takes_perhaps<T: ToSchema>(self) -> Self {
        self.takes_as::<T>(&[JSON], Required::False)
    }

    /// A merge patch.
    pub(super) fn patches<T: ToSchema>(self) -> Self {
        self.takes_as::<T>(&[JSON, MERGE_PATCH], Required::False)
    }

    /// A body as JSON, or as a form.
    pub(super) fn takes_form<T: ToSchema>(self) -> Self {
        self.takes_as::<T>(&[JSON, FORM], Required::True)
    }

    fn takes_as<T: ToSchema>(mut self, types: &[&str], required: Required) -> Self {
        let schema = self.names::<T>();
        let mut body = RequestBodyBuilder::new().required(Some(required));
        for media_type in types {
            body = body.content(*media_type, Content::new(Some(schema.clone())));
        }
        self.body = Some(body.build());
        self.refuses(refusal::WITH_JSON)
    }

    /// A body of any bytes.
    pub(super) fn takes_file(mut self, about: &'static str) -> Self {
        let body = RequestBodyBuilder::new()
            .description(Some(about))
            .content(ANY, Content::new::<Schema>(None))
            .required(Some(Required::True));
        self.body = Some(body.build());
        self
    }

    /// An answer of JSON.
    pub(super) fn gives<T: ToSchema>(mut self, status: StatusCode, about: &'static str) -> Self {
        let content = Content::new(Some(self.names::<T>()));
        self.answer(status, about, Some((JSON, content)))
    }

    /// An answer of JSON that this document describes by itself.
    pub(super) fn gives_object(self, about: &'static str) -> Self {
        let object = ObjectBuilder::new().schema_type(Type::Object).build();
        self.answer(
            StatusCode::OK,
            about,
            Some((JSON, Content::new(Some(object)))),
        )
    }

    /// An answer of another type than JSON.
    pub(super) fn gives_bytes(self, media_type: &'static str, about: &'static str) -> Self {
        let content = Content::new::<Schema>(None);
        self.answer(StatusCode::OK, about, Some((media_type, content)))
    }

    /// A file of whatever type.
    pub(super) fn gives_file(self, about: &'static str) -> Self {
        self.gives_bytes(ANY, about)
    }

    /// An answer without a body.
    pub(super) fn gives_nothing(self, about: &'static str) -> Self {
        self.answer(StatusCode::NO_CONTENT, about, None)
    }

    /// The connection becomes a WebSocket.
    pub(super) fn switches(self, about: &'static str) -> Self {
        self.answer(StatusCode::SWITCHING_PROTOCOLS, about, None)
    }

    fn answer(
        mut self,
        status: StatusCode,
        about: &'static str,
        content: Option<(&'static str, Content)>,
    ) -> Self {
        let mut response = ResponseBuilder::new().description(about);
        if let Some((media_type, content)) = content {
            response = response.content(media_type, content);
        }
        self.answers.push((status, response.build()));
        self
    }

    /// What this call can be refused with, beside what follows from its kind.
    pub(super) fn refuses(mut self, codes: &[Code]) -> Self {
        self.refusals.extend(codes);
        self
    }

    fn names<T: ToSchema>(&mut self) -> Ref {
        T::schemas(&mut self.schemas);
        let component = component::<T>();
        let reference = Ref::from_schema_name(&component.0);
        self.schemas.push(component);
        reference
    }

    /// The description of this call in the words of OpenAPI.
    pub(super) fn of(mut self, call: &Call) -> Described {
        let mut operation = OperationBuilder::new()
            .tag(self.tag.name())
            .operation_id(Some(self.id))
            .summary(Some(self.summary))
            .description((!self.about.is_empty()).then_some(self.about))
            .request_body(self.body.take());
        let in_path = in_path(call.template);
        if !in_path.is_empty() {
            self.refusals.extend(refusal::WITH_PLACE);
        }
        for (parameter, schema) in in_path {
            self.schemas.push(schema);
            operation = operation.parameter(parameter);
        }
        for parameter in self.query {
            operation = operation.parameter(parameter);
        }
        let mut securities: Vec<_> = self.bearers.iter().map(|it| it.required()).collect();
        if self.bearer_is_optional || self.bearers.is_empty() {
            securities.push(SecurityRequirement::default());
        }
        operation = operation.securities(Some(securities));
        for (status, response) in self.answers {
            operation = operation.response(status.as_str(), response);
        }
        let mut responses = Vec::new();
        for refused in refusal::responses(&self.refusals) {
            let status = refused.status.as_str().to_owned();
            operation = match refused.shared_as {
                Some(name) => {
                    let reference = Ref::from_response_name(&name);
                    responses.push((name, refused.response.into()));
                    operation.response(status, reference)
                }
                None => operation.response(status, refused.response),
            };
        }
        Described {
            method: method(&call.method),
            operation: operation.build(),
            schemas: self.schemas,
            responses,
        }
    }
}

// === helpers ===

/// # Panics
/// On a method that no route has.
fn method(method: &Method) -> HttpMethod {
    match *method {
        Method::GET => HttpMethod::Get,
        Method::POST => HttpMethod::Post,
        Method::PATCH => HttpMethod::Patch,
        Method::DELETE => HttpMethod::Delete,
        _ => unreachable!("the page of routes has four methods"),
    }
}

//! Pages: which part of a list is asked for, and how it is answered.

use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_core::error::{Code, Error};
use countersign_core::limit::PAGE_MAX;
use countersign_core::model::page::{Order, Page, Window};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};

use super::asked::{Asked, Query};
use super::failure::Refused;
use super::version::PageShape;

/// Entries of a page, where the query does not say.
const PAGE_SIZE: usize = 10;
/// Where a page begins; it is never the first parameter of an address, since a
/// client reads the whole address as a query.
const CURSOR: &str = "cursor";

/// An answer with a status and a JSON body.
#[derive(Debug)]
pub(super) struct Answer<T>(pub(super) StatusCode, pub(super) T);

/// Places that a cursor keeps of the way that led to it.
const TRAIL_MAX: usize = 32;

/// A page that is asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) size: usize,
    pub(super) order: Order,
    /// Where the pages begin that led here, this one last: the domain goes
    /// forward alone, and a client wants to go back.
    trail: Vec<String>,
    position: Option<Vec<u8>>,
}

/// What a page of a list is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noun {
    Conversations,
    Members,
    Events,
    Users,
    Sessions,
}

// === impl Wanted ===

impl Wanted {
    pub(super) fn of(query: &Query) -> Result<Self, Error> {
        let wrong = |detail| Error::new(Code::BadRequest, detail);
        let size = query.parsed::<usize>("page_size")?.unwrap_or(PAGE_SIZE);
        if !(1..=PAGE_MAX).contains(&size) {
            return Err(wrong("page_size is from 1 to 100"));
        }
        let order = match query.text("order") {
            None => Order::OldestFirst,
            Some(order) if order.eq_ignore_ascii_case("asc") => Order::OldestFirst,
            Some(order) if order.eq_ignore_ascii_case("desc") => Order::NewestFirst,
            Some(_) => return Err(wrong("order is asc or desc")),
        };
        let trail: Vec<String> = query
            .text(CURSOR)
            .map(|text| text.split('.').map(str::to_owned).collect())
            .unwrap_or_default();
        let decoded = trail.iter().map(|place| URL_SAFE_NO_PAD.decode(place));
        let mut positions = decoded
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| wrong("the cursor is none of ours"))?;
        Ok(Self {
            size,
            order,
            trail,
            position: positions.pop(),
        })
    }

    /// The cursor of the page after this one. Where the way became too long, an
    /// empty place stands for its beginning.
    fn next(&self, position: &[u8]) -> String {
        let mut trail = self.trail.clone();
        trail.push(URL_SAFE_NO_PAD.encode(position));
        if trail.len() > TRAIL_MAX {
            trail.remove(0);
            trail[0].clear();
        }
        trail.join(".")
    }

    /// The cursor of the page before this one, where that is known; the first
    /// page has none.
    fn previous(&self) -> Option<Option<String>> {
        let (_, before) = self.trail.split_last()?;
        match before {
            [] => Some(None),
            [forgotten] if forgotten.is_empty() => None,
            known => Some(Some(known.join("."))),
        }
    }

    /// As the domain asks.
    pub(super) fn window(&self) -> Window {
        Window {
            after: self.position.clone(),
            limit: self.size,
        }
    }
}

/// A page's answer.
pub(super) fn answer<T: Serialize>(
    asked: &Asked,
    wanted: &Wanted,
    noun: Noun,
    page: Page<T>,
) -> Result<Response, Refused> {
    let items = serde_json::to_value(page.items).map_err(Error::internal)?;
    let embedded = match asked.version.page_shape() {
        PageShape::Bare => return Ok(Answer(StatusCode::OK, items).into_response()),
        PageShape::Data => object("data", object(noun.name(), items)),
        PageShape::Embedded { bare_events: true } if noun == Noun::Events => items,
        PageShape::Embedded { .. } => object(noun.name(), items),
    };
    let cursor = asked.query.text(CURSOR).map(str::to_owned);
    let mut links = Map::new();
    let mut link = |name: &str, cursor: Option<&str>| {
        let href = Value::String(href(asked, wanted, cursor));
        links.insert(name.to_owned(), object("href", href));
    };
    link("first", None);
    link("self", cursor.as_deref());
    if let Some(next) = page.next {
        link("next", Some(&wanted.next(&next)));
    }
    if let Some(previous) = wanted.previous() {
        link("prev", previous.as_deref());
    }
    let mut body = Map::new();
    body.insert("page_size".to_owned(), wanted.size.into());
    if let Some(cursor) = cursor {
        body.insert(CURSOR.to_owned(), Value::String(cursor));
    }
    body.insert("_embedded".to_owned(), embedded);
    body.insert("_links".to_owned(), Value::Object(links));
    Ok(Answer(StatusCode::OK, body).into_response())
}

/// The address of a page: the same question, from another place.
fn href(asked: &Asked, wanted: &Wanted, cursor: Option<&str>) -> String {
    let order = match wanted.order {
        Order::OldestFirst => "asc",
        Order::NewestFirst => "desc",
    };
    let size = wanted.size.to_string();
    let mut pairs = vec![("order", order), ("page_size", &size)];
    let kept = asked.query.all().iter();
    let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
    pairs.extend(kept.filter(|(name, _)| !["order", "page_size", CURSOR].contains(name)));
    pairs.extend(cursor.map(|cursor| (CURSOR, cursor)));
    let query: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    let place = &asked.place;
    format!("{}{}?{}", place.origin, place.path, query.join("&"))
}

fn encoded(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            written.push(char::from(byte));
        } else {
            written.push_str(&format!("%{byte:02X}"));
        }
    }
    written
}

fn object(name: &str, value: Value) -> Value {
    let mut map = Map::new();
    map.insert(name.to_owned(), value);
    Value::Object(map)
}

// === impl Noun ===

impl Noun {
    fn name(self) -> &'static str {
        match self {
            Self::Conversations => "conversations",
            Self::Members => "members",
            Self::Events => "events",
            Self::Users => "users",
            Self::Sessions => "sessions",
        }
    }
}

// === impl Answer ===

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.1) {
            Ok(body) => {
                let json = HeaderValue::from_static("application/json");
                (self.0, [(header::CONTENT_TYPE, json)], body).into_response()
            }
            Err(error) => Refused(Error::internal(error)).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(cursor: Option<&str>) -> Wanted {
        let query = cursor.map_or_else(String::new, |cursor| format!("?cursor={cursor}"));
        let uri = format!("/v1/users{query}").parse().unwrap();
        Wanted::of(&Query::of(&uri).unwrap()).unwrap()
    }

    #[test]
    fn a_page_knows_the_way_back() {
        let pages = 2 * TRAIL_MAX;
        let mut cursors: Vec<Option<String>> = vec![None];
        for page in 1..pages {
            let here = wanted(cursors[page - 1].as_deref());
            cursors.push(Some(here.next(&[page as u8])));
        }
        assert_eq!(wanted(None).previous(), None);
        for (page, cursor) in cursors.iter().enumerate().skip(1) {
            let here = wanted(cursor.as_deref());
            assert_eq!(here.position, Some(vec![page as u8]));
            let before = here.previous().unwrap();
            let before = wanted(before.as_deref());
            let expected = (page > 1).then(|| vec![page as u8 - 1]);
            assert_eq!(before.position, expected, "{page}");
        }
        // From the last page it is known for so long, and then not at all.
        let mut here = wanted(cursors.last().unwrap().as_deref());
        let mut steps = 0;
        while let Some(before) = here.previous() {
            here = wanted(before.as_deref());
            steps += 1;
        }
        assert_eq!(steps, TRAIL_MAX - 2);
    }
}

//! Random lives of devices and customers against a small model of DESIGN's rules of
//! identity: no history shows where the model forbids it, and nothing is lost.
//!
//! The model knows who owns which chat and whose each device is, and nothing of
//! sessions, tokens or rows. After each step the device that acted, and
//! sometimes another, must see exactly what the model says.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::world::{Reply, SECRET, World, text, token};

/// Steps over all lives.
const STEPS: usize = 50_000;
/// Nodes on which they are lived at once: a step mostly waits for its node's disk.
const WORLDS: usize = 8;
/// Steps of one life, with devices and customers of its own.
const STEPS_OF_LIFE: usize = 60;
const DEVICES: usize = 4;
/// Addresses and ids that backends sign for, each.
const IDENTIFIERS: usize = 3;
/// Chats that a visitor may have.
const VISITORS_CHATS: usize = 5;

const CHATS: &str = "/c/v1/chat/sessions";
const IDENTITY: &str = "/c/v1/identity";

/// Who owns chats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Visitor(usize),
    Customer(usize),
    /// A customer who was deleted.
    Nobody,
}

/// Whose a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Is(Owner),
    /// Others have ended its session.
    Ended,
}

#[derive(Debug)]
struct Device {
    token: String,
    whose: Whose,
    /// Tokens of sessions that it had before.
    old: Vec<String>,
}

#[derive(Debug)]
struct Customer {
    /// As the server calls it, once that is known.
    id: Option<String>,
    email: Option<String>,
    external_id: Option<String>,
}

#[derive(Debug)]
struct Chat {
    owner: Owner,
    /// What was said, the oldest first, as the customer reads it.
    said: Vec<String>,
}

/// What a backend signs.
#[derive(Debug, Clone)]
struct Signed {
    email: Option<String>,
    external_id: Option<String>,
}

struct Life<'a> {
    world: &'a World,
    dice: Dice,
    /// Tells this life's identifiers from those of others.
    number: usize,
    devices: Vec<Device>,
    customers: Vec<Customer>,
    chats: BTreeMap<String, Chat>,
    visitors: usize,
    words: usize,
}

struct Dice(u64);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_history_shows_where_it_must_not_and_nothing_is_lost() {
    let mut worlds = JoinSet::new();
    for number in 0..WORLDS {
        worlds.spawn(live(number));
    }
    // A life that fails is the test's failure.
    worlds.join_all().await;
}

async fn live(first: usize) {
    let world = World::new().await;
    for number in (first..STEPS / STEPS_OF_LIFE).step_by(WORLDS) {
        let mut life = Life::begin(&world, number).await;
        for step in 0..STEPS_OF_LIFE {
            world.clock.advance_s(1);
            let device = life.dice.below(DEVICES);
            let done = Box::pin(life.step(device)).await;
            let what = format!("life {number}, step {step}, device {device}: {done}");
            life.look(device, &what).await;
            if life.dice.below(4) == 0 {
                let other = life.dice.below(DEVICES);
                life.look(other, &format!("{what}; seen by {other}")).await;
            }
        }
    }
}

// === impl Life ===

impl<'a> Life<'a> {
    async fn begin(world: &'a World, number: usize) -> Self {
        let mut life = Self {
            world,
            dice: Dice(0x5eed_cafe ^ (number as u64) << 20),
            number,
            devices: Vec::new(),
            customers: Vec::new(),
            chats: BTreeMap::new(),
            visitors: 0,
            words: 0,
        };
        for _ in 0..DEVICES {
            let token = world.visitor().await;
            let whose = Whose::Is(life.new_visitor());
            life.devices.push(Device {
                token,
                whose,
                old: Vec::new(),
            });
        }
        life
    }

    async fn step(&mut self, device: usize) -> String {
        match self.dice.below(100) {
            0..22 => self.begin_chat(device).await,
            22..40 => self.say(device).await,
            40..48 => self.answer().await,
            48..70 => self.log_in(device).await,
            70..76 => self.fail_to_log_in(device).await,
            76..84 => self.log_out(device).await,
            84..89 => self.start(device).await,
            89..93 => self.use_an_old_token(device).await,
            93..95 => self.change_address().await,
            95..97 => self.delete().await,
            _ => self.end_session(device).await,
        }
    }

    /// The device sees its owner's chats with all that was said there, no other
    /// one, and none of anybody else's by its id.
    async fn look(&mut self, device: usize, what: &str) {
        let path = format!("{CHATS}?page[size]=100");
        let reply = self.ask(device, "GET", &path, None).await;
        let Whose::Is(owner) = self.devices[device].whose else {
            reply.refused(401, "session_ended");
            return;
        };
        let body = reply.expect(200);
        let list = body["data"].as_array().unwrap().iter();
        let mut seen: Vec<String> = list.map(|chat| text(&chat["id"])).collect();
        seen.sort();
        let own = |chat: &&String| self.chats[*chat].owner == owner;
        let expected: Vec<String> = self.chats.keys().filter(own).cloned().collect();
        assert_eq!(seen, expected, "{what}");
        let Some(id) = self.any_chat() else {
            return;
        };
        let path = format!("{CHATS}/{id}/messages?page[size]=100");
        let reply = self.ask(device, "GET", &path, None).await;
        let chat = &self.chats[&id];
        if chat.owner == owner {
            let body = reply.expect(200);
            let all = body["data"].as_array().unwrap().iter().rev();
            let said: Vec<String> = all
                .map(|message| {
                    let told = &message["attributes"];
                    format!("{} {}", text(&told["direction"]), text(&told["body"]))
                })
                .collect();
            assert_eq!(said, chat.said, "{what}: {id}");
        } else {
            assert_eq!(reply.status, 404, "{what}: {id}: {}", reply.body);
        }
    }

    async fn begin_chat(&mut self, device: usize) -> String {
        let body = json!({ "title": "a chat" });
        let reply = self.ask(device, "POST", CHATS, Some(body)).await;
        let Whose::Is(owner) = self.devices[device].whose else {
            reply.refused(401, "session_ended");
            return "no chat without a session".to_owned();
        };
        let own = self.chats.values().filter(|chat| chat.owner == owner);
        if matches!(owner, Owner::Visitor(_)) && own.count() >= VISITORS_CHATS {
            reply.refused(409, "too_many_conversations");
            return "no more chats".to_owned();
        }
        let id = text(&reply.expect(201)["data"]["id"]);
        let said = Vec::new();
        self.chats.insert(id.clone(), Chat { owner, said });
        format!("began {id}")
    }

    async fn say(&mut self, device: usize) -> String {
        let Some(id) = self.any_chat() else {
            return "nothing to say".to_owned();
        };
        let word = self.word();
        let body = json!({ "session": id, "body": word });
        let reply = self
            .ask(device, "POST", "/c/v1/chat/messages", Some(body))
            .await;
        let chat = self.chats.get_mut(&id).unwrap();
        match self.devices[device].whose {
            Whose::Ended => {
                reply.refused(401, "session_ended");
            }
            Whose::Is(owner) if owner == chat.owner => {
                reply.expect(201);
                chat.said.push(format!("in {word}"));
            }
            Whose::Is(_) => {
                reply.refused(404, "not_found");
            }
        }
        format!("said {word} in {id}")
    }

    async fn answer(&mut self) -> String {
        let Some(id) = self.any_chat() else {
            return "nothing to answer".to_owned();
        };
        let word = self.word();
        let path = format!("/v1/conversations/{id}/events");
        let event = json!({ "type": "text", "body": { "text": word } });
        self.world.done("POST", &path, Some(event)).await;
        let chat = self.chats.get_mut(&id).unwrap();
        chat.said.push(format!("out {word}"));
        format!("answered {word} in {id}")
    }

    async fn log_in(&mut self, device: usize) -> String {
        let signed = self.signed();
        let switch = self.dice.below(2) == 0;
        let body = json!({
            "externalToken": self.credential(&signed, SECRET),
            "switch": switch,
        });
        let reply = self.ask(device, "POST", IDENTITY, Some(body)).await;
        let told = format!("logged in as {signed:?}, switch: {switch}");
        let named = self.named(&signed);
        let before = self.devices[device].whose;
        if let Whose::Is(Owner::Customer(own)) = before {
            if named == Some(own) {
                let token = text(&reply.expect(200)["data"]["attributes"]["trackingToken"]);
                self.devices[device].token = token;
                return format!("{told}: went on");
            }
            if !switch {
                reply.refused(409, "already_identified");
                return format!("{told}: refused");
            }
        }
        let attributes = reply.expect(200)["data"]["attributes"].clone();
        let id = text(&attributes["customerId"]);
        let customer = named.unwrap_or_else(|| self.new_customer(&signed));
        let known = self.customers[customer].id.get_or_insert(id.clone());
        assert_eq!(*known, id, "{told}");
        if let Whose::Is(visitor @ Owner::Visitor(_)) = before {
            let chats = self.chats.values_mut();
            for chat in chats.filter(|chat| chat.owner == visitor) {
                chat.owner = Owner::Customer(customer);
            }
        }
        let own = &mut self.devices[device];
        own.whose = Whose::Is(Owner::Customer(customer));
        let old = std::mem::replace(&mut own.token, text(&attributes["trackingToken"]));
        own.old.push(old.clone());
        // An old client asks for its token instead of reading the answer.
        if before != Whose::Ended && self.dice.below(2) == 0 {
            let handed = self.world.current(Some(&old)).await.expect(200);
            let own = &mut self.devices[device];
            // The first that is used ends the other, which nobody has any more.
            own.token = token(&handed);
            return format!("{told}: handed out");
        }
        format!("{told}: opened")
    }

    async fn fail_to_log_in(&mut self, device: usize) -> String {
        let signed = self.signed();
        let nobody = Signed {
            email: None,
            external_id: None,
        };
        let now = self.world.clock.seconds();
        let (credential, code) = match self.dice.below(4) {
            0 => (
                self.credential(&signed, "another secret, of 32 bytes or more"),
                "bad_signature",
            ),
            1 => (self.credential(&nobody, SECRET), "bad_claim"),
            2 => (
                crate::vectors::signed(&claims(&signed, now - 1_000), SECRET),
                "too_old",
            ),
            _ => (
                crate::vectors::signed(&claims(&signed, now + 1_000), SECRET),
                "not_yet_valid",
            ),
        };
        let body = json!({ "externalToken": credential, "switch": true });
        self.ask(device, "POST", IDENTITY, Some(body))
            .await
            .refused(401, code);
        format!("failed to log in: {code}")
    }

    async fn log_out(&mut self, device: usize) -> String {
        let own = self.devices[device].token.clone();
        let anew = self.world.reset(Some(&own)).await.expect(200);
        self.becomes_nobodys(device, token(&anew));
        "logged out".to_owned()
    }

    async fn start(&mut self, device: usize) -> String {
        let own = self.devices[device].token.clone();
        let body = self.world.current(Some(&own)).await.expect(200);
        let is_known = body["data"]["attributes"]["verified"].clone();
        match self.devices[device].whose {
            Whose::Ended => {
                assert_eq!(is_known, false);
                self.becomes_nobodys(device, token(&body));
            }
            Whose::Is(owner) => {
                assert_eq!(is_known, matches!(owner, Owner::Customer(_)));
                self.devices[device].token = token(&body);
            }
        }
        "started".to_owned()
    }

    /// Whoever has it, it is good for nothing.
    async fn use_an_old_token(&mut self, device: usize) -> String {
        let old = &self.devices[device].old;
        if old.is_empty() {
            return "no old token".to_owned();
        }
        let old = old[self.dice.below(old.len())].clone();
        let reply = self.world.device("GET", CHATS, Some(&old), None).await;
        reply.refused(401, "session_ended");
        "used an old token".to_owned()
    }

    async fn change_address(&mut self) -> String {
        let Some(customer) = self.any_customer() else {
            return "no address to change".to_owned();
        };
        let email = format!("{}@new-{}.example.com", self.word(), self.number);
        let path = self.path_of(customer);
        let body = json!({ "email": email });
        self.world.done("PATCH", &path, Some(body)).await;
        self.customers[customer].email = Some(email);
        format!("customer {customer} has another address")
    }

    async fn delete(&mut self) -> String {
        let Some(customer) = self.any_customer() else {
            return "nobody to delete".to_owned();
        };
        let path = self.path_of(customer);
        self.world.done("DELETE", &path, None).await;
        let gone = Owner::Customer(customer);
        self.customers[customer] = Customer {
            id: None,
            email: None,
            external_id: None,
        };
        for device in &mut self.devices {
            if device.whose == Whose::Is(gone) {
                device.whose = Whose::Ended;
            }
        }
        for chat in self.chats.values_mut().filter(|chat| chat.owner == gone) {
            chat.owner = Owner::Nobody;
        }
        format!("deleted customer {customer}")
    }

    async fn end_session(&mut self, device: usize) -> String {
        let Whose::Is(Owner::Customer(_)) = self.devices[device].whose else {
            return "no session to end".to_owned();
        };
        let own = self.devices[device].token.clone();
        let current = self.world.current(Some(&own)).await.expect(200);
        let id = text(&current["data"]["attributes"]["trackingId"]);
        let path = format!("/v1/sessions/{id}");
        self.world.done("DELETE", &path, None).await;
        self.devices[device].whose = Whose::Ended;
        "ended from elsewhere".to_owned()
    }

    async fn ask(&self, device: usize, method: &str, path: &str, body: Option<Value>) -> Reply {
        let token = &self.devices[device].token;
        self.world.device(method, path, Some(token), body).await
    }

    fn becomes_nobodys(&mut self, device: usize, token: String) {
        let visitor = self.new_visitor();
        let device = &mut self.devices[device];
        let was_written = device.whose != Whose::Ended;
        let old = std::mem::replace(&mut device.token, token);
        // A visitor who wrote nothing left nothing that could be ended.
        let is_over = match device.whose {
            Whose::Is(Owner::Visitor(_)) => {
                let owner = device.whose;
                self.chats
                    .values()
                    .any(|chat| Whose::Is(chat.owner) == owner)
            }
            Whose::Is(Owner::Customer(_) | Owner::Nobody) | Whose::Ended => true,
        };
        if was_written && is_over {
            device.old.push(old);
        }
        device.whose = Whose::Is(visitor);
    }

    fn new_visitor(&mut self) -> Owner {
        self.visitors += 1;
        Owner::Visitor(self.visitors)
    }

    /// An address decides where there is one.
    fn named(&self, signed: &Signed) -> Option<usize> {
        self.customers
            .iter()
            .position(|customer| match &signed.email {
                Some(email) => customer.email.as_ref() == Some(email),
                None => signed.external_id.is_some() && customer.external_id == signed.external_id,
            })
    }

    fn new_customer(&mut self, signed: &Signed) -> usize {
        let external_id = signed.external_id.clone();
        self.customers.push(Customer {
            id: None,
            email: signed.email.clone(),
            external_id: external_id.filter(|_| signed.email.is_none()),
        });
        self.customers.len() - 1
    }

    fn any_customer(&mut self) -> Option<usize> {
        let alive = self.customers.iter().enumerate();
        let alive: Vec<usize> = alive
            .filter(|(_, customer)| customer.id.is_some())
            .map(|(place, _)| place)
            .collect();
        (!alive.is_empty()).then(|| alive[self.dice.below(alive.len())])
    }

    fn path_of(&self, customer: usize) -> String {
        let id = self.customers[customer].id.as_ref().unwrap();
        format!("/v1/users/{id}")
    }

    fn any_chat(&mut self) -> Option<String> {
        if self.chats.is_empty() {
            return None;
        }
        let place = self.dice.below(self.chats.len());
        self.chats.keys().nth(place).cloned()
    }

    fn word(&mut self) -> String {
        self.words += 1;
        format!("word-{}", self.words)
    }

    fn signed(&mut self) -> Signed {
        let number = self.number;
        let email = self.dice.below(IDENTIFIERS);
        let email = format!("person-{email}@{number}.example.com");
        let external_id = format!("{number}-{}", self.dice.below(IDENTIFIERS));
        let (has_email, has_id) = [(true, false), (false, true), (true, true)][self.dice.below(3)];
        Signed {
            email: has_email.then_some(email),
            external_id: has_id.then_some(external_id),
        }
    }

    fn credential(&self, signed: &Signed, secret: &str) -> String {
        let now = self.world.clock.seconds();
        crate::vectors::signed(&claims(signed, now), secret)
    }
}

fn claims(signed: &Signed, issued_at: i64) -> Value {
    let mut claims = json!({ "iat": issued_at });
    if let Some(email) = &signed.email {
        claims["email"] = email.clone().into();
    }
    if let Some(external_id) = &signed.external_id {
        claims["externalId"] = external_id.clone().into();
    }
    claims
}

// === impl Dice ===

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }
}

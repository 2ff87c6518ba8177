//! RFC 6455, frame by frame, with what clients should never send.
//!
//! Where a case is one of the Autobahn test suite, it bears its number there.
//! That suite wants an echo; here a command is answered instead.

use countersign_core::limit::FRAME_BYTES_MAX;
use serde_json::Value;

use crate::client::in_time;
use crate::raw::{
    BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, RSV1, RSV2, RSV3, Raw, TEXT, close, fragmented,
    frame, ping, text,
};
use crate::world::{Device, World};

/// The code for what is no frame of ours.
const BAD_FRAME: u16 = 4400;

/// What a case sends after its `authenticate`, and what it is to be told.
struct Case {
    /// Its number in the Autobahn test suite, or ours.
    name: String,
    sends: Vec<u8>,
    /// Bytes that are sent at once.
    chop: usize,
    expects: Vec<Expected>,
}

/// What the node is to send.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Expected {
    /// The refusal of the command with this number.
    Answer(u64),
    Pong(Vec<u8>),
    /// A close frame with this code, or without any; and nothing after it.
    Close(Option<u16>),
}

// === impl Case ===

impl Case {
    fn new(name: impl Into<String>, sends: Vec<u8>, expects: Vec<Expected>) -> Self {
        Self {
            name: name.into(),
            sends,
            chop: usize::MAX,
            expects,
        }
    }

    /// What is sent in pieces of so many bytes.
    fn chopped(self, chop: usize) -> Self {
        Self { chop, ..self }
    }
}

/// A case that is closed as a bad frame.
fn refused(name: impl Into<String>, sends: Vec<u8>) -> Case {
    Case::new(name, sends, vec![Expected::Close(Some(BAD_FRAME))])
}

/// A command that is refused, since there is no such conversation.
fn command(reference: u64, what: &str) -> Vec<u8> {
    crate::client::say(reference, "CON-none", what)
        .to_string()
        .into_bytes()
}

/// A command of exactly so many bytes.
fn command_of(reference: u64, length: usize) -> Vec<u8> {
    let mut command = command(reference, "");
    assert!(command.len() <= length);
    command.resize(length, b' ');
    command
}

// === cases ===

fn sizes() -> Vec<Case> {
    let answered = || vec![Expected::Answer(1)];
    let mut cases = vec![
        refused("1.1.1 an empty text", text(b"")),
        refused("1.2.1 an empty binary", frame(FIN | BINARY, b"")),
        refused("1.2.2 a binary", frame(FIN | BINARY, &command(1, ""))),
    ];
    for (name, length) in [
        ("1.1.2", 125),
        ("1.1.3", 126),
        ("1.1.4", 127),
        ("1.1.5", 128),
        ("1.1.6", 65_535),
        ("1.1.7", FRAME_BYTES_MAX),
    ] {
        cases.push(Case::new(name, text(&command_of(1, length)), answered()));
    }
    let whole = text(&command_of(1, FRAME_BYTES_MAX));
    cases.push(Case::new("1.1.8 in pieces", whole, answered()).chopped(997));
    let fragments = fragmented(&command_of(1, FRAME_BYTES_MAX), 1_300, b"");
    cases.push(Case::new("10.1.1 in fragments", fragments, answered()));
    let large = command_of(1, FRAME_BYTES_MAX + 1);
    cases.push(refused("one byte too many", text(&large)));
    cases.push(refused("9.1.2 far too many", text(&command_of(1, 1 << 20))));
    for size in [64, 1_024, FRAME_BYTES_MAX] {
        let name = format!("9.3 too many in fragments of {size}");
        cases.push(refused(name, fragmented(&large, size, b"")));
    }
    let head = |bytes: &[u8]| [&[FIN | TEXT], bytes, &[0; 4]].concat();
    let huge = head(&[0x80 | 127, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    cases.push(refused("the length alone is too much", huge));
    cases.push(refused("a length without end", head(&[0xff; 9])));
    cases
}

fn pings() -> Vec<Case> {
    let pong = |payload: &[u8]| Expected::Pong(payload.to_vec());
    let fenced = |mut bytes: Vec<u8>| {
        bytes.extend(text(&command(9, "")));
        bytes
    };
    let after = |mut told: Vec<Expected>| {
        told.push(Expected::Answer(9));
        told
    };
    let binary = [0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff];
    let full = [0xfe; 125];
    let ten: Vec<u8> = (0..10u8).flat_map(|number| ping(&[number])).collect();
    let tens: Vec<Expected> = (0..10u8).map(|number| pong(&[number])).collect();
    let unasked = frame(FIN | PONG, b"unasked");
    vec![
        Case::new("2.1", ping(b""), vec![pong(b"")]),
        Case::new("2.2", ping(b"hello"), vec![pong(b"hello")]),
        Case::new("2.3", ping(&binary), vec![pong(&binary)]),
        Case::new("2.4", ping(&full), vec![pong(&full)]),
        refused("2.5", ping(&[0xfe; 126])),
        Case::new("2.6", ping(&full), vec![pong(&full)]).chopped(1),
        Case::new("2.7", fenced(frame(FIN | PONG, b"")), after(Vec::new())),
        Case::new("2.8", fenced(unasked.clone()), after(Vec::new())),
        Case::new(
            "2.9",
            fenced([unasked, ping(b"asked")].concat()),
            after(vec![pong(b"asked")]),
        ),
        Case::new("2.10", ten.clone(), tens.clone()),
        Case::new("2.11", ten, tens).chopped(1),
    ]
}

fn reserved() -> Vec<Case> {
    let mut cases = vec![
        refused("3.1", frame(FIN | RSV3 | TEXT, b"{}")),
        refused("3.5", frame(FIN | RSV1 | RSV3 | BINARY, &[0; 8])),
        refused("3.6", frame(FIN | RSV1 | RSV2 | PING, b"hello")),
        refused(
            "3.7",
            frame(FIN | RSV1 | RSV2 | RSV3 | CLOSE, &[0x03, 0xe8]),
        ),
        refused(
            "12 compressed",
            frame(FIN | RSV1 | TEXT, &[0xf2, 0x48, 0xcd]),
        ),
    ];
    for (name, bits) in [("3.2", RSV2), ("3.3", RSV2 | RSV3), ("3.4", RSV1)] {
        let sends = [
            text(&command(1, "")),
            frame(FIN | bits | TEXT, &command(2, "")),
            ping(b""),
        ];
        let expects = vec![Expected::Answer(1), Expected::Close(Some(BAD_FRAME))];
        cases.push(Case::new(name, sends.concat(), expects));
    }
    for opcode in (3..=7).chain(11..=15) {
        for payload in [&b""[..], b"reserved"] {
            let name = format!("4 opcode {opcode}");
            cases.push(refused(name, frame(FIN | opcode, payload)));
        }
    }
    let mut unmasked = vec![FIN | TEXT, 2];
    unmasked.extend(b"{}");
    cases.push(refused("not masked", unmasked));
    cases
}

fn fragments() -> Vec<Case> {
    let message = command(1, "in fragments");
    let answered = || vec![Expected::Answer(1)];
    let pong = || Expected::Pong(b"between".to_vec());
    let between = ping(b"between");
    let half = message.len() / 2;
    let halves = fragmented(&message, half + 1, b"");
    let with_ping = fragmented(&message, half + 1, &between);
    let eighths = fragmented(&message, message.len().div_ceil(8), &between);
    let mut pongs = vec![pong(); 7];
    pongs.extend(answered());
    let stray = frame(FIN | CONTINUATION, b"stray");
    let stray_and_more = [frame(CONTINUATION, b"stray"), text(&message)].concat();
    let twice = [frame(TEXT, &message[..half]), text(&message)].concat();
    let unending = [frame(TEXT, b""), stray.clone(), stray.clone()].concat();
    vec![
        refused(
            "5.1",
            [frame(PING, b"a"), frame(FIN | CONTINUATION, b"b")].concat(),
        ),
        refused(
            "5.2",
            [frame(PONG, b"a"), frame(FIN | CONTINUATION, b"b")].concat(),
        ),
        Case::new("5.3", halves.clone(), answered()),
        Case::new("5.5", halves, answered()).chopped(1),
        Case::new("5.6", with_ping.clone(), vec![pong(), Expected::Answer(1)]),
        Case::new("5.8", with_ping, vec![pong(), Expected::Answer(1)]).chopped(1),
        refused("5.9", [stray.clone(), text(&message)].concat()),
        refused("5.11", stray).chopped(1),
        refused("5.12", stray_and_more.clone()),
        refused("5.14", stray_and_more).chopped(1),
        refused("5.16", unending),
        refused("5.18", twice),
        Case::new("5.19", eighths.clone(), pongs.clone()),
        Case::new("5.20", eighths, pongs).chopped(1),
        Case::new(
            "a fragment in single bytes",
            fragmented(&message, 1, b""),
            answered(),
        ),
        refused(
            "a close in fragments",
            [frame(CLOSE, &[0x03]), frame(FIN | CONTINUATION, &[0xe8])].concat(),
        ),
    ]
}

fn texts() -> Vec<Case> {
    let mut cases = Vec::new();
    // The first and last of each length, and what is no character but allowed.
    for what in [
        "κόσμε",
        "\u{80}",
        "\u{7ff}",
        "\u{800}",
        "\u{d7ff}",
        "\u{e000}",
        "\u{fffd}",
        "\u{ffff}",
        "\u{10000}",
        "\u{10ffff}",
        "\u{fffe}",
        "\u{1fffe}",
    ] {
        let message = command(1, what);
        let answered = || vec![Expected::Answer(1)];
        cases.push(Case::new(
            format!("6.2.1 {what}"),
            text(&message),
            answered(),
        ));
        let torn = fragmented(&message, 1, b"");
        cases.push(Case::new(format!("6.2.3 {what}"), torn, answered()));
        cases.push(Case::new(format!("6.2.4 {what}"), text(&message), answered()).chopped(1));
    }
    for (name, bytes) in [
        (
            "6.3.1 a surrogate amid text",
            &b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80edited"[..],
        ),
        ("6.4.1 past the last character", b"\xf4\x90\x80\x80"),
        ("6.6.1 cut off", b"\xce"),
        ("6.6.3 cut off", b"\xce\xba\xe1"),
        ("6.8.1 five bytes", b"\xf8\x88\x80\x80\x80"),
        ("6.8.2 six bytes", b"\xfc\x84\x80\x80\x80\x80"),
        ("6.10.1 past the last character", b"\xf7\xbf\xbf\xbf"),
        ("6.12.1 a stray continuation", b"\x80"),
        ("6.12.8 stray continuations", b"\x80\x81\x82\xbf"),
        ("6.13.1 a lonely start", b"\xc0 \xc1 "),
        ("6.14.3 cut off", b"\xf0\x80\x80"),
        ("6.16.1 impossible", b"\xfe"),
        ("6.16.2 impossible", b"\xff"),
        ("6.17.1 overlong", b"\xc0\xaf"),
        ("6.17.3 overlong", b"\xf0\x80\x80\xaf"),
        ("6.19.1 overlong zero", b"\xc0\x80"),
        ("6.20.1 a surrogate", b"\xed\xa0\x80"),
        ("6.20.7 a pair of surrogates", b"\xed\xaf\xbf\xed\xbf\xbf"),
    ] {
        let message = String::from_utf8(command(1, "HERE")).unwrap();
        let (head, tail) = message.split_once("HERE").unwrap();
        let message = [head.as_bytes(), bytes, tail.as_bytes()].concat();
        cases.push(refused(name, text(&message)));
        let torn = fragmented(&message, 1, b"");
        cases.push(refused(format!("{name}, torn"), torn));
    }
    cases
}

fn closes() -> Vec<Case> {
    let closed = |code| vec![Expected::Close(Some(code))];
    let half = &command(2, "")[..10];
    let mut cases = vec![
        Case::new(
            "7.1.1",
            [text(&command(1, "")), close(1000, b"")].concat(),
            vec![Expected::Answer(1), Expected::Close(Some(1000))],
        ),
        Case::new(
            "7.1.2",
            [close(1000, b""), close(1000, b"")].concat(),
            closed(1000),
        ),
        Case::new(
            "7.1.3",
            [close(1000, b""), ping(b"")].concat(),
            closed(1000),
        ),
        Case::new(
            "7.1.4",
            [close(1000, b""), text(&command(1, ""))].concat(),
            closed(1000),
        ),
        Case::new(
            "7.1.5",
            [
                frame(TEXT, half),
                close(1000, b""),
                frame(FIN | CONTINUATION, half),
            ]
            .concat(),
            closed(1000),
        ),
        Case::new(
            "7.3.1",
            frame(FIN | CLOSE, b""),
            vec![Expected::Close(None)],
        ),
        refused("7.3.2", frame(FIN | CLOSE, &[0x03])),
        Case::new("7.3.3", close(1000, b""), closed(1000)),
        Case::new("7.3.4", close(1000, b"hello"), closed(1000)),
        Case::new("7.3.5", close(1000, &[b'*'; 123]), closed(1000)),
        refused("7.3.6", close(1000, &[b'*'; 124])),
        refused("7.5.1", close(1000, b"\xce\xba\xed\xa0\x80")),
    ];
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999,
    ] {
        cases.push(Case::new(
            format!("7.7 {code}"),
            close(code, b""),
            closed(code),
        ));
    }
    for code in [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999] {
        cases.push(Case::new(
            format!("7.9 {code}"),
            close(code, b"no"),
            closed(1002),
        ));
    }
    cases
}

// === tests ===

/// What the node sends, at most so many frames.
async fn told(raw: &mut Raw, most: usize) -> Vec<Expected> {
    let mut told = Vec::new();
    while told.len() < most {
        let Ok((head, payload)) = in_time(raw.frame()).await else {
            break;
        };
        told.push(match head & !FIN {
            TEXT => {
                let frame: Value = serde_json::from_slice(&payload).unwrap();
                assert_eq!(frame["code"], "not_found", "{frame}");
                Expected::Answer(frame["ref"].as_u64().unwrap())
            }
            PONG => Expected::Pong(payload),
            CLOSE => Expected::Close(payload.first_chunk().copied().map(u16::from_be_bytes)),
            other => panic!("the node sent a frame of kind {other}"),
        });
    }
    told
}

async fn check(world: &World, device: &Device, case: Case) {
    let mut raw = Raw::welcomed(world, device).await;
    raw.send(&case.sends, case.chop).await;
    let seen = told(&mut raw, case.expects.len()).await;
    assert_eq!(seen, case.expects, "{}", case.name);
    if let Some(Expected::Close(_)) = case.expects.last() {
        raw.send(&close(1000, b""), usize::MAX).await;
        assert!(raw.is_over().await, "{} goes on", case.name);
    } else {
        // It is as good as new.
        raw.send(&text(&command(77, "")), usize::MAX).await;
        let seen = told(&mut raw, 1).await;
        assert_eq!(seen, [Expected::Answer(77)], "{}", case.name);
    }
}

/// Each case is told what it is to be told, and nobody else is told anything.
async fn check_all(cases: Vec<Case>) {
    let world = World::new().await;
    let device = world.user("alice").await;
    let mut bystander = world.connect(&device).await;
    for case in cases {
        check(&world, &device, case).await;
    }
    assert!(bystander.told().await.is_empty());
}

#[tokio::test]
async fn messages_of_every_size() {
    check_all(sizes()).await;
}

#[tokio::test]
async fn pings_and_pongs() {
    check_all(pings()).await;
}

#[tokio::test]
async fn reserved_bits_and_opcodes() {
    check_all(reserved()).await;
}

#[tokio::test]
async fn fragments_of_messages() {
    check_all(fragments()).await;
}

#[tokio::test]
async fn texts_that_are_utf_8_and_those_that_are_not() {
    check_all(texts()).await;
}

#[tokio::test]
async fn before_the_first_frame() {
    let world = World::new().await;
    let all = [sizes(), pings(), reserved(), fragments(), texts(), closes()];
    for case in all.into_iter().flatten() {
        // What would be answered is not, as long as nobody knows whose it is.
        let Some(last @ Expected::Close(_)) = case.expects.last() else {
            continue;
        };
        let answered = case.expects.contains(&Expected::Answer(1));
        let mut raw = Raw::open(&world).await;
        raw.send(&case.sends, case.chop).await;
        let expected = if answered {
            Expected::Close(Some(BAD_FRAME))
        } else {
            last.clone()
        };
        assert_eq!(told(&mut raw, 1).await, [expected], "{}", case.name);
    }
}

#[tokio::test]
async fn the_end_of_a_connection() {
    check_all(closes()).await;
}

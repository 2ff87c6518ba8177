//! The text rules of user names, external ids and e-mail addresses, as lists.

use countersign_credential::json;
use countersign_credential::subject::{Email, ExternalId, UserName};

/// Holds a result against the stored text, or the whole message.
#[track_caller]
fn check<E: std::fmt::Display>(
    input: &str,
    found: Result<String, E>,
    expected: Result<&str, &str>,
) {
    let found = found.map_err(|error| error.to_string());
    assert_eq!(
        found.as_deref().map_err(String::as_str),
        expected,
        "{}",
        input.escape_debug()
    );
    if let Err(message) = found {
        let printable = message.chars().all(|c| matches!(c, ' '..='~'));
        assert!(printable, "{}", message.escape_debug());
    }
}

fn name(text: &str) -> Result<String, impl std::fmt::Display> {
    UserName::parse(text).map(|name| name.as_str().to_owned())
}

fn external_id(text: &str) -> Result<String, impl std::fmt::Display> {
    ExternalId::parse(text).map(|id| id.as_str().to_owned())
}

fn email(text: &str) -> Result<String, impl std::fmt::Display> {
    Email::parse(text).map(|email| email.as_str().to_owned())
}

#[test]
fn user_names_that_are_kept_as_they_are() {
    let longest = "a".repeat(255);
    let longest_of_two_bytes = format!("{}a", "é".repeat(127));
    let names = [
        "a",
        "alice",
        "Alice",
        "alice@example.com",
        "Alice Liddell",
        "alice\u{a0}liddell",
        "+49 30 1234",
        "'; DROP TABLE users; --",
        "<script>",
        "../..",
        "é",
        "Ålesund",
        "민준",
        "李小龙",
        "🦀",
        "नमस्ते",
        // Two users, as Unicode has it: Cyrillic and Latin, compatibility forms.
        "аlice",
        "ﬁ",
        "ａｌｉｃｅ",
        // Neither the word nor an id, since those are compared exactly.
        "Me",
        "ME",
        "me2",
        "home",
        "USR",
        "USR_1",
        "usr-1",
        "Key-account",
        "con-artist",
        "my-USR-1",
        "USR\u{2010}1",
        "XYZ-1",
        &longest,
        &longest_of_two_bytes,
    ];
    for text in names {
        check(text, name(text), Ok(text));
    }
}

#[test]
fn user_names_that_are_refused() {
    let outer = "the user name begins or ends with white space";
    let too_long = "the user name has 256 bytes; at most 255 are allowed";
    let not_normalized = "the user name is not in Unicode normalization form C (NFC)";
    let id = |prefix| format!("the user name begins with \"{prefix}\", as only ids do");
    let contains = |what: &str| {
        format!(
            "the user name contains {what}; \
             control, format, private-use and unassigned characters are not allowed"
        )
    };
    let cases = [
        ("", "the user name is empty".to_owned()),
        (&*"a".repeat(256), too_long.to_owned()),
        (&*"é".repeat(128), too_long.to_owned()),
        (" ", outer.to_owned()),
        (" alice", outer.to_owned()),
        ("alice ", outer.to_owned()),
        ("\talice", outer.to_owned()),
        ("alice\n", outer.to_owned()),
        ("alice\u{a0}", outer.to_owned()),
        ("\u{3000}alice", outer.to_owned()),
        ("alice\u{2028}", outer.to_owned()),
        ("ali\0ce", contains("U+0000, a control character")),
        ("ali\nce", contains("U+000A, a control character")),
        ("ali\u{7f}ce", contains("U+007F, a control character")),
        ("ali\u{9b}ce", contains("U+009B, a control character")),
        ("\u{202e}alice", contains("U+202E, a format character")),
        ("al\u{200b}ice", contains("U+200B, a format character")),
        ("al\u{ad}ice", contains("U+00AD, a format character")),
        ("👩\u{200d}🚀", contains("U+200D, a format character")),
        ("\u{feff}alice", contains("U+FEFF, a format character")),
        ("alice\u{e0041}", contains("U+E0041, a format character")),
        ("\u{e000}lice", contains("U+E000, a private-use character")),
        ("\u{10fffd}", contains("U+10FFFD, a private-use character")),
        ("a\u{378}", contains("U+0378, an unassigned character")),
        ("a\u{ffff}", contains("U+FFFF, an unassigned character")),
        ("a\u{10ffff}", contains("U+10FFFF, an unassigned character")),
        ("e\u{301}", not_normalized.to_owned()),
        ("\u{212a}elvin", not_normalized.to_owned()),
        ("\u{212b}", not_normalized.to_owned()),
        ("\u{1100}\u{1161}", not_normalized.to_owned()),
        ("q\u{307}\u{323}", not_normalized.to_owned()),
        (
            "me",
            "the user name is \"me\", which stands for the caller in paths".to_owned(),
        ),
        ("USR-", id("USR-")),
        ("USR-0190d2c6-0000-7000-8000-000000000000", id("USR-")),
        ("CON-1", id("CON-")),
        ("MEM-1", id("MEM-")),
        ("SES-1", id("SES-")),
        ("DEV-1", id("DEV-")),
        ("KEY-1", id("KEY-")),
    ];
    for (text, expected) in &cases {
        check(text, name(text), Err(expected));
    }
}

#[test]
fn external_ids() {
    let outer = "the external id begins or ends with white space";
    let too_long = "the external id has 256 bytes; at most 255 are allowed";
    let longest = "é".repeat(127) + "u";
    let kept = [
        "u-1",
        "me",
        "USR-1",
        "0",
        "007",
        "a b",
        "user_8412",
        // Byte for byte: none of these is another.
        "e\u{301}",
        "é",
        "\u{212a}",
        "al\u{200b}ice",
        "\u{e000}",
        &longest,
    ];
    for text in kept {
        check(text, external_id(text), Ok(text));
    }
    let refused = [
        ("", "the external id is empty"),
        (&*"u".repeat(256), too_long),
        (" u-1", outer),
        ("u-1 ", outer),
        ("u-1\n", outer),
        ("\u{2003}u-1", outer),
        (
            "u\0-1",
            "the external id contains the control character U+0000",
        ),
        (
            "u\u{85}-1",
            "the external id contains the control character U+0085",
        ),
        (
            "u\u{7f}",
            "the external id contains the control character U+007F",
        ),
    ];
    for (text, expected) in refused {
        check(text, external_id(text), Err(expected));
    }
}

#[test]
fn external_ids_out_of_json() {
    let not_an_integer =
        "the external id is a number with a fraction or an exponent; send it as a string";
    let too_long = "the external id has 256 bytes; at most 255 are allowed";
    let longest = "9".repeat(255);
    let too_many_digits = "9".repeat(256);
    let cases = [
        (r#""u-1""#, Ok("u-1")),
        (r#""u\u002d1""#, Ok("u-1")),
        (r#""5.5""#, Ok("5.5")),
        (r#""-0""#, Ok("-0")),
        ("5", Ok("5")),
        ("0", Ok("0")),
        ("-5", Ok("-5")),
        // Past what a double holds, digit for digit.
        ("12345678901234567890", Ok("12345678901234567890")),
        (&*longest, Ok(&*longest)),
        (&*too_many_digits, Err(too_long)),
        ("5.5", Err(not_an_integer)),
        ("5.0", Err(not_an_integer)),
        ("5e0", Err(not_an_integer)),
        ("1E3", Err(not_an_integer)),
        ("-0.0", Err(not_an_integer)),
        (
            "-0",
            Err("the external id is the number -0; send it as a string"),
        ),
        (
            "null",
            Err("the external id must be a string or an integer, found null"),
        ),
        (
            "true",
            Err("the external id must be a string or an integer, found boolean"),
        ),
        (
            r#"["u-1"]"#,
            Err("the external id must be a string or an integer, found array"),
        ),
        (
            r#"{"$gt":""}"#,
            Err("the external id must be a string or an integer, found object"),
        ),
        (r#""""#, Err("the external id is empty")),
        (
            r#""u\u0000-1""#,
            Err("the external id contains the control character U+0000"),
        ),
    ];
    for (text, expected) in cases {
        let value = json::read(text.as_bytes()).unwrap();
        let found = ExternalId::from_json(&value).map(|id| id.as_str().to_owned());
        check(text, found, expected);
    }
}

#[test]
fn emails_that_are_one_mailbox_have_one_form() {
    let longest = format!("{}@{}.example", "a".repeat(182), "b".repeat(63));
    assert_eq!(longest.len(), 254);
    let cases = [
        ("a@example.com", "a@example.com"),
        ("A@Example.com", "a@example.com"),
        ("ALICE@EXAMPLE.COM", "alice@example.com"),
        ("a.b+c@example.com", "a.b+c@example.com"),
        (
            "!#$%&'*+-/=?^_`{|}~@example.com",
            "!#$%&'*+-/=?^_`{|}~@example.com",
        ),
        ("1@1.example", "1@1.example"),
        ("a@r3---sn.example.com", "a@r3---sn.example.com"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("a@BÜCHER.example", "a@xn--bcher-kva.example"),
        ("a@bu\u{308}cher.example", "a@xn--bcher-kva.example"),
        ("a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example"),
        ("a@faß.example", "a@xn--fa-hia.example"),
        ("a@例え。テスト", "a@xn--r8jz45g.xn--zckzah"),
        ("a@ｅｘａｍｐｌｅ．ｃｏｍ", "a@example.com"),
        (&*longest, &*longest),
    ];
    for (text, expected) in cases {
        check(text, email(text), Ok(expected));
        check(expected, email(expected), Ok(expected));
    }
}

#[test]
fn emails_of_a_refused_form() {
    let outer = "the e-mail address begins or ends with white space";
    let at = |count| format!("the e-mail address has {count} \"@\"; it must have exactly one");
    let too_long = |bytes| format!("the e-mail address has {bytes} bytes; at most 254 are allowed");
    // It fits as it is given, and no longer with its labels in Punycode.
    let grows = format!("{}@{}example", "a".repeat(158), "üöäüöä.".repeat(6));
    assert!(grows.len() <= 254);
    let cases = [
        ("", "the e-mail address is empty".to_owned()),
        (&*format!("{}@example.com", "a".repeat(320)), too_long(332)),
        (
            &*format!("{}@{}.example", "a".repeat(183), "b".repeat(63)),
            too_long(255),
        ),
        (&*grows, too_long(256)),
        (" a@example.com", outer.to_owned()),
        ("a@example.com ", outer.to_owned()),
        ("a@example.com\n", outer.to_owned()),
        ("a@example.com\u{3000}", outer.to_owned()),
        ("abc", at(0)),
        ("a@@b.c", at(2)),
        ("a@b@example.com", at(2)),
        ("a@b.c\r\nBcc: x@y.z", at(2)),
        ("\"a@b\"@example.com", at(2)),
    ];
    for (text, expected) in &cases {
        check(text, email(text), Err(expected));
    }
}

#[test]
fn emails_whose_local_part_is_no_dot_atom() {
    let dots = "the e-mail address has a dot at an edge of the part before \"@\", or two in a row";
    let contains = |code_point| {
        format!("the e-mail address contains U+{code_point} before its \"@\", which is not allowed")
    };
    let cases = [
        (
            "@example.com",
            "the e-mail address has nothing before its \"@\"".to_owned(),
        ),
        (".a@example.com", dots.to_owned()),
        ("a.@example.com", dots.to_owned()),
        ("a..b@example.com", dots.to_owned()),
        (".@example.com", dots.to_owned()),
        ("\"a b\"@example.com", contains("0022")),
        ("\"ab\"@example.com", contains("0022")),
        ("Bob <a@example.com>", contains("0020")),
        ("<a@example.com>", contains("003C")),
        ("mailto:a@example.com", contains("003A")),
        ("a @example.com", contains("0020")),
        ("a\0@example.com", contains("0000")),
        ("a(x)@example.com", contains("0028")),
        ("a,b@example.com", contains("002C")),
        ("a;b@example.com", contains("003B")),
        ("[a]@example.com", contains("005B")),
        ("a\\b@example.com", contains("005C")),
        ("é@example.com", contains("00E9")),
        ("\u{212a}@example.com", contains("212A")),
        ("a\u{200b}@example.com", contains("200B")),
    ];
    for (text, expected) in &cases {
        check(text, email(text), Err(expected));
    }
}

#[test]
fn emails_whose_domain_is_no_host_name() {
    let no_dot = "the e-mail address has a domain without a dot";
    let trailing = "the e-mail address has a domain that ends with a dot";
    let invalid = "the e-mail address has a domain that is not a valid host name";
    let label_of_64 = format!("a@{}.example", "b".repeat(64));
    let cases = [
        ("a@localhost", no_dot),
        ("a@example.com.", trailing),
        ("a@example.com。", trailing),
        ("a@localhost.", trailing),
        ("a@", invalid),
        ("a@.", invalid),
        ("a@.example.com", invalid),
        ("a@example..com", invalid),
        ("a@example.com..", invalid),
        (&*label_of_64, invalid),
        ("a@[127.0.0.1]", invalid),
        ("a@exa_mple.com", invalid),
        ("a@ example.com", invalid),
        ("a@exa mple.com", invalid),
        ("a@exa\u{3000}mple.com", invalid),
        ("a@example.com>", invalid),
        ("a@example.com,b", invalid),
        ("a@example.com\0", invalid),
        ("a@-example.com", invalid),
        ("a@example-.com", invalid),
        ("a@example.com:25", invalid),
        ("a@example%2ecom", invalid),
        ("a@xn--.example", invalid),
        ("a@xn--a.example", invalid),
        ("a@xn--example-.com", invalid),
        ("a@\u{202e}example.com", invalid),
        ("a@\u{e000}.example", invalid),
        ("a@\u{301}a.example", invalid),
    ];
    for (text, expected) in cases {
        check(text, email(text), Err(expected));
    }
}

//! The SQL subset that SQLite and PostgreSQL share, as far as a text shows it.
//!
//! A lint, for tests over the constant texts of the store. It knows no schema, so it does not see
//! a comparison of a flag with a number, a NULL that sorts first on one engine and last on the
//! other, or a parameter that no column gives its type in a way not listed here. What it does see
//! needs no second engine.

use std::fmt;

/// A rule that a text breaks, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// The token at which it is broken.
    pub near: String,
}

/// What a portable text must not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A text is one SELECT, INSERT, UPDATE, DELETE or WITH, without a semicolon.
    OneStatement,
    /// No `$` stands in a literal or name: it would be rewritten with the parameters.
    DollarInLiteral,
    /// A name or literal ends before the text does.
    Unterminated,
    /// Parameters are `$1`, `$2` … without holes, and never `?`.
    ParameterNumbers,
    /// A parameter stands where nothing gives it a type: `$1 IS NULL`, `SELECT $1`, `$1 + 1`.
    UntypedParameter,
    /// A word or operator that one engine lacks, or that means something else there.
    Dialect,
    /// `max(a, b)` and `min(a, b)` are aggregates of one argument on PostgreSQL.
    ScalarMaximum,
    /// A cast is to BIGINT or TEXT.
    CastType,
    /// A sum is `CAST(sum(x) AS BIGINT)`: PostgreSQL sums to `numeric`.
    UncastSum,
    /// `INSERT … SELECT … ON CONFLICT` needs a WHERE, if only `WHERE true`, for SQLite's parser.
    SelectOnConflict,
    /// RETURNING names bare columns, without table, alias or expression; or numbers.
    Returning,
}

/// A token, with the depth of parentheses it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
    depth: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Name,
    Number,
    Literal,
    Parameter,
    Sign,
}

const FIRST_WORDS: &[&str] = &["select", "insert", "update", "delete", "with"];
const WORDS: &[&str] = &[
    "any",
    "array",
    "autoincrement",
    "current_date",
    "current_time",
    "current_timestamp",
    "false",
    "glob",
    "ilike",
    "like",
    "match",
    "regexp",
    "replace",
    "rowid",
    "similar",
    "pragma",
    "vacuum",
];
const FUNCTIONS: &[&str] = &[
    "avg",
    "changes",
    "char",
    "date",
    "datetime",
    "gen_random_uuid",
    "greatest",
    "group_concat",
    "ifnull",
    "iif",
    "instr",
    "json_extract",
    "julianday",
    "last_insert_rowid",
    "least",
    "lower",
    "now",
    "printf",
    "random",
    "randomblob",
    "strftime",
    "string_agg",
    "time",
    "total",
    "typeof",
    "unixepoch",
    "upper",
    "uuidv7",
];
const SIGNS: &[&str] = &["::", "==", "->", "->>", "~", "@>", "?", "[", "`", "#"];
const ARITHMETIC: &[&str] = &["+", "-", "*", "/", "%", "||"];

/// The rules that a text breaks, in the order of the rules.
pub fn lint(sql: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    let tokens = tokens(sql, &mut found);
    let tokens = Tokens(&tokens);
    one_statement(tokens, &mut found);
    parameter_numbers(tokens, &mut found);
    for at in 0..tokens.0.len() {
        untyped_parameter(tokens, at, &mut found);
        dialect(tokens, at, &mut found);
        functions(tokens, at, &mut found);
        cast(tokens, at, &mut found);
        select_on_conflict(tokens, at, &mut found);
        returning(tokens, at, &mut found);
    }
    found.sort_by_key(|violation| violation.rule);
    found
}

// === impl Violation ===

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} near {:?}", self.rule, self.near)
    }
}

/// The tokens of a text. Outside of it there are empty ones.
#[derive(Clone, Copy)]
struct Tokens<'t, 'a>(&'t [Token<'a>]);

// === impl Tokens ===

impl<'a> Tokens<'_, 'a> {
    fn kind(self, at: usize) -> Option<Kind> {
        self.0.get(at).map(|token| token.kind)
    }

    fn text(self, at: usize) -> &'a str {
        self.0.get(at).map_or("", |token| token.text)
    }

    fn depth(self, at: usize) -> usize {
        self.0.get(at).map_or(0, |token| token.depth)
    }

    /// Whether the token is this word, in any case.
    fn is(self, at: usize, word: &str) -> bool {
        self.kind(at) == Some(Kind::Word) && self.text(at).eq_ignore_ascii_case(word)
    }

    fn is_one_of(self, at: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(at, word))
    }

    fn before(self, at: usize) -> usize {
        // Before the first token there is none, as there is none after the last.
        at.checked_sub(1).unwrap_or(usize::MAX)
    }

    fn break_rule(self, rule: Rule, at: usize, found: &mut Vec<Violation>) {
        found.push(Violation {
            rule,
            near: self.text(at).to_owned(),
        });
    }
}

fn one_statement(tokens: Tokens<'_, '_>, found: &mut Vec<Violation>) {
    if !tokens.is_one_of(0, FIRST_WORDS) {
        tokens.break_rule(Rule::OneStatement, 0, found);
    }
    for at in 0..tokens.0.len() {
        if tokens.text(at) == ";" {
            tokens.break_rule(Rule::OneStatement, at, found);
        }
    }
}

fn parameter_numbers(tokens: Tokens<'_, '_>, found: &mut Vec<Violation>) {
    let mut numbers: Vec<usize> = Vec::new();
    for at in 0..tokens.0.len() {
        if tokens.kind(at) == Some(Kind::Parameter) {
            match tokens.text(at)[1..].parse() {
                Ok(number) => numbers.push(number),
                Err(_) => tokens.break_rule(Rule::ParameterNumbers, at, found),
            }
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    for (position, number) in numbers.into_iter().enumerate() {
        if number != position + 1 {
            found.push(Violation {
                rule: Rule::ParameterNumbers,
                near: format!("${number}"),
            });
            return;
        }
    }
}

fn untyped_parameter(tokens: Tokens<'_, '_>, at: usize, found: &mut Vec<Violation>) {
    if tokens.kind(at) != Some(Kind::Parameter) {
        return;
    }
    let before = tokens.before(at);
    let compared_with_null = tokens.is(at + 1, "is") && tokens.is_one_of(at + 2, &["null", "not"]);
    let calculated =
        ARITHMETIC.contains(&tokens.text(at + 1)) && !ARITHMETIC.contains(&tokens.text(before));
    if compared_with_null || calculated || selected(tokens, at) {
        tokens.break_rule(Rule::UntypedParameter, at, found);
    }
}

/// Whether a parameter is an item of a select list to which no column gives a type: everywhere but
/// in a plain `INSERT … SELECT`.
fn selected(tokens: Tokens<'_, '_>, at: usize) -> bool {
    let depth = tokens.depth(at);
    let before = tokens.before(at);
    if !(tokens.text(before) == "," || tokens.is_one_of(before, &["select", "distinct"])) {
        return false;
    }
    let same_depth = |other: &usize| tokens.depth(*other) == depth;
    let in_this_query = |other: &usize| tokens.depth(*other) >= depth;
    let clause = (0..at)
        .rev()
        .take_while(in_this_query)
        .filter(same_depth)
        .find(|&other| {
            const CLAUSES: &[&str] = &["select", "from", "where", "values", "set", "by", "in"];
            tokens.is_one_of(other, CLAUSES)
        });
    let Some(select) = clause.filter(|&clause| tokens.is(clause, "select")) else {
        return false;
    };
    let merged = (0..tokens.0.len()).any(|other| tokens.is_one_of(other, &["distinct", "union"]));
    let typed_by_insert = (0..select).any(|other| tokens.is(other, "insert")) && depth == 0;
    !typed_by_insert || merged
}

fn dialect(tokens: Tokens<'_, '_>, at: usize, found: &mut Vec<Violation>) {
    let before = tokens.before(at);
    let word = tokens.is_one_of(at, WORDS);
    let function = tokens.is_one_of(at, FUNCTIONS) && tokens.text(at + 1) == "(";
    let sign = tokens.kind(at) == Some(Kind::Sign) && SIGNS.contains(&tokens.text(at));
    let truth = tokens.is(at, "true") && !tokens.is(before, "where");
    let lock = tokens.is(at, "for") && tokens.is_one_of(at + 1, &["update", "share", "no", "key"]);
    let or_other = tokens.is(at, "or") && tokens.is_one_of(before, &["insert", "update"]);
    if word || function || sign || truth || lock || or_other {
        tokens.break_rule(Rule::Dialect, at, found);
    }
}

fn functions(tokens: Tokens<'_, '_>, at: usize, found: &mut Vec<Violation>) {
    if tokens.text(at + 1) != "(" {
        return;
    }
    if tokens.is_one_of(at, &["max", "min"]) {
        let depth = tokens.depth(at) + 1;
        let second = (at + 2..tokens.0.len())
            .take_while(|&other| tokens.depth(other) >= depth)
            .any(|other| tokens.depth(other) == depth && tokens.text(other) == ",");
        if second {
            tokens.break_rule(Rule::ScalarMaximum, at, found);
        }
    }
    if tokens.is(at, "sum") {
        let open = tokens.before(at);
        let cast = tokens.text(open) == "(" && tokens.is(tokens.before(open), "cast");
        if !cast {
            tokens.break_rule(Rule::UncastSum, at, found);
        }
    }
}

fn cast(tokens: Tokens<'_, '_>, at: usize, found: &mut Vec<Violation>) {
    if !tokens.is(at, "cast") {
        return;
    }
    let depth = tokens.depth(at) + 1;
    let kind = (at + 2..tokens.0.len())
        .take_while(|&other| tokens.depth(other) >= depth)
        .find(|&other| tokens.depth(other) == depth && tokens.is(other, "as"))
        .map_or(usize::MAX, |word| word + 1);
    if !(tokens.is_one_of(kind, &["bigint", "text"]) && tokens.text(kind + 1) == ")") {
        tokens.break_rule(Rule::CastType, at, found);
    }
}

fn select_on_conflict(tokens: Tokens<'_, '_>, at: usize, found: &mut Vec<Violation>) {
    if !(tokens.is(at, "on") && tokens.is(at + 1, "conflict")) {
        return;
    }
    let depth = tokens.depth(at);
    let clause = (0..at)
        .rev()
        .filter(|&other| tokens.depth(other) == depth)
        .find(|&other| tokens.is_one_of(other, &["where", "select", "values"]));
    if clause.is_some_and(|clause| tokens.is(clause, "select")) {
        tokens.break_rule(Rule::SelectOnConflict, at, found);
    }
}

fn returning(tokens: Tokens<'_, '_>, at: usize, found: &mut Vec<Violation>) {
    if !tokens.is(at, "returning") {
        return;
    }
    let depth = tokens.depth(at);
    let rest = (at + 1..tokens.0.len()).take_while(|&other| tokens.depth(other) >= depth);
    let mut item = true;
    let mut last = at;
    for other in rest {
        let fits = if item {
            matches!(
                tokens.kind(other),
                Some(Kind::Word | Kind::Name | Kind::Number)
            )
        } else {
            tokens.text(other) == ","
        };
        if !fits {
            return tokens.break_rule(Rule::Returning, other, found);
        }
        item = !item;
        last = other;
    }
    if item {
        tokens.break_rule(Rule::Returning, last, found);
    }
}

/// Takes a text apart. Comments are left out.
fn tokens<'a>(sql: &'a str, found: &mut Vec<Violation>) -> Vec<Token<'a>> {
    let mut tokens = Vec::new();
    let mut depth = 0_usize;
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = match first {
            _ if first.is_whitespace() => (None, first.len_utf8()),
            '-' if rest.starts_with("--") => (None, rest.find('\n').unwrap_or(rest.len())),
            '\'' | '"' => quoted(rest, first, found),
            '$' => (Some(Kind::Parameter), 1 + word_length(&rest[1..])),
            '0'..='9' => (Some(Kind::Number), word_length(rest)),
            _ if first == '_' || first.is_alphabetic() => (Some(Kind::Word), word_length(rest)),
            _ => (Some(Kind::Sign), sign_length(rest, first)),
        };
        let (text, after) = rest.split_at(length);
        rest = after;
        let Some(kind) = kind else { continue };
        if text == ")" {
            // The closing parenthesis is inside, as the opening one is outside.
            tokens.push(Token { kind, text, depth });
            depth = depth.saturating_sub(1);
            continue;
        }
        tokens.push(Token { kind, text, depth });
        if text == "(" {
            depth += 1;
        }
    }
    tokens
}

/// Kind and length of a literal or a quoted name, in which the quote is doubled.
fn quoted(rest: &str, quote: char, found: &mut Vec<Violation>) -> (Option<Kind>, usize) {
    let kind = if quote == '\'' {
        Kind::Literal
    } else {
        Kind::Name
    };
    let mut end = 1;
    let mut broken = Some(Rule::Unterminated);
    while let Some(next) = rest[end..].find(quote) {
        end += next + 1;
        if !rest[end..].starts_with(quote) {
            broken = None;
            break;
        }
        end += 1;
    }
    let length = if broken.is_some() { rest.len() } else { end };
    let text = &rest[..length];
    let dollar = text.contains('$').then_some(Rule::DollarInLiteral);
    for rule in broken.into_iter().chain(dollar) {
        let near = text.to_owned();
        found.push(Violation { rule, near });
    }
    (Some(kind), length)
}

fn word_length(rest: &str) -> usize {
    rest.find(|character: char| !(character == '_' || character.is_alphanumeric()))
        .unwrap_or(rest.len())
}

fn sign_length(rest: &str, first: char) -> usize {
    const LONG: &[&str] = &["->>", "::", "==", "->", "@>", "||", "<=", ">=", "<>", "!="];
    LONG.iter()
        .find(|sign| rest.starts_with(**sign))
        .map_or(first.len_utf8(), |sign| sign.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expected: &[Rule]) {
        let found: Vec<Rule> = lint(sql).iter().map(|violation| violation.rule).collect();
        assert_eq!(found, expected, "{sql}");
    }

    #[test]
    fn portable_texts_pass() {
        for sql in [
            "SELECT id, head FROM conversations WHERE application = $1 AND id = $2",
            "SELECT 1",
            "UPDATE conversations SET head = head + $3 WHERE application = $1 AND id = $2 RETURNING head",
            "INSERT INTO events (a, b, c) SELECT c.a, c.head, $3 FROM conversations c \
             WHERE c.a = $1 AND c.b = $2 RETURNING 1",
            "INSERT INTO s (a, b) SELECT x.a, $1 FROM x WHERE true ON CONFLICT (a) \
             DO UPDATE SET b = excluded.b WHERE s.b < excluded.b RETURNING a, b",
            "INSERT INTO s (a, b) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            "SELECT CAST(sum(size) AS BIGINT), max(id), count(*) FROM a WHERE (a, b) < ($1, $2) \
             AND c IN ($3, $4) AND d IS NOT DISTINCT FROM $5 ORDER BY a NULLS LAST LIMIT $6",
            "SELECT CASE WHEN CAST($1 AS BIGINT) IS NULL THEN 1 ELSE 0 END FROM a WHERE b = 'like now()'",
            "DELETE FROM a WHERE id IN (SELECT a FROM b WHERE c = $1) -- like $$\n RETURNING \"order\"",
            "WITH x AS (SELECT a FROM b WHERE c = $1) SELECT a, lower FROM x, y WHERE d = 'it''s'",
        ] {
            check(sql, &[]);
        }
    }

    #[test]
    fn each_rule_is_found() {
        use Rule::*;
        for (sql, expected) in [
            ("", &[OneStatement][..]),
            ("CREATE TABLE a (b TEXT)", &[OneStatement]),
            ("BEGIN", &[OneStatement]),
            ("SELECT 1; SELECT 2", &[OneStatement]),
            ("SELECT a FROM b WHERE c = '$1'", &[DollarInLiteral]),
            ("SELECT \"a$\" FROM b", &[DollarInLiteral]),
            ("SELECT a FROM b WHERE c = 'it''s", &[Unterminated]),
            ("SELECT a FROM b WHERE c = $2", &[ParameterNumbers]),
            (
                "SELECT a FROM b WHERE c = $0 AND d = $1",
                &[ParameterNumbers],
            ),
            ("SELECT a FROM b WHERE c = $name", &[ParameterNumbers]),
            ("SELECT a FROM b WHERE c = ?", &[Dialect]),
            ("SELECT a FROM b WHERE $1 IS NULL", &[UntypedParameter]),
            (
                "SELECT a FROM b WHERE $1 IS NOT NULL OR c = 1",
                &[UntypedParameter],
            ),
            ("SELECT a FROM b WHERE c > $1 + 1", &[UntypedParameter]),
            ("SELECT $1", &[UntypedParameter]),
            ("SELECT a, $1 FROM b", &[UntypedParameter]),
            ("SELECT a FROM b WHERE c = (SELECT $1)", &[UntypedParameter]),
            (
                "INSERT INTO a (b) SELECT DISTINCT $1 FROM c",
                &[UntypedParameter],
            ),
            (
                "INSERT INTO a (b) SELECT $1 FROM c UNION SELECT d FROM e",
                &[UntypedParameter],
            ),
            ("SELECT a FROM b WHERE c LIKE $1", &[Dialect]),
            ("SELECT lower(a) FROM b", &[Dialect]),
            ("SELECT a FROM b WHERE c = ANY($1)", &[Dialect]),
            ("SELECT a FROM b WHERE c < now()", &[Dialect]),
            ("SELECT a FROM b WHERE c = 1 FOR UPDATE", &[Dialect]),
            ("SELECT a::text FROM b", &[Dialect]),
            ("UPDATE a SET b = true", &[Dialect]),
            ("INSERT OR IGNORE INTO a (b) VALUES ($1)", &[Dialect]),
            ("REPLACE INTO a (b) VALUES ($1)", &[OneStatement, Dialect]),
            ("SELECT max(a, 1) FROM b", &[ScalarMaximum]),
            (
                "SELECT max((SELECT c FROM d WHERE e IN (1, 2))), min(a, (b)) FROM b",
                &[ScalarMaximum],
            ),
            ("SELECT CAST(a AS BYTEA) FROM b", &[CastType]),
            (
                "SELECT CAST(a AS INTEGER) FROM b WHERE c = CAST($1 AS BLOB)",
                &[CastType, CastType],
            ),
            ("SELECT sum(a) FROM b", &[UncastSum]),
            ("SELECT CAST(1 + sum(a) AS BIGINT) FROM b", &[UncastSum]),
            (
                "INSERT INTO a (b) SELECT c FROM d ON CONFLICT DO NOTHING",
                &[SelectOnConflict],
            ),
            (
                "INSERT INTO a (b) SELECT c FROM (SELECT c FROM d WHERE e = $1) f ON CONFLICT DO NOTHING",
                &[SelectOnConflict],
            ),
            ("DELETE FROM a RETURNING a.b", &[Returning]),
            ("DELETE FROM a RETURNING b AS c", &[Returning]),
            ("DELETE FROM a RETURNING b, c + 1", &[Returning]),
            ("DELETE FROM a RETURNING *", &[Returning]),
            ("DELETE FROM a RETURNING", &[Returning]),
        ] {
            check(sql, expected);
        }
    }

    #[test]
    fn a_violation_says_where() {
        let found = lint("SELECT a FROM b WHERE c ILIKE 'x'");
        assert_eq!(found[0].to_string(), "Dialect near \"ILIKE\"");
    }
}

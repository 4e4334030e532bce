//! How deep a tree may become. Checked on tokens, before there is a tree, so that nothing that walks or drops the tree can
//! run out of stack.

use rbtrace_diag::Diagnostic;

use crate::token::{Tok, Token};

/// The most operators inside each other; a bracket or an `else` counts as [`BRACKET`] of them.
const DEEPEST: usize = 1024;
const BRACKET: usize = 4;

/// What an open bracket holds so far.
#[derive(Clone, Copy, Default)]
struct Level {
    /// How deep the expression is that is being read.
    now: usize,
    /// The deepest of those before it.
    deepest: usize,
}

impl Level {
    fn next_expression(&mut self) {
        self.deepest = self.deepest.max(self.now);
        self.now = 0;
    }
}

/// Says where the tokens of an item would make too deep a tree, if they would.
///
/// Two sums bound the depth: operators before an operand in all open brackets (`- - (- (`), and operators after
/// one (`((a + b) + c) + d`), which is why a closed bracket hands its depth to the expression around it.
pub(crate) fn too_deep(tokens: &[Token<'_>]) -> Option<Diagnostic> {
    let mut open = vec![Level::default()];
    let mut outer = 0;
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1).map(|token| token.tok);
        if token.tok.opens() {
            outer += open.last()?.now;
            open.push(Level { now: BRACKET, deepest: 0 });
        } else if token.tok.closes() {
            let mut closed = open.pop()?;
            closed.next_expression();
            let level = open.last_mut()?;
            outer -= level.now;
            level.now = (level.now + 1).max(closed.deepest + 1);
            if token.tok == Tok::Close && !next.is_some_and(|tok| tok == Tok::Else || (tok != Tok::StmtIf && deepens(tok))) {
                level.next_expression();
            }
        } else if matches!(token.tok, Tok::Semi | Tok::Comma) {
            open.last_mut()?.next_expression();
        } else if token.tok == Tok::Else {
            open.last_mut()?.now += BRACKET;
        } else if deepens(token.tok) {
            open.last_mut()?.now += 1;
        }
        if outer + open.last()?.now > DEEPEST {
            let why = format!("more than {DEEPEST} operators or {} brackets stand inside each other", DEEPEST / BRACKET);
            let problem = Diagnostic::error(token.span, "this is nested too deeply").because(why);
            return Some(problem.hint("compute parts of it into variables; a long list of alternatives is better a map"));
        }
    }
    None
}

/// Whether a token makes the tree of its expression one node deeper.
fn deepens(tok: Tok<'_>) -> bool {
    let operator = matches!(tok, Tok::Plus | Tok::Minus | Tok::Star | Tok::Slash | Tok::Percent | Tok::And | Tok::Or | Tok::Xor);
    let logic = matches!(tok, Tok::AndAnd | Tok::OrOr | Tok::Not | Tok::Tilde | Tok::Shl | Tok::Shr);
    let compare = matches!(tok, Tok::Eq | Tok::Ne | Tok::Lt | Tok::Le | Tok::Gt | Tok::Ge);
    let postfix = matches!(tok, Tok::Inc | Tok::Dec | Tok::Dot | Tok::Arrow);
    operator || logic || compare || postfix || matches!(tok, Tok::Question | Tok::Comptime | Tok::If | Tok::StmtIf)
}

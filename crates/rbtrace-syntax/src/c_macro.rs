//! The body of a C macro as one of the language (SPEC §1.4): what stands behind `#define` → a macro whose places are those of the C text.

use rbtrace_diag::Span;

use crate::ast::{Item, Macro};
use crate::builder::Builder;
use crate::c;
use crate::grammar::ItemParser;
use crate::lexer::{Lexeme, lex};
use crate::parse::Feed;
use crate::token::{Tok, Token};
use crate::{limit, mark};

/// Reads a macro; none where its body, or a parameter, is nothing that a script can say. Numbers of expressions begin with 0.
pub fn parse_c_macro(found: &c::Macro) -> Option<Macro> {
    let params = match &found.params {
        c::Params::None => &[][..],
        c::Params::Names(names) => names,
        c::Params::Others => return None,
    };
    let names: Vec<&str> = params.iter().map(|name| name.node.as_str()).collect();
    let head = format!("macro {}({}) {{ ", found.name.node, names.join(", "));
    // As long as they are, so that places stay right.
    let body = found.body.node.replace("\\\r\n", "   ").replace("\\\n", "  ");
    let text = format!("{head}{body} }}");
    let mut lexed = lex(&text, found.body.span.source);
    if !lexed.problems.is_empty() || lexed.items.len() != 1 {
        return None;
    }
    let Some(Lexeme::Code(mut code)) = lexed.items.pop() else { return None };
    if code.broken || limit::too_deep(&code.tokens).is_some() {
        return None;
    }
    keep_from_casts(&mut code.tokens, &names);
    mark::mark(&mut code.tokens);
    let body = found.body.span;
    for token in &mut code.tokens {
        let place = |at: u32| at.checked_sub(head.len() as u32).map(|at| (body.start + at).min(body.end));
        token.span = match (place(token.span.start), place(token.span.end)) {
            (Some(start), Some(end)) => Span { start, end, ..body },
            (None, _) | (_, None) => found.name.span,
        };
    }
    let mut builder = Builder::new(&code.tokens, &lexed, 0);
    let Ok(Item::Macro(mut item)) = ItemParser::new().parse(&mut builder, Feed::all(&code.tokens)) else { return None };
    for (param, name) in item.params.iter_mut().zip(params) {
        param.span = name.span;
    }
    Some(item)
}

/// A parameter in brackets that an operator follows is a value: without this, `(n) * 2` would be a cast of what is at address 2.
fn keep_from_casts(tokens: &mut [Token<'_>], params: &[&str]) {
    for at in 1..tokens.len().saturating_sub(2) {
        let Tok::Ident(name) = tokens[at].tok else { continue };
        let is_alone = tokens[at - 1].tok == Tok::Paren && tokens[at + 1].tok == Tok::ParenClose;
        if is_alone && params.contains(&name) && matches!(tokens[at + 2].tok, Tok::Star | Tok::Minus | Tok::And) {
            tokens[at].tok = Tok::Reserved(name);
        }
    }
}

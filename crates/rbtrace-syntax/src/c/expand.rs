//! Macros of C where they are used: tokens → tokens. Arguments are put in as they are written, which is what C says; a macro does not see itself.

use super::Params;
use super::preprocess::State;
use super::token::{Kind, Token};

/// The deepest nesting of macros.
const MAX_DEPTH: usize = 64;
/// The deepest nesting of macros in arguments of macros.
const MAX_ARGUMENTS: u32 = 64;

impl<'t> State<'_, 't> {
    /// Appends tokens, macros replaced. `within` are the macros under way: those are left as they are.
    pub(super) fn expand(&mut self, tokens: &[Token<'t>], within: &mut Vec<String>) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            if !self.spend(1, token) {
                return;
            }
            let is_under_way = within.len() >= MAX_DEPTH || within.iter().any(|name| name == token.text);
            let body = match self.macros.get(token.text) {
                Some(found) if token.kind == Kind::Word && !is_under_way => match &found.public.params {
                    Params::None => Some(found.body.to_vec()),
                    Params::Names(_) | Params::Others => self.arguments(&tokens[at..], token).and_then(|(arguments, length)| {
                        let body = self.filled(token, &arguments, within)?;
                        at += length;
                        Some(body)
                    }),
                },
                Some(_) | None => None,
            };
            let Some(body) = body else {
                self.out.push(*token);
                continue;
            };
            within.push(token.text.to_owned());
            self.expand(&body, within);
            within.pop();
        }
    }

    /// The body of a macro with parameters, arguments put in; none where they do not fit, or it is more than what such a macro can be here.
    fn filled(&mut self, name: &Token<'t>, arguments: &[&[Token<'t>]], within: &mut Vec<String>) -> Option<Vec<Token<'t>>> {
        let found = self.macros.get(name.text)?;
        let Params::Names(params) = &found.public.params else { return None };
        let is_one_empty = params.is_empty() && matches!(arguments, [only] if only.is_empty());
        if params.len() != arguments.len() && !is_one_empty {
            return None;
        }
        let (body, params) = (found.body, params.clone());
        if body.iter().any(|token| token.text == "#") {
            return None;
        }
        if self.in_arguments >= MAX_ARGUMENTS {
            self.error(name.span, "macros are nested too deeply in the arguments of macros");
            return None;
        }
        self.in_arguments += 1;
        let mut whole = Vec::new();
        for argument in arguments {
            let outer = std::mem::take(&mut self.out);
            self.expand(argument, within);
            whole.push(std::mem::replace(&mut self.out, outer));
        }
        self.in_arguments -= 1;
        let mut out = Vec::new();
        for token in body {
            match params.iter().position(|param| token.kind == Kind::Word && param.node == token.text) {
                Some(index) => {
                    // It will be looked at once more, but a large argument that is there often must not take the memory first.
                    if !self.spend(whole[index].len(), name) {
                        return None;
                    }
                    out.extend_from_slice(&whole[index]);
                }
                None => out.push(*token),
            }
        }
        Some(out)
    }

    /// The arguments in the brackets that tokens begin with, and how many tokens that is.
    fn arguments<'a>(&mut self, tokens: &'a [Token<'t>], name: &Token<'t>) -> Option<(Vec<&'a [Token<'t>]>, usize)> {
        if tokens.first()?.text != "(" {
            return None;
        }
        let (mut depth, mut begin, mut found) = (0, 1, Vec::new());
        for (at, token) in tokens.iter().enumerate() {
            match token.text {
                "(" => depth += 1,
                ")" if depth == 1 => {
                    found.push(&tokens[begin..at]);
                    return self.spend(at, name).then_some((found, at + 1));
                }
                ")" => depth -= 1,
                "," if depth == 1 => {
                    found.push(&tokens[begin..at]);
                    begin = at + 1;
                }
                _ => {}
            }
        }
        self.spend(tokens.len(), name);
        None
    }

    /// Counts steps; false, and said, where there are not so many left.
    fn spend(&mut self, steps: usize, token: &Token<'t>) -> bool {
        match u32::try_from(steps).ok().and_then(|steps| self.steps_left.checked_sub(steps)) {
            Some(left) => {
                self.steps_left = left;
                true
            }
            None => {
                self.steps_left = 0;
                self.error(token.span, "the macros of this script expand to too much");
                false
            }
        }
    }
}

//! Spans: what a diagnostic would underline is exactly what was written.

use rbtrace_diag::{Sink, Sources, Span};
use rbtrace_syntax::ast::{Arg, ExprKind, Item, Probe, StmtKind};
use rbtrace_syntax::parse;

const SCRIPT: &str =
    "a=kprobe:vfs_read, t:x:\"y z\" /pid == 1/ {\n  @x[1, 2] = (3 + $y) * 4; // é\n  let $z : struct s * = f(a.b, -1) ;\n}";

#[test]
fn nodes_cover_what_was_written() {
    let mut sources = Sources::default();
    let id = sources.add("spans", SCRIPT);
    let mut sink = Sink::default();
    let program = parse(&sources, id, &mut sink);
    assert!(!sink.has_errors());
    let Some(Item::Probe(probe)) = program.items.first() else { panic!("one probe") };
    let text = |span: Span| sources.text(span);

    assert_eq!(text(probe.span), SCRIPT);
    header(probe, text);

    let StmtKind::Assign { target, value } = &probe.body.stmts[0].kind else { panic!("an assignment") };
    assert_eq!(text(probe.body.stmts[0].span), "@x[1, 2] = (3 + $y) * 4;");
    assert_eq!(text(target.span), "@x[1, 2]");
    assert_eq!(text(value.span), "(3 + $y) * 4");
    let ExprKind::Binary { left, .. } = &value.kind else { panic!("a product") };
    assert_eq!(text(left.span), "3 + $y");

    let StmtKind::Let { name, ty: Some(ty), value: Some(value) } = &probe.body.stmts[1].kind else { panic!("a declaration") };
    assert_eq!(text(probe.body.stmts[1].span), "let $z : struct s * = f(a.b, -1) ;");
    assert_eq!((text(name.span), text(ty.span), text(value.span)), ("$z", "struct s *", "f(a.b, -1)"));
    let ExprKind::Call { function, args } = &value.kind else { panic!("a call") };
    assert_eq!(text(function.span), "f");
    let shown: Vec<_> = args.iter().map(|arg| if let Arg::Expr(expr) = arg { text(expr.span) } else { "a type" }).collect();
    assert_eq!(shown, ["a.b", "-1"]);
}

fn header<'t>(probe: &Probe, text: impl Fn(Span) -> &'t str) {
    let [first, second] = probe.attach_points.as_slice() else { panic!("two attach points") };
    assert_eq!(text(first.span), "a=kprobe:vfs_read");
    assert_eq!(first.alias.as_ref().map(|alias| text(alias.span)), Some("a"));
    let parts = |point: &rbtrace_syntax::ast::AttachPoint| point.parts.iter().map(|part| text(part.span)).collect::<Vec<_>>();
    assert_eq!(parts(first), ["kprobe", "vfs_read"]);
    assert_eq!(parts(second), ["t", "x", "\"y z\""]);
    assert_eq!(probe.predicate.as_ref().map(|predicate| text(predicate.span)), Some("pid == 1"));
}

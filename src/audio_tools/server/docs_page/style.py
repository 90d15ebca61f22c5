"""The style sheet of the documentation page: light and dark, wide and narrow."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --text: #1c1f24; --muted: #5a6270; --page: #fff; --panel: #f5f6f8; --line: #d9dde3; --link: #0b5cad;
  --get: #0b6b3a; --post: #0b5cad; --patch: #8a5300; --delete: #b3261e; --head: #5a6270; --options: #5a6270;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e4e7ec; --muted: #a2abb8; --page: #14171b; --panel: #1e2329; --line: #343b45; --link: #7db8ff;
    --get: #62d394; --post: #7db8ff; --patch: #f0b860; --delete: #ff8b82; --head: #a2abb8; --options: #a2abb8;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: var(--text); background: var(--page); }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
code, pre { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .875em; }
code { overflow-wrap: anywhere; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .75rem 1rem;
  overflow-x: auto; margin: .5rem 0 1rem; }
pre code { overflow-wrap: normal; }
nav { padding: 1rem; background: var(--panel); border-bottom: 1px solid var(--line); }
nav summary { font-weight: 600; cursor: pointer; }
nav h2 { font-size: .8rem; letter-spacing: .04em; text-transform: uppercase; color: var(--muted);
  margin: 1rem 0 .25rem; }
nav ul { list-style: none; margin: 0; padding: 0; } nav li a { display: block; padding: .2rem 0; }
main { padding: 1rem; max-width: 62rem; min-width: 0; }
h1 { line-height: 1.2; } h2, h3 { line-height: 1.3; }
section.route { border-top: 1px solid var(--line); padding-top: .5rem; margin-top: 2rem; }
section.route h2 { margin-bottom: .25rem; overflow-wrap: anywhere; }
h3 { margin: 1.25rem 0 .25rem; font-size: 1rem; }
.get { color: var(--get); } .post { color: var(--post); } .patch { color: var(--patch); }
.delete { color: var(--delete); } .head { color: var(--head); } .options { color: var(--options); }
.optional, .muted { color: var(--muted); font-size: .875em; }
table { border-collapse: collapse; width: 100%; }
td { padding: .4rem 1rem .4rem 0; vertical-align: top; border-top: 1px solid var(--line); }
tr:first-child > td { border-top: 0; }
td:first-child { width: 24%; } td:nth-child(2) { width: 24%; }
td p, td ul { margin: 0; } ul { padding-left: 1.2rem; }
details.example summary { cursor: pointer; color: var(--link); }
@media (min-width: 64rem) {
  body { display: grid; grid-template-columns: 19rem minmax(0, 1fr); }
  nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; border-bottom: 0;
    border-right: 1px solid var(--line); font-size: .9rem; }
  main { padding: 1rem 3rem 4rem; }
}
@media (max-width: 40rem) {
  table, tbody, tr, td { display: block; width: auto !important; }
  tr { border-top: 1px solid var(--line); padding: .5rem 0; } td { border: 0; padding: 0 0 .1rem; }
}
"""

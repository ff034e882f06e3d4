/** The style sheet of the report: no font, picture or script from elsewhere; light and dark; one column on a phone. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f7f7f5; --panel: #ffffff; --ink: #1a1c20; --muted: #5d636e; --line: #e3e3df; --grid: #e9e9e6;
  --good: #0f7a52; --good-soft: #e3f4ec; --warn: #a65308; --warn-soft: #fdf0e0; --bad: #b3261e; --bad-soft: #fdeae8;
  --run-0: #2f6fde; --run-1: #d9730d; --run-2: #0f8a6c; --run-3: #8a4fd6;
  --run-4: #c93a6b; --run-5: #647f14; --run-6: #0a84a3; --run-7: #8c5a2b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #101216; --panel: #181b21; --ink: #e9ebef; --muted: #9aa1ac; --line: #2a2e37; --grid: #262a32;
    --good: #5fd3a2; --good-soft: #16302a; --warn: #f3b26b; --warn-soft: #35281a; --bad: #ff8f85; --bad-soft: #3a1e1d;
    --run-0: #6ea1ff; --run-1: #ffa14d; --run-2: #3fcfa5; --run-3: #bb92ff;
    --run-4: #ff7da9; --run-5: #a9c552; --run-6: #4dc4e1; --run-7: #d09c6c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif;
  -webkit-text-size-adjust: 100%;
}
main { max-width: 1080px; margin: 0 auto; padding: 40px 20px 64px; }
header { margin-bottom: 28px; }
.brand { margin: 0 0 10px; color: var(--muted); font-size: 13px; font-weight: 600; letter-spacing: .04em; }
h1 { margin: 0 0 8px; font-size: clamp(26px, 4.5vw, 38px); line-height: 1.15; letter-spacing: -.02em; text-wrap: balance; }
h2 { margin: 0 0 4px; font-size: 20px; letter-spacing: -.01em; }
h3 { margin: 0 0 6px; font-size: 15px; }
p { margin: 0 0 8px; }
.lead { max-width: 68ch; font-size: 17px; }
.facts, .hint, figcaption, .lead small { color: var(--muted); font-size: 14px; }
section { margin-top: 20px; padding: 22px 24px; background: var(--panel); border: 1px solid var(--line); border-radius: 14px; }
.hint { max-width: 76ch; margin-bottom: 14px; }
.scroll { overflow-x: auto; -webkit-overflow-scrolling: touch; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 9px 12px 9px 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top; }
thead > tr > * { border-top: 0; padding-top: 0; font-size: 15px; white-space: nowrap; }
tbody th { font-weight: 500; min-width: 118px; }
tbody th small { display: block; color: var(--muted); font-weight: 400; font-size: 12.5px; line-height: 1.35; }
td { white-space: nowrap; }
td small { color: var(--muted); }
td.best { font-weight: 650; }
.dot { display: inline-block; width: 10px; height: 10px; margin-right: 7px; border-radius: 50%; background: var(--run); }
.meter { display: block; width: min(110px, 100%); height: 5px; margin-top: 6px; border-radius: 3px; background: var(--grid); overflow: hidden; }
.meter i { display: block; height: 100%; background: var(--run); border-radius: 3px; }
.strips > p { position: sticky; left: 0; display: inline-block; margin: 12px 0 4px; font-size: 14px; font-weight: 600; }
.strips > p small { color: var(--muted); font-weight: 400; }
.strips > p:first-child { margin-top: 0; }
.strip { display: block; min-width: var(--least); max-width: var(--most); cursor: zoom-in; }
.strip img { display: block; width: 100%; height: auto; }
.zoom { accent-color: var(--run-0); margin: 0 6px 0 0; vertical-align: middle; }
.enlarge { font-size: 14px; cursor: pointer; }
.zoom:checked ~ .scroll .strip { min-width: var(--large); max-width: none; cursor: zoom-out; }
.command { margin: 0 0 8px; padding: 8px 10px; background: var(--panel); white-space: pre-wrap; overflow-wrap: anywhere; }
.differ { margin-top: 22px; }
.pixels { image-rendering: pixelated; }
.findings { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(min(290px, 100%), 1fr)); }
.finding { padding: 14px 16px; border-radius: 10px; background: var(--warn-soft); }
.finding.good { background: var(--good-soft); }
.finding p { font-size: 15px; }
.finding p:last-child { margin-bottom: 0; }
.verdict { font-weight: 600; color: var(--warn); }
.good .verdict { color: var(--good); }
.finding.critical { background: var(--bad-soft); }
.verdict.critical { color: var(--bad); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 8px 0 14px; font-size: 14px; }
.charts { display: grid; gap: 22px 28px; grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr)); }
.charts.wide { grid-template-columns: repeat(auto-fill, minmax(min(400px, 100%), 1fr)); }
figure { margin: 0; min-width: 0; }
figure svg { display: block; width: 100%; height: auto; }
figure h3 { font-weight: 600; }
figcaption { margin-top: 4px; font-size: 13px; line-height: 1.45; }
details { margin-top: 10px; }
summary { cursor: pointer; font-weight: 500; }
pre { overflow-x: auto; margin: 10px 0 0; padding: 14px; border-radius: 10px; background: var(--page); font-size: 13px; line-height: 1.45; }
footer { margin-top: 28px; color: var(--muted); font-size: 13.5px; }
@media (max-width: 600px) {
  main { padding: 24px 12px 40px; }
  section { padding: 18px 14px; border-radius: 12px; }
  th, td { padding-right: 8px; font-size: 14.5px; }
  tbody th { min-width: 96px; }
}
@media print { body { background: #fff; } section { break-inside: avoid; } }
`;

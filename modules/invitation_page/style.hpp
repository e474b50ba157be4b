// The one style sheet, inside the page. Its hash stands in the Content-Security-Policy, so every byte between the tags
// counts.
#pragma once

#include <string_view>

namespace valise::modules::invitation_page {

inline constexpr std::string_view style = R"css(
:root{color-scheme:light dark;--paper:#f4f5f8;--card:#fff;--ink:#1b1e26;--soft:#50576a;--line:#d9dce5;--deep:#16336b;--on-deep:#fff;--link:#16458f;--tint:#e8eefb}
@media(prefers-color-scheme:dark){:root{--paper:#12151c;--card:#1b2029;--ink:#eceef4;--soft:#aab2c5;--line:#343c4c;--deep:#a9c4ff;--on-deep:#0c1730;--link:#a9c4ff;--tint:#222b3d}}
*{box-sizing:border-box}
html{font:100%/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);overflow-wrap:anywhere}
.page{max-width:60rem;margin:0 auto;padding:1rem 1.25rem 2.5rem}
.bar{display:flex;justify-content:space-between;align-items:center;gap:1rem;padding:.25rem 0 1.25rem}
.bar p{margin:0;font-weight:600;color:var(--soft)}
a{color:var(--link);text-underline-offset:.15em}
a:focus-visible{outline:3px solid var(--link);outline-offset:3px;border-radius:.25rem}
.bar a{flex:none;display:inline-block;padding:.5rem .25rem}
h1{font-size:clamp(1.6rem,1.2rem + 2.2vw,2.4rem);line-height:1.2;margin:0 0 .5rem}
h2{font-size:1.25rem;line-height:1.3;margin:0 0 .75rem}
h3{font-size:1rem;margin:1.25rem 0 .5rem}
.lead{font-size:1.1rem;color:var(--soft);margin:0 0 1.5rem;max-width:42rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:1rem;padding:1.5rem;margin:0 0 1.25rem}
.card>:first-child{margin-top:0}
.card>:last-child{margin-bottom:0}
h1+.card{margin-top:1.25rem}
.open{display:grid;gap:1.5rem;grid-template-columns:minmax(0,1fr)}
.button{display:block;text-align:center;background:var(--deep);color:var(--on-deep);font-size:1.1rem;font-weight:600;text-decoration:none;padding:1rem 1.5rem;border-radius:.75rem}
.button:hover{text-decoration:underline}
.note{color:var(--soft);margin:.75rem 0 0}
figure{margin:0;display:flex;flex-direction:column;align-items:center;gap:.75rem;text-align:center}
figure svg{display:block;width:100%;max-width:17rem;height:auto;border-radius:.5rem}
figcaption{color:var(--soft);max-width:17rem}
ol{margin:0;padding-left:1.5rem}
ol li{padding-left:.25rem;margin:0 0 .6rem}
ol li:last-child{margin-bottom:0}
ol a{padding:.25rem 0}
.apps{list-style:none;margin:0;padding:0;display:grid;gap:.6rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,15rem),1fr))}
.apps li{border:1px solid var(--line);border-radius:.75rem;padding:.75rem 1rem}
.apps.first li{background:var(--tint);border-color:transparent}
.apps a{font-weight:600;font-size:1.05rem;display:inline-block;padding:.15rem 0}
.apps span{display:block;color:var(--soft);font-size:.925rem}
code{font:.9rem/1.5 ui-monospace,"DejaVu Sans Mono",monospace;display:block;background:var(--tint);border-radius:.5rem;padding:.75rem 1rem;user-select:all;-webkit-user-select:all}
footer{color:var(--soft);font-size:.925rem;padding:.5rem 0}
@media(min-width:46rem){.open{grid-template-columns:minmax(0,1fr) 17rem;align-items:center}.card{padding:1.75rem 2rem}}
@media print{.button,.bar a{display:none}}
)css";

}  // namespace valise::modules::invitation_page

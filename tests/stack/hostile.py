"""Two hundred texts that a page must show as they are: markup, scripts, addresses, templates, tricks of writing."""

_MARKUP = (
    "<script>window.hacked=1</script>", "<img src=x onerror=window.hacked=1>", "<svg onload=window.hacked=1>",
    "<svg><script>window.hacked=1</script></svg>", "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
    "<body onload=window.hacked=1>", "<details open ontoggle=window.hacked=1>x</details>",
    "<input autofocus onfocus=window.hacked=1>", "<a href='javascript:window.hacked=1'>x</a>",
    "<style>@import'//evil.test'</style>", "<link rel=stylesheet href=//evil.test>", "<base href=//evil.test/>",
    "<meta http-equiv=refresh content='0;url=//evil.test'>", "<form action=//evil.test><button>x</button></form>",
    "<object data=//evil.test></object>", "<math><mi//xlink:href='data:x,<script>window.hacked=1</script>'>",
    "<div hx-get=/rollout/off hx-trigger=load>x</div>", "<div hx-on:load='window.hacked=1'>x</div>",
    "<template><script>window.hacked=1</script></template>", "<noscript><img src=x onerror=window.hacked=1></noscript>",
)  # fmt: skip
_BREAKS = (
    "{}", "'{}", '"{}', '">{}', "'>{}", "</td>{}", "</title>{}", "</textarea>{}", "</script>{}", "-->{}",
)  # fmt: skip
_OTHERS = (
    "{{ 7*7 }}", "{% raw %}{{ csrf }}{% endraw %}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "&lt;script&gt;", "&#x3c;b&#x3e;",
    "javascript:window.hacked=1", "data:text/html,<script>window.hacked=1</script>", "' OR 1=1 --", "../../etc/passwd",
    "\u202egnp.exe", "a\u0301\u0301\u0301", "\u200bnothing\u200b", "\ufeffmark", "語音<b>很好</b>", "\U0001f3ad<i>",
    "%3Cscript%3E", "\\u003cscript\\u003e", "<" * 40,
)  # fmt: skip
HOSTILE = tuple(shape.format(text) for shape in _BREAKS for text in _MARKUP)[:180] + _OTHERS
assert len(set(HOSTILE)) == 200

UNTOUCHED = """(() => {
  const all = [...document.querySelectorAll('*')];
  const wrong = all.filter(each => [...each.attributes].some(a =>
    a.name.startsWith('on') || a.name.startsWith('hx-on') || a.name == 'style' ||
    (['href', 'src', 'action', 'formaction', 'data'].includes(a.name) && !/^[/#]|^$/.test(a.value))));
  const foreign = document.querySelectorAll('iframe, object, style, base, img, math, template, details');
  const scripts = [...document.scripts].filter(each => !each.src);
  return [window.hacked, ...wrong, ...foreign, ...scripts].filter(Boolean).map(each => each.outerHTML || String(each));
})()"""
"""What a hostile text has made of a page: its markup, its attributes, its script; empty if nothing."""

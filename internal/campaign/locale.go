package campaign

import (
	"slices"
	"strings"
)

// LocaleChain lists the locales under which something for a customer of locale is
// looked for, best first: zh-Hant-TW, zh-Hant, zh, then the first of locales.
// (RFC 4647, section 3.4, with either of the two signs that shops part them by.)
func LocaleChain(locale string, locales []string) []string {
	return (&Workspace{Locales: locales}).LocaleChain(locale)
}

// LocaleChain is the same by the workspace's own fallbacks: what a locale falls back
// to comes before the first, and in place of the locale without its last part.
func (w *Workspace) LocaleChain(locale string) []string {
	chain := make([]string, 0, 4)
	for at := locale; at != "" && !slices.Contains(chain, at); at = w.fallback(at) {
		chain = append(chain, at)
	}
	if len(w.Locales) > 0 && !slices.Contains(chain, w.Locales[0]) {
		chain = append(chain, w.Locales[0])
	}
	return chain
}

// OwnLocales is the beginning of LocaleChain that is in the locale's own language:
// what is written in one of them needs no translation.
func (w *Workspace) OwnLocales(locale string) []string {
	chain := w.LocaleChain(locale)
	for i, l := range chain {
		if languageOf(l) != languageOf(locale) {
			return chain[:i]
		}
	}
	return chain
}

// Text is l as a customer of locale reads it.
func (w *Workspace) Text(l Localized, locale string) string {
	for _, k := range w.LocaleChain(locale) {
		if s, ok := l[k]; ok {
			return s
		}
	}
	return l[""]
}

// fallback is the next of a chain: what the workspace says, else the locale without
// its last part; "" is none.
func (w *Workspace) fallback(locale string) string {
	if to := w.Fallbacks[locale]; to != "" {
		return to
	}
	return locale[:max(0, strings.LastIndexAny(locale, "-_"))]
}

func languageOf(locale string) string {
	if i := strings.IndexAny(locale, "-_"); i >= 0 {
		return locale[:i]
	}
	return locale
}

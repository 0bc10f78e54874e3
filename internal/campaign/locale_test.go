package campaign_test

import (
	"strings"
	"testing"

	"tidings/internal/campaign"
)

func TestWorkspaceLocales(t *testing.T) {
	t.Parallel()
	w := &campaign.Workspace{
		Locales:   []string{"en", "es", "ca", "pt", "pt-BR", "zh-HK", "zh-TW", "a", "b"},
		Fallbacks: map[string]string{"ca": "es", "pt-BR": "pt", "pt": "es", "zh-HK": "zh-TW", "a": "b", "b": "a"},
	}
	text := campaign.Localized{"en": "hello", "es": "hola", "zh-TW": "你好"}
	for _, c := range []struct{ locale, chain, own, text string }{
		{"en", "en", "en", "hello"},
		{"en-GB", "en-GB en", "en-GB en", "hello"},
		{"es", "es en", "es", "hola"},
		{"ca", "ca es en", "ca", "hola"},
		{"ca-AD", "ca-AD ca es en", "ca-AD ca", "hola"},
		{"pt-BR", "pt-BR pt es en", "pt-BR pt", "hola"},
		{"pt_PT", "pt_PT pt es en", "pt_PT pt", "hola"},
		{"zh-HK", "zh-HK zh-TW zh en", "zh-HK zh-TW zh", "你好"},
		{"fil", "fil en", "fil", "hello"},
		{"", "en", "", "hello"},
		{"a", "a b en", "a", "hello"}, // a circle, which is refused when it is read, ends
	} {
		if got := strings.Join(w.LocaleChain(c.locale), " "); got != c.chain {
			t.Errorf("chain of %q: %s, want %s", c.locale, got, c.chain)
		}
		if got := strings.Join(w.OwnLocales(c.locale), " "); got != c.own {
			t.Errorf("own of %q: %s, want %s", c.locale, got, c.own)
		}
		if got := w.Text(text, c.locale); got != c.text {
			t.Errorf("text in %q: %s, want %s", c.locale, got, c.text)
		}
	}
	if got := w.Text(campaign.Plain("hi"), "ca"); got != "hi" {
		t.Error(got)
	}
}

package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"path"
	"strings"
)

// words are what the pages of preferences say in one language, by key.
type words map[string]string

// readWords reads the languages. They are part of the binary, so an error is a bug
// that the first test finds.
func readWords() (map[string]words, error) {
	files, err := pageFiles.ReadDir("pages/words")
	if err != nil {
		return nil, fmt.Errorf("read words: %w", err)
	}
	out := map[string]words{}
	for _, f := range files {
		text, err := pageFiles.ReadFile("pages/words/" + f.Name())
		if err != nil {
			return nil, fmt.Errorf("read words: %w", err)
		}
		w := words{}
		for line := range strings.Lines(string(text)) {
			key, say, ok := strings.Cut(strings.TrimSpace(line), ": ")
			if !ok || w[key] != "" {
				return nil, fmt.Errorf("read words: %s: line %q says nothing new", f.Name(), line)
			}
			w[key] = say
		}
		out[strings.TrimSuffix(f.Name(), path.Ext(f.Name()))] = w
	}
	return out, nil
}

// blanks are what stands for the blanks of a text.
type blanks struct{ Shop, Address, Topic, Campaign, Reason, Date string }

// fill fills a text in. What is the customer's or the shop's own keeps its direction.
func (b blanks) fill(text string) template.HTML {
	e := template.HTMLEscapeString
	own := func(s string) string { return "<bdi>" + e(s) + "</bdi>" }
	return template.HTML(strings.NewReplacer(
		"{shop}", own(b.Shop), "{topic}", own(b.Topic), "{campaign}", own(b.Campaign), "{reason}", e(b.Reason),
		"{address}", `<bdi dir="ltr" class="address">`+e(b.Address)+"</bdi>",
		"{date}", `<time dir="ltr" datetime="`+e(b.Date)+`">`+e(b.Date)+"</time>",
	).Replace(e(text)))
}

// plain fills a text in for a title.
func (b blanks) plain(text string) string {
	return strings.NewReplacer("{shop}", b.Shop, "{topic}", b.Topic, "{campaign}", b.Campaign, "{address}", b.Address).Replace(text)
}

// version names the words that stood beside a choice, for the consent log: their
// language and a hash of them.
func version(lang string, said ...any) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(said...)))
	return lang + ":" + hex.EncodeToString(sum[:6])
}

// languageNames are languages as those who read them call them.
var languageNames = map[string]string{
	"ar": "العربية", "bg": "Български", "bn": "বাংলা", "ca": "Català", "cs": "Čeština", "da": "Dansk", "de": "Deutsch", "el": "Ελληνικά",
	"en": "English", "es": "Español", "et": "Eesti", "fa": "فارسی", "fi": "Suomi", "fil": "Filipino", "fr": "Français", "he": "עברית",
	"hi": "हिन्दी", "hr": "Hrvatski", "hu": "Magyar", "hy": "Հայերեն", "id": "Bahasa Indonesia", "it": "Italiano", "ja": "日本語",
	"ka": "ქართული", "ko": "한국어", "lt": "Lietuvių", "lv": "Latviešu", "ms": "Bahasa Melayu", "nb": "Norsk bokmål", "nl": "Nederlands",
	"pl": "Polski", "pt": "Português", "ro": "Română", "ru": "Русский", "sk": "Slovenčina", "sl": "Slovenščina", "sr": "Српски",
	"sv": "Svenska", "th": "ไทย", "tr": "Türkçe", "uk": "Українська", "ur": "اردو", "vi": "Tiếng Việt", "zh": "中文",
}

// languageName is a locale's name in itself; one that we do not know goes by its code.
func languageName(locale string) string {
	if name := languageNames[locale]; name != "" {
		return name
	}
	lang, region, ok := strings.Cut(strings.ReplaceAll(locale, "_", "-"), "-")
	if name := languageNames[lang]; ok && name != "" {
		return name + " (" + region + ")"
	}
	return locale
}

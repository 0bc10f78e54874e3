package render

import (
	"embed"
	"fmt"
	"maps"
	"path"
	"regexp"
	"strings"
	"sync"

	"tidings/internal/campaign"
)

// The blocks are partials that every workspace has, unless it has one of its own
// by the same name, with their words in the languages that we speak ourselves.
// A workspace changes a word by a text called blocks.total and so on.
//
//go:embed blocks
var blockFiles embed.FS

// blockParams are what each block can be given. All are optional but those that
// it prints without a condition.
var blockParams = map[string][]string{
	"button": {"url", "label"}, "logo": nil, "social": nil, "footer": nil,
	"cart-lines": {"products", "total", "currency"}, "order-summary": nil, "product-grid": {"products", "currency"},
}

var renderCall = regexp.MustCompile(`\{%-?\s*render\s+["']([^"']+)["']`)

// blockDir begins the file names of blocks in problems.
const blockDir = "tidings/blocks/"

// withBlocks is cat with the blocks that its sources call and that it has no
// partial for.
func withBlocks(cat *campaign.Catalog) *campaign.Catalog {
	out := *cat
	out.Partials = maps.Clone(cat.Partials)
	if out.Partials == nil {
		out.Partials = map[string]*campaign.Template{}
	}
	var calls []string
	note := func(t *campaign.Template) {
		for _, m := range renderCall.FindAllStringSubmatch(t.Source, -1) {
			calls = append(calls, m[1])
		}
	}
	for _, group := range []map[string]map[string]*campaign.Template{cat.Templates, cat.Layouts} {
		for _, sources := range group {
			for _, t := range sources {
				note(t)
			}
		}
	}
	for _, group := range []map[string]*campaign.Template{cat.Partials, cat.Includes} {
		for _, t := range group {
			note(t)
		}
	}
	for len(calls) > 0 {
		name := calls[0]
		calls = calls[1:]
		if _, block := blockParams[name]; !block || out.Partials[name] != nil {
			continue
		}
		src, err := blockFiles.ReadFile("blocks/" + name + ".html")
		if err != nil {
			panic("a block is not embedded: " + name) // a fault of the build
		}
		out.Partials[name] = &campaign.Template{Name: name, File: blockDir + name + ".html", Line: 1, Source: string(src)}
		note(out.Partials[name])
	}
	return &out
}

// blockPhrases are the blocks' own words, by locale and key.
var blockPhrases = sync.OnceValue(func() map[string]map[string]*phrase {
	out := map[string]map[string]*phrase{}
	files, err := blockFiles.ReadDir("blocks/texts")
	if err != nil {
		panic(err) // a fault of the build
	}
	for _, f := range files {
		text, err := blockFiles.ReadFile("blocks/texts/" + f.Name())
		if err != nil {
			panic(err)
		}
		locale := strings.TrimSuffix(f.Name(), path.Ext(f.Name()))
		out[locale] = map[string]*phrase{}
		for line := range strings.Lines(string(text)) {
			key, words, _ := strings.Cut(strings.TrimSpace(line), ": ")
			p, err := parsePhrase(words, locale)
			if err != nil {
				panic(fmt.Sprintf("blocks/texts/%s: %s: %v", f.Name(), key, err))
			}
			out[locale]["blocks."+key] = p
		}
	}
	return out
})

// isBlock tells whether a piece stands in a block, or a mail, of ours.
func isBlock(p *piece) bool {
	return strings.HasPrefix(p.file, blockDir) || strings.HasPrefix(p.file, serviceDir)
}

// optionalBrand are the brand's values that blocks ask for and do without.
func optionalBrand(name string) bool { return name != "address" }

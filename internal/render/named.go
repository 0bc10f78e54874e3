package render

import (
	"slices"
	"strings"

	"tidings/internal/campaign"
)

// Named is a place where the texts of mails name a value that only the data can
// have, as in customer.NAME, or in trigger.NAME of a campaign.
type Named struct {
	Campaign     *campaign.Campaign // of trigger.NAME; nil: of the others
	Of           string             // customer, trigger (order too), cart or products
	Path         string             // dotted, as in address.city
	File         string
	Line, Column int
}

// NamesIn lists what the texts of a catalog name, by file and campaign. What
// layouts and partials name of a trigger is not in it: any campaign may use them.
func NamesIn(cat *campaign.Catalog) []Named {
	var out []Named
	for _, group := range []map[string]map[string]*campaign.Template{cat.Templates, cat.Layouts} {
		for _, locales := range group {
			for _, t := range locales {
				out = append(out, namesIn(t.File, t.Line, t.Source, nil)...)
				out = append(out, namesInHeaders(t.File, "", nil, t.Subject, t.Preheader)...)
			}
		}
	}
	for _, group := range []map[string]*campaign.Template{cat.Partials, cat.Includes} {
		for _, t := range group {
			out = append(out, namesIn(t.File, t.Line, t.Source, nil)...)
		}
	}
	for _, c := range cat.Campaigns {
		for _, s := range sends(c) {
			for _, of := range []*campaign.Campaign{nil, c} {
				out = append(out, namesInHeaders(campaignFile(c), c.Source, of, s.Send.Subject, s.Send.Preheader)...)
			}
			for _, t := range cat.Templates[s.Send.Template] {
				out = append(out, namesIn(t.File, t.Line, t.Source, c)...)
				out = append(out, namesInHeaders(t.File, "", c, t.Subject, t.Preheader)...)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Named) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		return a.Line*10_000 + a.Column - b.Line*10_000 - b.Column
	})
	return out
}

func namesInHeaders(file, source string, of *campaign.Campaign, headers ...campaign.Localized) []Named {
	var out []Named
	for _, texts := range headers {
		for _, text := range texts {
			found := namesIn(file, lineOf(source, text), text, of)
			for i := range found {
				found[i].Column = 0 // within the text, not within the line
			}
			out = append(out, found...)
		}
	}
	return out
}

// namesIn lists what a text names of the trigger of a campaign; where that is nil,
// of what all campaigns have: the customer, the cart and the catalogue.
func namesIn(file string, line int, source string, of *campaign.Campaign) []Named {
	roots := map[string]string{"customer": "customer", "cart": "cart", "products": "products"}
	if of != nil {
		roots = map[string]string{"trigger": "trigger"}
		if _, order := of.Trigger.(campaign.PastPurchase); order {
			roots["order"] = "trigger"
		}
	}
	var out []Named
	loops := &namedLoops{}
	pieces, _ := splitLiquid(file, line, source)
	for _, p := range pieces {
		if p.kind != pieceOutput && p.kind != pieceTag {
			continue
		}
		for _, r := range refsOf(p.body) {
			path := loops.resolve(r.path)
			// The words by which Liquid asks a list or a text about itself.
			if n := len(path); n > 2 && slices.Contains([]string{"size", "first", "last"}, path[n-1]) {
				path = path[:n-1]
			}
			if root := roots[path[0]]; root != "" && len(path) > 1 {
				out = append(out, Named{Campaign: of, Of: root, Path: strings.Join(path[1:], "."), File: p.file, Line: p.line, Column: p.col})
			}
		}
		loops.tag(p)
	}
	return out
}

// namedLoops are the loops that a piece stands in, the innermost last.
type namedLoops struct {
	variables []string
	lists     [][]string // what each goes through; nil: nothing that has a name
}

// tag follows the loops as they open and close.
func (l *namedLoops) tag(p *piece) {
	switch {
	case p.kind != pieceTag:
	case p.name == "endfor" && len(l.variables) > 0:
		l.variables, l.lists = l.variables[:len(l.variables)-1], l.lists[:len(l.lists)-1]
	case p.name == "for":
		f, ok := splitFor(p.body)
		var list []string
		if refs := refsOf(f.list); ok && len(refs) > 0 && refs[0].start == 0 && refs[0].whole {
			list = l.resolve(refs[0].path)
		}
		l.variables, l.lists = append(l.variables, f.variable), append(l.lists, list)
	}
}

// resolve is the path with a loop's variable replaced by what the loop goes through:
// product.name within products of order is order.products.name.
func (l *namedLoops) resolve(path []string) []string {
	for i := len(l.variables) - 1; i >= 0; i-- {
		if l.variables[i] == path[0] && l.lists[i] != nil {
			return slices.Concat(l.lists[i], path[1:])
		}
	}
	return path
}

package render

import (
	"slices"
	"strings"

	"tidings/internal/campaign"
)

// Named is a place where the texts of mails name a value that only the data can
// have: customer.NAME, or trigger.NAME of a campaign.
type Named struct {
	Campaign     *campaign.Campaign // of trigger.NAME; nil: customer.NAME
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

// namesIn lists what a text names of the trigger of a campaign, or of the customer
// where that is nil.
func namesIn(file string, line int, source string, of *campaign.Campaign) []Named {
	roots := []string{"customer"}
	if of != nil {
		roots = []string{"trigger"}
		if _, order := of.Trigger.(campaign.PastPurchase); order {
			roots = append(roots, "order")
		}
	}
	var out []Named
	pieces, _ := splitLiquid(file, line, source)
	for _, p := range pieces {
		if p.kind != pieceOutput && p.kind != pieceTag {
			continue
		}
		for _, r := range refsOf(p.body) {
			path := r.path
			// The words by which Liquid asks a list or a text about itself.
			if n := len(path); n > 2 && slices.Contains([]string{"size", "first", "last"}, path[n-1]) {
				path = path[:n-1]
			}
			if len(path) > 1 && slices.Contains(roots, path[0]) {
				out = append(out, Named{Campaign: of, Path: strings.Join(path[1:], "."), File: p.file, Line: p.line, Column: p.col})
			}
		}
	}
	return out
}

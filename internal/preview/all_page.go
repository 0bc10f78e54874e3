package preview

import (
	"html/template"
	"net/http"

	"tidings/internal/campaign"
)

// allPage is what all.html shows.
type allPage struct {
	Version   int
	Workspace string
	Broken    []campaign.Problem
	Stale     bool
	Result    *Result
	Errors    []findingRow
	Warnings  []findingRow
	Failure   string
}

// findingRow is a finding with the way to a mail that has it.
type findingRow struct {
	Finding
	Query template.URL
	More  int // customers beyond those shown
}

// shownCustomers are how many customers a finding names.
const shownCustomers = 5

// all renders everything and lists what is wrong.
func (s *Server) all(w http.ResponseWriter, r *http.Request) {
	v := s.workspace.current()
	p := allPage{Version: v.n, Broken: v.loaded.Errors, Stale: v.stale}
	if v.studio == nil {
		s.render(w, http.StatusOK, "all.html", p)
		return
	}
	p.Workspace = v.studio.Catalog.Workspace.Name
	result, err := v.studio.All(r.Context(), AllOptions{Customers: sampleShown})
	if err != nil {
		p.Failure = err.Error()
		s.render(w, http.StatusInternalServerError, "all.html", p)
		return
	}
	p.Result, p.Errors, p.Warnings = result, rows(result.Errors), rows(result.Warnings)
	s.render(w, http.StatusOK, "all.html", p)
}

func rows(found []Finding) []findingRow {
	var out []findingRow
	for _, f := range found {
		l := look{Choice: Choice{Campaign: f.Campaign, Step: f.Step, Locale: f.Locales[0], Customer: f.Customers[0]}}
		row := findingRow{Finding: f, Query: l.query()}
		if n := len(f.Customers); n > shownCustomers {
			row.Customers, row.More = f.Customers[:shownCustomers], n-shownCustomers
		}
		out = append(out, row)
	}
	return out
}

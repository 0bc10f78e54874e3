package web

import (
	"context"
	"net/http"
	"time"

	"tidings/internal/campaign"
)

// Reporter counts what campaigns did, as of at. With a name it reports on that
// campaign alone, none when there is no such; with an empty one on all.
type Reporter interface {
	Report(ctx context.Context, name string, at time.Time) (campaign.Report, error)
	// Deliverability is how the mails of the days before at arrived, at's among them.
	Deliverability(ctx context.Context, at time.Time, days int) (campaign.Deliverability, error)
}

type reports struct {
	*Server
	reporter Reporter
}

func (p reports) overview(w http.ResponseWriter, r *http.Request) {
	if rep, ok := p.get(w, r, ""); ok {
		p.page(w, http.StatusOK, "report.html", p.overviewOf(rep))
	}
}

func (p reports) campaign(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("campaign")
	rep, ok := p.get(w, r, name)
	if !ok {
		return
	}
	if len(rep.Campaigns) != 1 {
		plain(w, http.StatusNotFound, "there is no campaign of this name; /report lists them all")
		return
	}
	p.page(w, http.StatusOK, "campaign.html", p.detailOf(rep))
}

// json answers the figures as they are, campaigns by name; ?campaign= picks one.
func (p reports) json(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("campaign")
	rep, ok := p.get(w, r, name)
	if !ok {
		return
	}
	if name != "" && len(rep.Campaigns) == 0 {
		answerJSON(w, http.StatusNotFound, map[string]string{"error": "there is no campaign of this name"})
		return
	}
	answerJSON(w, http.StatusOK, rep)
}

func (p reports) get(w http.ResponseWriter, r *http.Request, name string) (campaign.Report, bool) {
	rep, err := p.reporter.Report(r.Context(), name, campaign.Moment(p.Now()))
	if err != nil {
		p.Log.Error("report not made", "error", err)
		w.Header().Set("Retry-After", "5")
		plain(w, http.StatusServiceUnavailable, "the report cannot be made right now; reload in a few seconds")
		return campaign.Report{}, false
	}
	return rep, true
}

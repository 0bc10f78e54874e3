package web

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"tidings/internal/campaign"
)

const (
	// The page shows so many days; ?days= asks for others.
	deliverabilityDays = 30
	maxDays            = 366
)

// deliverability shows how mails arrived, by recipients' domain and day.
func (p reports) deliverability(w http.ResponseWriter, r *http.Request) {
	if d, ok := p.deliveries(w, r); ok {
		p.page(w, http.StatusOK, "deliverability.html", p.arrivalsOf(d))
	}
}

func (p reports) deliverabilityJSON(w http.ResponseWriter, r *http.Request) {
	if d, ok := p.deliveries(w, r); ok {
		answerJSON(w, http.StatusOK, d)
	}
}

func (p reports) deliveries(w http.ResponseWriter, r *http.Request) (d campaign.Deliverability, ok bool) {
	days := deliverabilityDays
	if text := r.URL.Query().Get("days"); text != "" {
		var err error
		if days, err = strconv.Atoi(text); err != nil || days < 1 || days > maxDays {
			plain(w, http.StatusBadRequest, fmt.Sprintf("days is a whole number from 1 to %d", maxDays))
			return d, false
		}
	}
	d, err := p.reporter.Deliverability(r.Context(), campaign.Moment(p.Now()), days)
	if err != nil {
		p.Log.Error("report on deliverability not made", "error", err)
		w.Header().Set("Retry-After", "5")
		plain(w, http.StatusServiceUnavailable, "the report cannot be made right now; reload in a few seconds")
		return d, false
	}
	return d, true
}

// arrivals is what the page of deliverability shows.
type arrivals struct {
	head
	From      time.Time
	Providers []arrival
	Days      []day
}

// day is the rows of one day.
type day struct {
	Date string
	Rows []arrival
}

// arrival is a row: how mails to a provider or a domain arrived.
type arrival struct {
	Name, Provider string // Provider: empty where it is the same
	Accepted       int
	Figures        []figure
	Note           string // what wants a look
}

func (p reports) arrivalsOf(d campaign.Deliverability) arrivals {
	out := arrivals{head: head{Shop: p.Workspace.Name, At: d.At}, From: d.From}
	for _, r := range d.Providers {
		out.Providers = append(out.Providers, arrivalOf(r.Provider, r))
	}
	for _, r := range d.Days {
		if n := len(out.Days); n == 0 || out.Days[n-1].Date != r.Day {
			out.Days = append(out.Days, day{Date: r.Day})
		}
		last := &out.Days[len(out.Days)-1]
		last.Rows = append(last.Rows, arrivalOf(r.Domain, r))
	}
	return out
}

func arrivalOf(name string, r campaign.DeliveryRow) arrival {
	a := arrival{Name: name, Accepted: r.Accepted}
	if r.Provider != name {
		a.Provider = r.Provider
	}
	for _, f := range []struct {
		label string
		n     int
	}{{"Soft", r.Soft}, {"Hard", r.Hard}, {"Policy", r.Policy}, {"Complaints", r.Complaints}, {"Opened", r.Opened}} {
		a.Figures = append(a.Figures, figure{Label: f.label, Count: f.n, Of: r.Accepted, What: "of accepted"})
	}
	switch r.Mark {
	case campaign.MarkNever:
		a.Note = "0.3 % and more: such mail is refused"
	case campaign.MarkAim:
		a.Note = "0.1 % and more: too many"
	}
	return a
}

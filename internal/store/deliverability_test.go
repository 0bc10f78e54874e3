package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// rows are a report's in short: day, domain, provider, then the counts.
func rowsOf(rows []campaign.DeliveryRow) (out []string) {
	for _, r := range rows {
		out = append(out, fmt.Sprintf("%s %s %s %d %d %d %d %d %d %.4f%s", r.Day, r.Domain, r.Provider, r.Accepted, r.Soft, r.Hard, r.Policy, r.Complaints, r.Opened, r.ComplaintShare, r.Mark))
	}
	return out
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%s\n got %q\nwant %q", what, got, want)
	}
}

// Mails count on the day on which they were accepted or refused, by the domain that
// they went to, with what came back of them since, each mail once for each kind; what
// has no proof, is not of a mail, or came after the moment asked for does not.
func TestDeliverability(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo(sendOne)})
		d.join("ana", "ben", "cai", "dee")
		for name, email := range map[string]string{"ana": "ana@Gmail.com", "ben": "ben@yahoo.co.uk", "cai": "cai@bücher.example", "dee": "dee@gmail.com"} {
			d.identify(name, `{"email":"`+email+`"}`)
			d.track(name, "Go", "")
		}
		d.tick(0)
		first := d.now.UTC().Truncate(24 * time.Hour).Add(26 * time.Hour)
		second := first.Add(24 * time.Hour)
		d.now = first
		d.accepted("x", "ana", first, 300)
		d.complain("x", "ana", 1)
		d.accepted("x", "ben", first, 5)
		d.accepted("x", "cai", first, 1)
		d.now = second
		d.accepted("x", "ana", second, 3)
		d.accepted("x", "dee", second, 4)
		last := func(customer string) string {
			return table(t, s, `SELECT max(m.id) FROM messages m JOIN customers c ON c.id = m.customer_id WHERE c.external_id = '`+customer+`'`)[0]
		}
		// Of ana's: a soft, then a hard bounce of one mail, twice; an open; one refused for policy.
		id := last("ana")
		for _, class := range []string{"soft", "hard", "hard", "unverified"} {
			d.track("ana", "Email Bounced", `{"message":`+id+`,"type":"`+class+`"}`)
		}
		d.track("ana", "Email Bounced", `{"message":"none","type":"hard"}`)
		d.track("ben", "Email Bounced", `{"message":`+last("ben")+`,"type":"soft"}`)
		exec(t, s, `UPDATE messages SET opened_at = done_at WHERE id = $1`, id)
		exec(t, s, `UPDATE messages SET state = 'failed', reason = 'policy' WHERE id = $1 - 1`, id)
		exec(t, s, `UPDATE messages SET state = 'failed', reason = 'render' WHERE id = $1 - 2`, id)
		// dee has another address by now.
		d.identify("dee", `{"email":"dee@other.example"}`)

		r, err := s.Deliverability(t.Context(), second.Add(time.Hour), 30)
		if err != nil {
			t.Fatal(err)
		}
		one, two := first.Format(time.DateOnly), second.Format(time.DateOnly)
		same(t, "days", rowsOf(r.Days), []string{
			two + " gmail.com Gmail 1 0 1 1 0 1 0.0000",
			two + " address changed address changed 4 0 0 0 0 0 0.0000",
			one + " gmail.com Gmail 300 0 0 0 1 0 0.0033over_never",
			one + " yahoo.co.uk Yahoo 5 1 0 0 0 0 0.0000",
			one + " xn--bcher-kva.example xn--bcher-kva.example 1 0 0 0 0 0 0.0000",
		})
		same(t, "providers", rowsOf(r.Providers), []string{
			"  Gmail 301 0 1 1 1 1 0.0033over_never",
			"  Yahoo 5 1 0 0 0 0 0.0000",
			"  xn--bcher-kva.example 1 0 0 0 0 0 0.0000",
			"  address changed 4 0 0 0 0 0 0.0000",
		})
		// One day alone, and as of a moment.
		if r, err = s.Deliverability(t.Context(), second.Add(time.Hour), 1); err != nil || len(r.Days) != 2 || r.From.Format(time.DateOnly) != two {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err = s.Deliverability(t.Context(), first.Add(-time.Second), 30); err != nil || len(r.Days) != 0 || r.Days == nil || r.Providers == nil {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// However many domains there are, the report holds some, and all mails.
func TestDeliverabilityOfManyDomains(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo(sendOne)})
		const many = 130
		for i := range many {
			d.identify(fmt.Sprint("c", i), fmt.Sprintf(`{"email":"a@d%03d.example"}`, i))
			d.track(fmt.Sprint("c", i), "Subscribed", "")
			d.track(fmt.Sprint("c", i), "Go", "")
		}
		d.identify("y", `{"email":"y@hotmail.fr"}`)
		d.track("y", "Subscribed", "")
		d.track("y", "Go", "")
		d.tick(0)
		for i := range many {
			d.accepted("x", fmt.Sprint("c", i), d.now, 2)
		}
		d.accepted("x", "y", d.now, 1)
		d.complain("x", fmt.Sprint("c", many-1), 1)
		r, err := s.Deliverability(t.Context(), d.now.Add(time.Hour), 3)
		if err != nil {
			t.Fatal(err)
		}
		var accepted, complaints int
		for _, row := range r.Days {
			accepted += row.Accepted
			complaints += row.Complaints
		}
		if len(r.Days) != 21 || accepted != 2*many+1 || complaints != 1 {
			t.Errorf("%d rows, %d accepted, %d complaints", len(r.Days), accepted, complaints)
		}
		others := 0
		for _, row := range r.Providers {
			if row.Provider == campaign.OtherDomains {
				others++
			}
		}
		if last := rowsOf(r.Providers[len(r.Providers)-1:])[0]; others != 1 || last != "  other 220 0 0 0 1 0 0.0045over_never" || !strings.Contains(fmt.Sprint(rowsOf(r.Providers)), "Microsoft 1 ") {
			t.Errorf("%d × other, the last %q of %q", others, last, rowsOf(r.Providers))
		}
	})
}

// Small domains are counted together, so that the report stays one; a provider that is
// known stays itself.
func TestSmallDomains(t *testing.T) {
	t.Parallel()
	counts := map[campaign.DeliveryKey]*campaign.Delivery{}
	for i := range 30 {
		counts[campaign.DeliveryKey{Day: 20_000, Domain: fmt.Sprintf("d%02d.example", i)}] = &campaign.Delivery{Accepted: 1000 - i, Complaints: i % 3}
	}
	counts[campaign.DeliveryKey{Day: 20_000, Domain: "gmail.com"}] = &campaign.Delivery{Accepted: 1}
	r := campaign.NewDeliverability(time.Time{}, time.Time{}, counts)
	if n := len(r.Days); n != 21 {
		t.Errorf("%d rows", n)
	}
	if last := rowsOf(r.Days[20:])[0]; last != "2024-10-04 other other 9756 0 0 0 11 0 0.0011over_aim" {
		t.Errorf("the last: %s", last)
	}
	names := map[string]bool{}
	total := 0
	for _, p := range r.Providers {
		names[p.Provider] = true
		total += p.Accepted
	}
	if !names["Gmail"] || !names["other"] || names["d25.example"] || total != 30*1000-435+1 {
		t.Errorf("%v, %d in all", names, total)
	}
	if got := r.Providers[2]; got.Mark != campaign.MarkAim || r.Providers[1].Mark != campaign.MarkAim || r.Providers[0].Mark != "" {
		t.Errorf("%+v", r.Providers[:3])
	}
}

package store_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/worker"
)

// shown reads the page of a message; empty: it is not kept.
func (d *desk) shown(id int64) string {
	d.t.Helper()
	p, ok, err := d.Page(d.t.Context(), id, d.now)
	if err != nil {
		d.t.Fatal(err)
	}
	if !ok {
		return ""
	}
	html, err := p.HTML()
	if err != nil {
		d.t.Fatal(err)
	}
	return string(html)
}

// The page of a mail is kept from the moment on at which it may go, for 30 days, as it
// was sent last; a mail that may not go leaves none, nor one without a link to it.
func TestPages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo(sendOne), "ana", "ben", "cai", "dee")
		page := func(o campaign.Outgoing, html string) worker.Handoff {
			return worker.Handoff{Claim: claimOf(o), Page: campaign.PackPage([]byte(html))}
		}
		late := page(out[1], "never sent")
		late.Token-- // fenced off meanwhile
		long := "<p>Añá</p>" + strings.Repeat("<p>1 kilo of coffee</p>", 2000)
		admitted := d.commit(worker.Batch{Handoffs: []worker.Handoff{page(out[0], long), late, {Claim: claimOf(out[2])}, page(out[3], "<p>Dee</p>")}})
		if len(admitted) != 3 {
			t.Fatalf("admitted %v", admitted)
		}
		// Together with what is no plain acceptance.
		d.result(out[3], campaign.WasRetry)
		for i, want := range []string{long, "", "", "<p>Dee</p>"} {
			if got := d.shown(out[i].ID); got != want {
				t.Errorf("message %d: %.50q, want %.50q", out[i].ID, got, want)
			}
		}
		is(t, s, []string{"2"}, `SELECT count(*) FROM sent_pages WHERE length(page) < 2000`)

		// Dee's mail is sent again, and another.
		d.now = d.now.Add(time.Hour)
		var again campaign.Outgoing
		for _, o := range d.work(0) {
			if o.ID == out[3].ID {
				again = o
			}
		}
		if got := d.commit(worker.Batch{
			Results:  []campaign.Result{{ID: out[0].ID, Token: out[0].Token, Verdict: campaign.WasRetry}},
			Handoffs: []worker.Handoff{page(again, "<p>Dee again</p>")},
		}); !got[claimOf(again)] || d.shown(again.ID) != "<p>Dee again</p>" {
			t.Errorf("%v %q", got, d.shown(again.ID))
		}

		// They go one by one, each when its time is over, whether it is swept by then or not.
		d.now = d.now.Add(campaign.PageKept - 30*time.Minute)
		if d.shown(out[0].ID) != "" || d.shown(again.ID) == "" {
			t.Error("kept for another time than 30 days")
		}
		d.sweep(0)
		is(t, s, []string{"1"}, `SELECT count(*) FROM sent_pages`)
		// With the customer goes what was written to them.
		exec(t, s, `DELETE FROM customers WHERE external_id = 'dee'`)
		is(t, s, []string{"0"}, `SELECT count(*) FROM sent_pages`)
	})
}

// What was packed is the same again; what was not is an error, and so is what would
// fill the memory.
func TestPackedPage(t *testing.T) {
	t.Parallel()
	for _, html := range []string{"", "<p>x</p>", strings.Repeat("ü<td>", 30_000)} {
		if got, err := campaign.PackPage([]byte(html)).HTML(); err != nil || string(got) != html {
			t.Errorf("%d bytes became %d, %v", len(html), len(got), err)
		}
	}
	for name, p := range map[string]campaign.Page{
		"no page": campaign.Page("<p>"), "cut off": campaign.PackPage([]byte("hello, hello"))[:4], "a bomb": campaign.PackPage(bytes.Repeat([]byte{0}, 3<<20)),
	} {
		if _, err := p.HTML(); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

// In a live store a page's time begins by the database's clock.
func TestPagesLive(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, out := begin(t, s, onGo(sendOne), "ana", "ben")
		if err := s.Fix(t.Context(), store.Live); err != nil {
			t.Fatal(err)
		}
		now, err := s.Now(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		exec(t, s, `UPDATE messages SET lease_until = $1 WHERE id = $2`, campaign.Micros(now.Add(time.Hour)), out[0].ID)
		var b worker.Batch
		for _, o := range out { // the lease of the second has run out
			b.Handoffs = append(b.Handoffs, worker.Handoff{Claim: claimOf(o), Page: campaign.PackPage([]byte("<p>" + o.Customer.ExternalID + "</p>"))})
		}
		if admitted := d.commit(b); len(admitted) != 1 || !admitted[claimOf(out[0])] {
			t.Fatalf("admitted %v", admitted)
		}
		is(t, s, []string{"1 true"}, `SELECT count(*), CASE WHEN min(at) >= `+fmt.Sprint(campaign.Micros(now))+` THEN 'true' ELSE 'false' END FROM sent_pages`)
		d.now = now.Add(time.Minute)
		if got := d.shown(out[0].ID) + d.shown(out[1].ID); got != "<p>ana</p>" {
			t.Errorf("shown %q", got)
		}
	})
}

package store_test

import (
	"net/netip"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/worker"
)

const (
	person = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36"
	proxy  = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
)

// letter is a mail of three links that was delivered a minute ago.
func letter(t *testing.T, s *store.Store, campaigns map[string]string) (*desk, campaign.Outgoing) {
	t.Helper()
	d := newDesk(t, s, campaigns)
	d.join("ana")
	d.track("ana", "Go", "")
	o := d.one(d.work(time.Minute))
	var links []campaign.Link
	for i, url := range []string{"https://kape.example/a", "https://kape.example/b", "https://kape.example/c"} {
		links = append(links, campaign.Link{ID: int64(i + 1), URL: url})
	}
	if !d.commit(worker.Batch{Handoffs: []worker.Handoff{{Claim: claimOf(o), Links: links}}})[claimOf(o)] {
		t.Fatal("hand-over refused")
	}
	d.commit(acceptedOf(o))
	d.now = d.now.Add(time.Minute)
	return d, o
}

// openMail and click are hits, a while after the one before.
func (d *desk) openMail(o campaign.Outgoing, after time.Duration, h campaign.Hit) {
	d.t.Helper()
	d.now = d.now.Add(after)
	h.At = d.now
	if err := d.Opened(d.t.Context(), o.ID, h); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) click(o campaign.Outgoing, link int64, after time.Duration, h campaign.Hit) {
	d.t.Helper()
	d.now = d.now.Add(after)
	h.At = d.now
	if err := d.Clicked(d.t.Context(), o.ID, link, h); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) settle(after time.Duration) int {
	d.t.Helper()
	d.now = d.now.Add(after)
	n, err := d.Settle(d.t.Context(), d.now)
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// hits compares all hits: kind, link, grade; and the events made of them.
func (d *desk) hits(want ...string) {
	d.t.Helper()
	is(d.t, d.Store, want, `SELECT h.kind, h.link_id, h.grade, CASE WHEN h.settled THEN 'settled' ELSE 'new' END, coalesce(e.name, '')
		FROM hits h LEFT JOIN events e ON e.uid = 'hit:' || h.id ORDER BY h.id`)
}

func (d *desk) marks(want string) {
	d.t.Helper()
	is(d.t, d.Store, []string{want}, `SELECT CASE WHEN opened_at IS NULL THEN '' ELSE 'opened' END || CASE WHEN clicked_at IS NULL THEN '' ELSE ' clicked' END
		|| CASE WHEN machine_opened_at IS NULL THEN '' ELSE ' machine-opened' END || CASE WHEN machine_clicked_at IS NULL THEN '' ELSE ' machine-clicked' END FROM messages`)
}

func TestSettle(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, o := letter(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")})
		d.openMail(o, 0, campaign.Hit{UserAgent: proxy})
		d.openMail(o, time.Second, campaign.Hit{UserAgent: person})
		d.click(o, 2, time.Second, campaign.Hit{UserAgent: person, Addr: netip.MustParseAddr("203.0.113.77"), Method: "GET"})
		d.click(o, 2, time.Second, campaign.Hit{UserAgent: person, Method: "HEAD"})
		if n := d.settle(6 * time.Second); n != 0 {
			t.Errorf("%d were settled while more might come", n)
		}
		d.hits("open 0 proxy new ", "open 0 human new ", "click 2 human new ", "click 2 scanner new ")
		d.marks("opened clicked machine-opened machine-clicked")
		if n := d.settle(10 * time.Second); n != 4 {
			t.Errorf("%d were settled, want 4", n)
		}
		for range 2 {
			d.hits("open 0 proxy settled ", "open 0 human settled Email Opened", "click 2 human settled Email Clicked", "click 2 scanner settled ")
			if n := d.settle(time.Second); n != 0 {
				t.Errorf("%d were settled again", n)
			}
		}
		is(t, s, []string{"https://kape.example/b human 203.0.113.0/24 10 x one"}, `SELECT replace(properties ->> 'url', ':', ':'), properties ->> 'grade', properties ->> 'network',
			(known_at - occurred_at) / 1000000, properties ->> 'campaign', properties ->> 'step' FROM events WHERE name = 'Email Clicked'`)
		d.marks("opened clicked machine-opened machine-clicked")
	})
}

// A scanner that comes as a browser does, late, is known by the last of its hits: all
// of them are its, and none becomes an event.
func TestBurstIsMended(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, o := letter(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")})
		for link := range int64(3) {
			d.click(o, link+1, 2*time.Second, campaign.Hit{UserAgent: person})
		}
		d.marks(" clicked")
		d.settle(time.Minute)
		d.hits("click 1 scanner settled ", "click 2 scanner settled ", "click 3 scanner settled ")
		d.marks(" machine-clicked")
		is(t, s, []string{"3"}, `SELECT count(*) FROM hits WHERE reasons = 'all links of the mail within 10 s'`)
		// A person, later.
		d.click(o, 1, time.Hour, campaign.Hit{UserAgent: person})
		d.settle(time.Minute)
		d.marks(" clicked machine-clicked")
	})
}

// A hit that is stored late mends what is settled already, and its event.
func TestLateHitMends(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, o := letter(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")})
		d.click(o, 1, 0, campaign.Hit{UserAgent: person})
		d.click(o, 2, time.Second, campaign.Hit{UserAgent: person})
		d.settle(time.Minute)
		d.hits("click 1 human settled Email Clicked", "click 2 human settled Email Clicked")
		d.click(o, 3, -55*time.Second, campaign.Hit{UserAgent: person})
		d.settle(time.Minute)
		d.hits("click 1 scanner settled ", "click 2 scanner settled ", "click 3 scanner settled ")
		d.marks(" machine-clicked")
	})
}

// Of a flood of one link so many are kept, and the rest is counted.
func TestFloodIsShed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, o := letter(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")})
		d.now = d.now.Truncate(time.Hour).Add(time.Hour)
		for range 107 {
			d.click(o, 1, time.Millisecond, campaign.Hit{UserAgent: person})
		}
		d.click(o, 2, 0, campaign.Hit{UserAgent: person})
		d.openMail(o, 0, campaign.Hit{UserAgent: person})
		is(t, s, []string{"0 1", "1 100", "2 1"}, `SELECT link_id, count(*) FROM hits GROUP BY link_id ORDER BY link_id`)
		is(t, s, []string{"1 7"}, `SELECT link_id, n FROM hits_shed`)
		d.click(o, 1, time.Hour, campaign.Hit{UserAgent: person})
		is(t, s, []string{"101"}, `SELECT count(*) FROM hits WHERE link_id = 1`)
	})
}

// The mail's hits go with the customer.
func TestHitsGoWithTheCustomer(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, o := letter(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")})
		d.click(o, 1, 0, campaign.Hit{UserAgent: person})
		exec(t, s, `INSERT INTO hits_shed (message_id, link_id, hour, n) VALUES ($1, 1, 1, 1)`, o.ID)
		d.settle(time.Minute)
		exec(t, s, `DELETE FROM customers`)
		is(t, s, []string{"0 0 0"}, `SELECT (SELECT count(*) FROM hits), (SELECT count(*) FROM hits_shed), (SELECT count(*) FROM events)`)
		d.click(o, 1, 0, campaign.Hit{UserAgent: person})
		is(t, s, []string{"0"}, `SELECT count(*) FROM hits`)
	})
}

package store_test

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/scheduler"
)

// due is mail that is made up: n messages of a campaign, to every one of domains in
// turn, due one after the other from a moment on.
type due struct {
	campaign string
	n        int
	from     time.Time
	each     time.Duration
	domains  []string
}

// makeDue writes messages past the evaluator: the relay alone is looked at.
func (d *desk) makeDue(all ...due) {
	d.t.Helper()
	for _, m := range all {
		var values []string
		first := len(table(d.t, d.Store, `SELECT 1 FROM customers`))
		for i := range m.n {
			at := campaign.Micros(m.from.Add(time.Duration(i) * m.each))
			name := fmt.Sprintf("%s-%05d", m.campaign, first+i)
			values = append(values, fmt.Sprintf("('%s', '%s@%s', %d)", name, name, m.domains[i%len(m.domains)], at))
		}
		for part := range slices.Chunk(values, 1000) {
			exec(d.t, d.Store, `INSERT INTO customers (external_id, email, created_at) VALUES `+strings.Join(part, ", "))
		}
		exec(d.t, d.Store, `INSERT INTO enrollments (campaign_id, customer_id, key, anchor_at, entered_at, decided_at, anchor, state, step)
			SELECT k.id, c.id, c.external_id, c.created_at, c.created_at, c.created_at, '{}', 'running', 'made' FROM customers c JOIN campaigns k ON k.name = $1
			WHERE c.external_id LIKE $2 AND NOT EXISTS (SELECT 1 FROM enrollments e WHERE e.customer_id = c.id)`, m.campaign, m.campaign+"-%")
	}
	exec(d.t, d.Store, `INSERT INTO messages (enrollment_id, campaign_id, customer_id, step, topic, lane, state, created_at, reached_at, due_at, expires_at)
		SELECT e.id, k.id, e.customer_id, e.step, k.topic, CASE k.topic WHEN '' THEN 'transactional' ELSE 'bulk' END, 'pending', e.entered_at, e.entered_at, e.entered_at, $1
		FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id WHERE e.step = 'made' AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.enrollment_id = e.id)
		ORDER BY e.entered_at, e.id`, campaign.Micros(t0.AddDate(1, 0, 0)))
}

// letter, cart and bill are campaigns that only made-up mail is of.
var rated = map[string]string{
	"letter": "status: active\ntopic: news\ntrigger: { event: { name: Never } }\nsteps: [ { send: one } ]\n",
	"cart":   "status: active\ntopic: offers\ntrigger: { event: { name: Never } }\nsteps: [ { send: one } ]\n",
	"slow":   "status: active\ntopic: offers\ntrigger: { event: { name: Never } }\nsteps: [ { send: one } ]\n",
	"bill":   "status: active\ntransactional: true\ntrigger: { event: { name: Never } }\nsteps: [ { send: one } ]\n",
}

// newRated is a desk with those campaigns and what the mail server takes.
func newRated(t *testing.T, s *store.Store, p campaign.Provider) *desk {
	t.Helper()
	d := newDesk(t, s, rated)
	d.limit(p)
	d.sched.Relay = scheduler.RelayOptions{MaxQueued: 2000, SliceSize: 100, Workers: 4}
	return d
}

func (d *desk) limit(p campaign.Provider) {
	d.sched.Catalog.Workspace.Providers = map[string]campaign.Provider{campaign.DefaultProvider: p}
}

func (d *desk) rate(name string, p campaign.Pace) {
	d.t.Helper()
	c, ok := d.sched.Catalog.Campaign(name)
	if !ok {
		d.t.Fatal("no campaign", name)
	}
	c.Rate = p
}

// sent is a message that was let out.
type sent struct {
	at, due              time.Time
	id                   int64
	campaign, lane, mail string
}

func (m sent) domain() string { return campaign.AddressDomain(m.mail) }

// round relays, and the server takes all of it at once.
func (d *desk) round() (out []sent, next time.Time) {
	d.t.Helper()
	relayed, err := d.Relay(d.t.Context(), d.now, d.sched.Relay)
	if err != nil {
		d.t.Fatal(err)
	}
	rows, err := store.RawDB(d.Store).Query(`SELECT m.id, m.due_at, k.name, m.lane, c.email, l.queued_at FROM messages m JOIN campaigns k ON k.id = m.campaign_id
		JOIN customers c ON c.id = m.customer_id JOIN slices l ON l.id = m.slice_id WHERE m.stage = 'moving' AND m.state = 'queued' ORDER BY m.due_at, m.id`)
	if err != nil {
		d.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var m sent
		var due, at int64
		if err := rows.Scan(&m.id, &due, &m.campaign, &m.lane, &m.mail, &at); err != nil {
			d.t.Fatal(err)
		}
		m.due, m.at = campaign.FromMicros(due), campaign.FromMicros(at)
		if !m.at.Equal(d.now) {
			d.t.Fatalf("let out at %s by a round at %s", m.at, d.now)
		}
		out = append(out, m)
	}
	if err := rows.Err(); err != nil {
		d.t.Fatal(err)
	}
	exec(d.t, d.Store, `UPDATE messages SET state = 'accepted', done_at = $1 WHERE stage = 'moving' AND state = 'queued'`, campaign.Micros(d.now))
	return out, relayed.Next
}

// within fails if more than the pace were let out within any of its times, and
// returns the most that were.
func within(t *testing.T, what string, all []sent, p campaign.Pace, of func(sent) bool) (most int) {
	t.Helper()
	var at []time.Time
	for _, m := range all {
		if of(m) {
			at = append(at, m.at)
		}
	}
	for i, first := 0, 0; i < len(at); i++ {
		for !at[first].After(at[i].Add(-p.Per)) {
			first++
		}
		most = max(most, i-first+1)
	}
	if most > p.Max {
		t.Errorf("%s: %d within %s, at most %d may be", what, most, p.Per, p.Max)
	}
	return most
}

// Ten thousand mails over days of a zone: no rate and no day's quota is exceeded,
// each is used up while anything waits for it, all goes out in the end, in each
// campaign the longest due first, and nothing transactional waits.
func TestRatesOverDays(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("days of mail")
	}
	for _, c := range []struct {
		zone  string
		begin time.Time
	}{
		{"Asia/Manila", time.Date(2026, 11, 10, 14, 40, 0, 0, time.UTC)},  // 22:40
		{"Europe/Athens", time.Date(2026, 3, 28, 20, 50, 0, 0, time.UTC)}, // 22:50, before a day of 23 hours
	} {
		t.Run(path.Base(c.zone)+c.begin.Format(" January"), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) { ratesOverDays(t, s, c.zone, c.begin) })
		})
	}
}

func ratesOverDays(t *testing.T, s *store.Store, zone string, begin time.Time) {
	place, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	server := campaign.Pace{Max: 100, Per: time.Minute}
	gmail, slow := campaign.Pace{Max: 7, Per: time.Minute}, campaign.Pace{Max: 20, Per: time.Hour}
	const daily, total = 3000, 10_000
	d := newRated(t, s, campaign.Provider{Rate: server, Daily: daily, Domains: map[string]campaign.Pace{"gmail.com": gmail}})
	d.rate("slow", slow)
	d.sched.Catalog.Workspace.Zone = place
	d.now = begin
	others := []string{"kape.example", "gmail.com", "yahoo.example", "posta.example"}
	d.makeDue(
		due{"letter", 5000, begin.Add(-time.Hour), time.Millisecond, others},
		due{"cart", 4400, begin.Add(-2 * time.Hour), time.Second, others[2:]},
		due{"slow", 400, begin.Add(-time.Hour), time.Second, others},
		due{"bill", 200, begin.Add(17 * time.Second), 10 * time.Minute, others},
	)
	var all []sent
	rounds := 0
	for ; len(all) < total; rounds++ {
		out, next := d.round()
		all = append(all, out...)
		if !next.IsZero() && !next.After(d.now) {
			t.Fatalf("round %d at %s: to be followed at %s", rounds, d.now, next)
		}
		// The next bill comes without being waited for.
		for _, m := range table(t, s, `SELECT coalesce(min(due_at), 0) FROM messages WHERE stage = 'pending' AND lane = 'transactional' AND due_at > $1`, campaign.Micros(d.now)) {
			var at int64
			fmt.Sscan(m, &at)
			if bill := campaign.FromMicros(at); at > 0 && (next.IsZero() || bill.Before(next)) {
				next = bill
			}
		}
		if next.IsZero() && len(all) < total {
			t.Fatalf("round %d at %s: %d of %d were let out, and nothing is waited for", rounds, d.now, len(all), total)
		}
		if !next.IsZero() {
			d.now = next
		}
	}
	any := func(sent) bool { return true }
	bulk := func(m sent) bool { return m.lane == "bulk" }
	if n := within(t, "the server", all, server, any); n != server.Max {
		t.Errorf("the server was given at most %d within %s", n, server.Per)
	}
	if n := within(t, "gmail.com", all, gmail, func(m sent) bool { return bulk(m) && m.domain() == "gmail.com" }); n != gmail.Max {
		t.Errorf("gmail.com was given at most %d within %s", n, gmail.Per)
	}
	if n := within(t, "slow", all, slow, func(m sent) bool { return m.campaign == "slow" }); n != slow.Max {
		t.Errorf("slow had at most %d within %s", n, slow.Per)
	}
	// The quota is used up every day but the last; only bills go beyond it.
	days, atBulk := map[string]int{}, map[string]int{}
	for _, m := range all {
		day := m.at.In(place).Format(time.DateOnly)
		days[day]++
		if bulk(m) {
			atBulk[day] = days[day]
		}
		if !bulk(m) && m.at.Sub(m.due) > server.Per {
			t.Errorf("a bill due at %s went at %s", m.due, m.at)
		}
	}
	names := slices.Sorted(maps.Keys(days))
	if len(names) != 4 {
		t.Errorf("all went out within %d days", len(names))
	}
	for i, day := range names {
		if n := atBulk[day]; n > daily || n < daily && i < len(names)-1 {
			t.Errorf("%d on %s, of which %d up to its last bulk mail", days[day], day, n)
		}
	}
	last := map[string]sent{}
	for _, m := range all {
		of := m.campaign + " " + m.domain()
		if before, seen := last[of]; seen && (before.due.After(m.due) || before.due.Equal(m.due) && before.id > m.id) {
			t.Errorf("%s: due at %s went before %s", of, before.due, m.due)
		}
		last[of] = m
	}
	is(t, s, []string{fmt.Sprint("accepted ", total)}, `SELECT state, count(*) FROM messages GROUP BY state`)
}

// What was counted for a limit that is gone is dropped, after a while; what a pace may
// still look back at stays.
func TestOldCountsAreDropped(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newRated(t, s, campaign.Provider{Rate: campaign.Pace{Max: 100, Per: 31 * 24 * time.Hour}})
		for _, key := range []string{"provider:default", "domain:gmail.com", "daily:default", "sender:hello", "campaign:1"} {
			for _, hours := range []int{1, 47, 49, 24 * 33} {
				d.exec(`INSERT INTO spent (key, at, n) VALUES ($1, $2, 1)`, key, campaign.Micros(d.now.Add(-time.Duration(hours)*time.Hour)))
			}
		}
		d.relay()
		kept := func() []string {
			return table(t, s, `SELECT key, ($1 - at) / 3600000000 FROM spent ORDER BY key, at DESC`, campaign.Micros(d.now))
		}
		want := []string{"campaign:1 1", "campaign:1 47", "campaign:1 49", "daily:default 1", "daily:default 47", "domain:gmail.com 1", "domain:gmail.com 47",
			"provider:default 1", "provider:default 47", "provider:default 49", "sender:hello 1", "sender:hello 47"}
		if diff := cmp.Diff(want, kept()); diff != "" {
			t.Errorf("kept, with their age in hours (-want +got):\n%s", diff)
		}
		d.now = d.now.Add(time.Minute)
		d.exec(`UPDATE spent SET at = 1 WHERE key = 'daily:default' AND at = (SELECT min(at) FROM spent WHERE key = 'daily:default')`)
		d.relay()
		if n := len(kept()); n != len(want) {
			t.Errorf("%d are left; that is looked for once an hour", n)
		}
		d.now = d.now.Add(time.Hour)
		d.relay()
		for _, row := range kept() {
			if row == "daily:default 47" || row == "daily:default 48" {
				t.Error("left:", row)
			}
		}
	})
}

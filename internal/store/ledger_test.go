package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
	"tidings/internal/content"
	"tidings/internal/store"
	"tidings/scheduler"
	"tidings/worker"
)

// desk is a store at work: a scheduler that ticks by hand, a queue that is a
// list, and a test that plays the worker. Its clock moves only when told.
type desk struct {
	*store.Store
	t     *testing.T
	now   time.Time
	sched *scheduler.Scheduler
	queue *tasks
	space string // tidings.yaml
}

// tasks is a queue that keeps what it is given.
type tasks struct {
	slices []scheduler.Slice
	epoch  string
	most   int // slices that it takes; 0: any number
}

func (q *tasks) Enqueue(_ context.Context, lane campaign.Lane, slice int64) error {
	if q.most > 0 && len(q.slices) >= q.most {
		return errors.New("the queue is full")
	}
	q.slices = append(q.slices, scheduler.Slice{ID: slice, Lane: lane})
	return nil
}

func (q *tasks) Epoch(context.Context) (string, error) { return q.epoch, nil }

// newDesk loads campaigns, by name, and ticks once at t0, which activates them.
// A minute later the desk is open. Lines are put into tidings.yaml, in place of
// those of the same key.
func newDesk(t *testing.T, s *store.Store, campaigns map[string]string, lines ...string) *desk {
	t.Helper()
	q := &tasks{epoch: "first"}
	d := &desk{Store: s, t: t, now: t0, queue: q, space: deskWorkspace(lines), sched: &scheduler.Scheduler{
		Store: s, Queue: q, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Relay: scheduler.RelayOptions{MaxQueued: 1000, SliceSize: 100, Workers: 1},
	}}
	d.load(campaigns)
	d.tick(0)
	d.now = d.now.Add(time.Minute)
	return d
}

func deskWorkspace(lines []string) string {
	all := []string{
		"name: Kape & Co", "zone: UTC", "locales: [en]", "currency: EUR", `brand: { address: "12 Calle Real, Iloilo" }`,
		"senders: { hello: { from: hello@mail.kape.example } }", "topics: { offers: {}, news: {} }", "defaults: { from: hello }",
	}
	for _, line := range lines {
		key, _, _ := strings.Cut(line, ":")
		all = append(slices.DeleteFunc(all, func(was string) bool { return strings.HasPrefix(was, key+":") }), line)
	}
	return strings.Join(all, "\n") + "\n"
}

// load makes campaigns the workspace's; the next tick puts them into the store.
func (d *desk) load(campaigns map[string]string) {
	d.t.Helper()
	files := fstest.MapFS{"tidings.yaml": {Data: []byte(d.space)}}
	for _, name := range []string{"one", "two", "three", "four"} {
		files["templates/"+name+".html"] = &fstest.MapFile{Data: []byte("---\nsubject: Hello\n---\n<p>Hello</p>\n")}
	}
	for name, text := range campaigns {
		files["campaigns/"+name+".yaml"] = &fstest.MapFile{Data: []byte(text)}
	}
	cat, problems := content.Load(files)
	for _, p := range problems {
		if !p.Warning {
			d.t.Fatal(p)
		}
	}
	d.Use(cat)
	d.sched.Catalog = cat
}

// onGo is a campaign that the event Go begins at once; more is added to it.
func onGo(more ...string) string {
	return "status: active\ntopic: offers\ntrigger: { event: { name: Go } }\n" + strings.Join(more, "\n") + "\n"
}

const twoSteps = "steps: [ { send: one }, { wait: 1d }, { send: two } ]"

// join makes customers who can be written to about everything.
func (d *desk) join(names ...string) {
	d.t.Helper()
	for _, name := range names {
		call(d.t, d.Store, d.now, "identify", fmt.Sprintf(`{"userId":%q,"traits":{"email":"%s@kape.example"}}`, name, name))
		d.track(name, "Subscribed", "")
	}
}

// track is an event of a customer, now.
func (d *desk) track(name, event, properties string) {
	d.t.Helper()
	if properties == "" {
		properties = "{}"
	}
	call(d.t, d.Store, d.now, "track", fmt.Sprintf(`{"userId":%q,"event":%q,"properties":%s}`, name, event, properties))
}

func (d *desk) identify(name, traits string) {
	d.t.Helper()
	call(d.t, d.Store, d.now, "identify", fmt.Sprintf(`{"userId":%q,"traits":%s}`, name, traits))
}

// tick lets time pass and ticks.
func (d *desk) tick(after time.Duration) map[string]scheduler.Decided {
	d.t.Helper()
	d.now = d.now.Add(after)
	decided, err := d.sched.Tick(d.t.Context(), d.now)
	if err != nil {
		d.t.Fatal(err)
	}
	return decided
}

// relay puts what is due into the queue and tells into how many slices.
func (d *desk) relay() int {
	d.t.Helper()
	n, err := d.sched.RelayDue(d.t.Context(), d.now)
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

func (d *desk) sweep(after time.Duration) int {
	d.t.Helper()
	d.now = d.now.Add(after)
	n, err := d.Sweep(d.t.Context(), d.now)
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// claim takes everything in the queue through the last look.
func (d *desk) claim() []campaign.Outgoing {
	d.t.Helper()
	var out []campaign.Outgoing
	slices := d.queue.slices
	d.queue.slices = nil
	for _, slice := range slices {
		for {
			got, err := d.Claim(d.t.Context(), slice.ID, 20, d.now)
			if err != nil {
				d.t.Fatal(err)
			}
			if len(got) == 0 {
				break
			}
			out = append(out, got...)
		}
	}
	return out
}

// work is a tick after a while, a relay and the claim of what it queued.
func (d *desk) work(after time.Duration) []campaign.Outgoing {
	d.t.Helper()
	d.tick(after)
	d.relay()
	return d.claim()
}

// one is the only message claimed.
func (d *desk) one(out []campaign.Outgoing) campaign.Outgoing {
	d.t.Helper()
	if len(out) != 1 {
		d.t.Fatalf("%d messages claimed, want 1; the ledger has %q", len(out), d.ledger())
	}
	return out[0]
}

func claimOf(o campaign.Outgoing) campaign.Claim { return campaign.Claim{ID: o.ID, Token: o.Token} }

func handoffOf(o campaign.Outgoing) worker.Batch {
	return worker.Batch{Handoffs: []worker.Handoff{{Claim: claimOf(o), Customer: o.Customer.ID}}}
}

func acceptedOf(o campaign.Outgoing) worker.Batch {
	return worker.Batch{Results: []campaign.Result{{ID: o.ID, Token: o.Token, Verdict: campaign.WasAccepted,
		Reply: campaign.Reply{Code: 250, Enhanced: "2.0.0", Text: "ok"}}}}
}

// handoff asks for the right to send the dot.
func (d *desk) handoff(o campaign.Outgoing) bool {
	d.t.Helper()
	return d.commit(handoffOf(o))[claimOf(o)]
}

func (d *desk) commit(b worker.Batch) map[campaign.Claim]bool {
	d.t.Helper()
	admitted, err := d.Commit(d.t.Context(), b, d.now)
	if err != nil {
		d.t.Fatal(err)
	}
	return admitted
}

// result records a verdict; change fills in more.
func (d *desk) result(o campaign.Outgoing, v campaign.Verdict, change ...func(*campaign.Result)) {
	d.t.Helper()
	r := campaign.Result{ID: o.ID, Token: o.Token, Verdict: v}
	for _, f := range change {
		f(&r)
	}
	d.commit(worker.Batch{Results: []campaign.Result{r}})
}

// send hands messages over, and the server takes them.
func (d *desk) send(out ...campaign.Outgoing) {
	d.t.Helper()
	for _, o := range out {
		if !d.handoff(o) {
			d.t.Fatalf("hand-over of message %d refused", o.ID)
		}
		d.commit(acceptedOf(o))
	}
}

// ledger is every message: customer, step, state, reason.
func (d *desk) ledger() []string {
	d.t.Helper()
	return table(d.t, d.Store, `SELECT c.external_id || ' ' || m.step || ' ' || m.state || CASE WHEN m.reason <> '' THEN ' ' || m.reason ELSE '' END
		FROM messages m JOIN customers c ON c.id = m.customer_id ORDER BY c.id, m.id`)
}

func (d *desk) messages(want ...string) {
	d.t.Helper()
	if diff := cmp.Diff(want, d.ledger()); diff != "" {
		d.t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// passes compares every pass: customer, campaign, state, reason, step.
func (d *desk) passes(want ...string) {
	d.t.Helper()
	got := table(d.t, d.Store, `SELECT c.external_id || ' ' || k.name || ' ' || e.state || CASE WHEN e.reason <> '' THEN ' ' || e.reason ELSE '' END
		|| CASE WHEN e.state = 'running' THEN ' at ' || e.step ELSE '' END
		FROM enrollments e JOIN customers c ON c.id = e.customer_id JOIN campaigns k ON k.id = e.campaign_id ORDER BY c.id, e.anchor_at, e.id`)
	if diff := cmp.Diff(want, got); diff != "" {
		d.t.Errorf("passes (-want +got):\n%s", diff)
	}
}

// column reads one value of a message.
func (d *desk) column(id int64, expr string) string {
	d.t.Helper()
	return table(d.t, d.Store, `SELECT `+expr+` FROM messages WHERE id = $1`, id)[0]
}

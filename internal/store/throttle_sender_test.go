package store_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/scheduler"
)

// unwelcome is what a server says at MAIL of a sender that it does not know.
var unwelcome = campaign.Result{Verdict: campaign.WasRelease, Reason: "refused_sender", Slow: campaign.SlowSender, RetryIn: time.Minute,
	Reply: campaign.Reply{Code: 553, Enhanced: "5.7.1", Text: "Sender address rejected: not owned by user shop"}}

// newSenders is a desk on which letter and cart write under hello, slow under news,
// and bill, which is transactional, under office.
func newSenders(t *testing.T, s *store.Store) *desk {
	t.Helper()
	files := map[string]string{"letter": rated["letter"], "cart": rated["cart"], "slow": rated["slow"] + "from: news\n", "bill": rated["bill"] + "from: office\n"}
	d := newDesk(t, s, files, "senders: { hello: { from: hello@kape.example }, news: { from: news@kape.example }, office: { from: office@kape.example } }")
	d.sched.Relay = scheduler.RelayOptions{MaxQueued: 30, SliceSize: 10, Workers: 4}
	return d
}

// serveAll relays, and has everything answered by campaign, until nothing goes any
// more at this moment. It returns how many mails of each campaign were tried.
func (d *desk) serveAll(says func(of string) campaign.Result) string {
	d.t.Helper()
	tried := map[string]int{}
	for {
		d.relay()
		of := map[int64]string{}
		for _, row := range table(d.t, d.Store, `SELECT m.id, k.name FROM messages m JOIN campaigns k ON k.id = m.campaign_id WHERE m.state = 'queued'`) {
			var id int64
			var name string
			if _, err := fmt.Sscan(row, &id, &name); err != nil {
				d.t.Fatal(err)
			}
			of[id] = name
			tried[name]++
		}
		fs := d.fly()
		if len(fs) == 0 {
			return fmt.Sprint(tried["letter"], tried["cart"], tried["slow"], tried["bill"])
		}
		d.answer(fs, func(f flight) campaign.Result { return says(of[f.id]) })
	}
}

// A sender that the server refuses stops the campaigns that write under it, which are
// tried with one mail every five minutes. All others go on.
func TestSenderRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newSenders(t, s)
		var log bytes.Buffer
		d.sched.Log = slog.New(slog.NewTextHandler(&log, nil))
		for _, name := range []string{"letter", "cart", "slow", "bill"} {
			d.makeDue(due{name, 40, d.now.Add(-time.Hour), time.Second, []string{"gmail.com", "kape.example"}})
		}
		begin := d.now
		back := begin.Add(12 * time.Minute)
		says := func(of string) campaign.Result {
			if (of == "letter" || of == "cart") && d.now.Before(back) {
				return unwelcome
			}
			return accepted
		}
		var got []string
		for ; d.now.Sub(begin) <= 16*time.Minute; d.now = d.now.Add(30 * time.Second) {
			if n := d.serveAll(says); n != "0 0 0 0" {
				got = append(got, fmt.Sprintf("%s: %s", d.now.Sub(begin), n))
			}
			if d.now.Equal(begin) {
				is(t, s, []string{"sender:hello"}, `SELECT key FROM throttles WHERE stopped`)
				_, rows, err := s.OpenMessages(t.Context(), store.OpenQuestion{Campaign: "cart", Limit: 100}, d.now)
				if err != nil || len(rows) != 40 {
					t.Fatalf("%d rows, %v", len(rows), err)
				}
				if r := rows[39]; r.Reason != campaign.GateSender || r.By != "hello" || !r.Next.Equal(begin.Add(5*time.Minute)) {
					t.Errorf("the last one: %+v", r)
				}
				blocks, err := s.Blocks(t.Context(), d.now)
				if err != nil || len(blocks) != 1 || blocks[0].Gate != campaign.GateSender || blocks[0].By != "hello" {
					t.Errorf("blocks %+v, %v", blocks, err)
				}
			}
		}
		if diff := cmp.Diff([]string{"0s: 10 10 40 40", "5m0s: 0 1 0 0", "10m0s: 0 1 0 0", "15m0s: 40 40 0 0"}, got); diff != "" {
			t.Errorf("letter, cart, slow, bill (-want +got):\n%s", diff)
		}
		is(t, s, nil, `SELECT key FROM throttles`)
		is(t, s, []string{"accepted 1 160"}, `SELECT state, max(attempt), count(*) FROM messages GROUP BY state`)
		text := log.String()
		if strings.Count(text, "level=ERROR") != 1 || strings.Count(text, "refuses a sender") != 1 || strings.Count(text, "mail goes out as before") != 1 {
			t.Errorf("log:\n%s", text)
		}
	})
}

// When one sender after the other is refused it is not for the sender: all mail stops,
// unless somebody else's was taken meanwhile.
func TestSendersRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		welcome string // whose mail is taken
		want    []string
	}{
		{"none", []string{"provider:default", "sender:hello", "sender:news"}},
		{"bill", []string{"sender:hello", "sender:news"}},
	} {
		t.Run(c.welcome, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				d := newSenders(t, s)
				says := func(of string) campaign.Result {
					if of == c.welcome {
						return accepted
					}
					return unwelcome
				}
				for _, name := range []string{"letter", "bill", "slow"} {
					if name == "bill" && c.welcome != name {
						continue
					}
					d.makeDue(due{name, 20, d.now.Add(-time.Hour), time.Second, []string{"kape.example"}})
					d.serveAll(says)
					d.now = d.now.Add(time.Second)
				}
				is(t, s, c.want, `SELECT key FROM throttles WHERE stopped ORDER BY key`)
				// That a sender is refused again says nothing of the others.
				d.now = d.now.Add(6 * time.Minute)
				d.serveAll(says)
				is(t, s, c.want, `SELECT key FROM throttles WHERE stopped ORDER BY key`)
				d.makeDue(due{"bill", 20, d.now.Add(-time.Hour), time.Second, []string{"kape.example"}})
				want := "0 0 0 20"
				if c.welcome == "none" {
					want = "0 0 0 0" // the try of these five minutes was another's
				}
				if got := d.serveAll(func(string) campaign.Result { return accepted }); got != want {
					t.Errorf("tried %s, want %s", got, want)
				}
				if lifted, err := s.Lift(t.Context(), "", "ann", d.now); err != nil || !lifted {
					t.Errorf("lifted %v, %v", lifted, err)
				}
				is(t, s, nil, `SELECT key FROM throttles`)
			})
		})
	}
}

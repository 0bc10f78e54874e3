package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// stage is a mail for everybody at the first tick.
type stage struct {
	t     *testing.T
	show  *Show
	clock *Clock
	url   string
	ticks []time.Time
	fail  error
}

func (s *stage) Tick(_ context.Context, now time.Time) error {
	if !s.clock.Now().Equal(now) {
		s.t.Errorf("tick at %s while the clock shows %s", now, s.clock.Now())
	}
	if len(s.ticks) == 0 {
		for i, p := range s.show.People {
			link := fmt.Sprintf("%s/c/%d", s.url, i)
			s.show.Deliver(Mail{To: p.Email, At: now, Campaign: "letter", Pixel: s.url + "/o/x.gif", Links: []string{link}, Unsubscribe: s.url + "/u/x"})
		}
	}
	s.ticks = append(s.ticks, now)
	return s.fail
}

func (s *stage) Bought(context.Context, time.Time) (int, error) { return 7, nil }

// setup plays the first days of the history against a server that counts.
func setup(t *testing.T, days int) (*Show, *stage, *Tally) {
	t.Helper()
	h := mustLoad(t)
	h = h.Until(h.Begin().AddDate(0, 0, days))
	clock := NewClock(h.Begin())
	st, served := &stage{t: t, clock: clock}, &Tally{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/v1/batch":
			if key, _, _ := r.BasicAuth(); key != "key" {
				t.Errorf("the key is %q", key)
			}
			var body struct{ Batch []Call }
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Error(err)
			}
			for _, c := range body.Batch {
				if c.Timestamp.After(clock.Now()) || clock.Now().Sub(c.Timestamp) > telling {
					t.Errorf("%s of %s is told at %s", c.MessageID, c.Timestamp, clock.Now())
				}
				if c.Event == "Order Completed" {
					served.Orders++
				}
			}
		case strings.HasPrefix(r.URL.Path, "/o/"):
			served.Opens++
		case strings.HasPrefix(r.URL.Path, "/c/"):
			served.Clicks++
			http.Redirect(w, r, "https://shop.example/", http.StatusFound)
		case strings.HasPrefix(r.URL.Path, "/u/") && r.Method == http.MethodPost && r.FormValue("List-Unsubscribe") == "One-Click":
			served.Unsubscribed++
		default:
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
	}))
	t.Cleanup(server.Close)
	shop := NewShop(server.Listener.Addr().String(), "key")
	t.Cleanup(shop.Close)
	st.url = server.URL
	st.show = New(Options{History: h, People: People(h), Clock: clock, Stage: st, Shop: shop, Wall: time.Now, Progress: func(Progress) {}})
	return st.show, st, served
}

func TestShowPlaysEverything(t *testing.T) {
	t.Parallel()
	show, st, served := setup(t, 7)
	if err := show.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := show.Tally()
	if got.Orders != len(show.History.Orders) || got.Orders != served.Orders {
		t.Errorf("%d orders counted, %d served, of %d", got.Orders, served.Orders, len(show.History.Orders))
	}
	if got.Mails != len(show.People) || got.Bought != 7 {
		t.Errorf("tally %+v for %d people", got, len(show.People))
	}
	if got.Opens != served.Opens || got.Clicks != served.Clicks || got.Unsubscribed != served.Unsubscribed || got.Opens < 20 || got.Clicks < 2 {
		t.Errorf("counted %+v, served %+v", got, *served)
	}
	if first, last := st.ticks[0], st.ticks[len(st.ticks)-1]; !first.Equal(show.History.Begin()) || !last.Equal(show.History.End()) {
		t.Errorf("ticks from %s to %s", first, last)
	}
}

func TestShowStops(t *testing.T) {
	t.Parallel()
	t.Run("when told to", func(t *testing.T) {
		t.Parallel()
		show, st, _ := setup(t, 3)
		show.Length = time.Hour // it waits in its first steps
		ctx, cancel := context.WithCancel(t.Context())
		show.Progress = func(Progress) { cancel() }
		if err := show.Run(ctx); !errors.Is(err, context.Canceled) || len(st.ticks) != 1 {
			t.Errorf("%v after %d ticks", err, len(st.ticks))
		}
	})
	t.Run("when a tick fails", func(t *testing.T) {
		t.Parallel()
		show, st, _ := setup(t, 3)
		st.fail = errors.New("no")
		if err := show.Run(t.Context()); !errors.Is(err, st.fail) {
			t.Errorf("%v", err)
		}
	})
}

func TestReadersDoNotAllReact(t *testing.T) {
	t.Parallel()
	h := mustLoad(t)
	opened, clicked := 0, 0
	people := People(h)
	for _, p := range people {
		m := Mail{To: p.Email, At: h.Begin().AddDate(0, 3, 0), Campaign: "monthly-letter", Pixel: "/o", Links: []string{"/c"}, Unsubscribe: "/u"}
		reactions := p.React(m)
		for _, r := range reactions {
			if r.At.Before(m.At) || r.At.Before(reactions[0].At) || reactions[0].Deed != Opens {
				t.Errorf("%s at %s comes before the mail or its opening", r.Deed, r.At)
			}
			switch r.Deed {
			case Opens:
				opened++
			case Clicks:
				clicked++
			}
		}
	}
	if n := len(people); opened < n/5 || opened > n*3/5 || clicked == 0 || clicked > opened/3 {
		t.Errorf("%d opened and %d clicked, of %d", opened, clicked, n)
	}
}
